"""The REST API: what a person may mean with tasks and schedules, said in JSON.

Writes become custom resources, reads come from Postgres, and an answer already shows what was just written. Routes
translate and nothing else; whatever can be refused is refused in the words of RFC 9457. Not here: anything about what
a schedule means (`taskbell`), any SQL (`store`). Read in this order: `app`, `tasks` and `schedules` (the routes),
`bodies` and `answers` (the JSON), `writing`, `ports`, `problems`, `access`.
"""
