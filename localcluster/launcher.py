"""Becomes another program that dies with its parent: `launcher.py PARENT SIGNAL USER PROGRAM [ARGUMENT...]`.

Run between fork and exec as a program of its own, because code in `preexec_fn` may deadlock in a process with threads.
USER is a user's name to drop to, or "" to stay. Standard library only: it runs under `python -I -S`.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, death_signal: str, user: str, *argv: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if user:
        _become(pwd.getpwnam(user))
    # After the change of user, which clears it (prctl(2)).
    libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its child started")
    try:
        os.execvp(argv[0], argv)  # noqa: S606  no shell is wanted
    except OSError as error:
        sys.exit(f"cannot run {argv[0]}: {error.strerror}")


def _become(user: pwd.struct_passwd) -> None:
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    main(*sys.argv[1:])
