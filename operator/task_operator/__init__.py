"""The operator: keeps the world as the custom resources ask. Observe → plan → apply; the domain decides, this acts.

Create, update, resume and callback all only enqueue a key. Only `handlers` and `__main__` know Kopf. Read in this
order: `reconcile`, `queue`, `cache`, `publisher`, `alarms`, `wakeups`, `recorder`, `machinery`, `leader`, `sweep`,
`service`, `handlers`.
"""
