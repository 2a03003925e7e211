"""The domain of Taskbell: what a schedule means and what is still to be done for it.

Pure: no I/O, no clock, no randomness, no environment (import-linter checks it). Instants are aware UTC and are
passed in; wall-clock times are naive and called `local`. Read in this order: `resources` (the custom resources),
`calendar` (when something occurs), `lifecycle` (what follows from it), `events` (what the world is told).
"""
