"""What follows from a schedule and a task: pure decisions, no effects.

`schedule.plan` and `task.plan` say which actions are still missing for one object, in an order that may break off
anywhere; `()` means all is well. Every action has a deterministic name or id and comes before the status that notes it,
so a crash at any point replays the same effects under the same names. `cursor.advance` is shared with the recurring
consumer. Read in this order: `actions`, `cursor`, `schedule`, `task`; `story` says it to people.
"""
