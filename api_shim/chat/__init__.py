"""Everyday English sentences about tasks, understood by a small grammar without any service outside.

Pure but for `service`: no clock, no I/O. A sentence means one thing, is asked back, or is refused with examples; what
was understood is always said with its date in words. Read in this order: `grammar` (sentence → intent), `dates` (what
a text says of time), `matching` (which task is meant), `conversation` (intent → tool call, question or answer),
`wording` (what is said back), `service` (the round trip with the state store), `routes`.

Why the date grammar is ours: of the libraries tried, dateparser takes "Friday at 10" for an October, parsedatetime and
recurrent read "15 minutes before" as a date or a recurrence, and none can say that a phrase is ambiguous.
"""
