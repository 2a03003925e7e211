"""The real servers as plain processes on loopback, for development and tests.

Charter: nothing of Taskbell's other packages is imported here; our services are started as programs, as anybody's
would be. No server is faked. Whatever is started ends with the process that started it, also after kill -9.

Read in this order: `process` (one supervised child) and `reaper` (who cleans up after us), `part` (what every part
can do), one module for each server, `cluster` (all of them together). `tools` and `binaries` say where the
executables come from.
"""
