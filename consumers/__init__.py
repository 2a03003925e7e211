"""Four services that live on events, one program: `python -m consumers recurring|notification|audit|projection`.

Read in this order: `subscriptions` (a batch comes in and is answered), `storing` (batches into PostgreSQL), then the
four. A handler's law: it may be given any event again, in any order, and twice comes to once. It answers after its
effects are durable. What fails is one of two things: `Away`, the whole batch comes again until it works; `Refused`,
the event itself can never be handled and goes to the dead-letter topic, without holding up the others.
"""
