"""A seeded world in which the production code lives for years within seconds.

The operator's `Machinery` and `Elector`, the plans of `taskbell.lifecycle` and the recurring consumer run as they are,
on an event loop whose time only jumps; in some lives there are two operators. Around them, in memory: an API server,
Dapr's scheduler and publish, Kafka, users, and the faults that each of them is capable of. A judge looks after every
step. One seed is one life, byte for byte the same each time.

Read in this order: `script` (what happens to the world), `faults`, `gestures`, `world` (how it is wired), `judge` (what
has to hold; with `timetable`, `reminders`, `lives`), `network`, `apiserver`, `leases`, `dapr`, `kafka`, `processes`
(the outside), `shrink`, `__main__`. May import everything; only tests may import it. Not in the wheel.
"""
