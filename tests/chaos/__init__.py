"""Faults on the real parts, while people work; afterwards what they were answered is compared with what there is.

residents ──► API server and API shim ──► history
faults ─────► any part: kill -9, SIGSTOP; the Dapr scheduler's data wiped
history + findings (API server, broker, database) ──► judge ──► 0 lost, 0 doubled, 0 stuck
"""
