"""When something occurs. Pure arithmetic on integers; no I/O, no clock, no zone but the pinned tzdata's.

To read in this order: `rule` (the values: `Rule`, `Cron`, `Policies`, the reasons of refusals), `expansion` (which
dates and minutes a rule yields, on the wall clock), `zones` (wall clock to instants), `timelines` (both together),
`series` (the public face: `Series(zone_name, start, rule, policies)` answers `next_after`, `upcoming`, `between`,
`last_until`, `count_between`, `find`), `completion` (the next one counted from when the last was closed). `rfc5545` and
`cron` read and write texts, `wording` says a series in English, `offsets` places reminders.

A query's work is bounded by steps, never by time: what is accepted answers, what would not is `Rejected(TooCostly)`.
"""
