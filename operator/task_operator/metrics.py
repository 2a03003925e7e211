"""Prometheus metrics. Labels come from small closed sets, never from names or uids."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("taskbell_reconciles_total", "Passes over one object", ["kind", "outcome"])
PASS_SECONDS = Histogram(
    "taskbell_reconcile_seconds",
    "How long a pass took",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUEUE_DEPTH = Gauge("taskbell_queue_depth", "Keys that wait for a worker", ["lane"])
QUEUE_LATENCY = Histogram(
    "taskbell_queue_latency_seconds",
    "How long a key waited for a worker",
    ["lane"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE_RETRIES = Counter("taskbell_queue_retries_total", "Keys put back with a back-off")
LEADER = Gauge("taskbell_leader", "1 on the replica that works")
TASK_LATENESS = Histogram(
    "taskbell_task_creation_lateness_seconds",
    "From the moment a Task could be created (its predecessor closed, or its schedule created) until it was",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60, 300, 3600),
)
FALLBACK_ADVANCES = Counter(
    "taskbell_fallback_advances_total", "Cursors the operator advanced because no recurring consumer did"
)
PUBLISHED = Counter("taskbell_events_published_total", "Events the broker accepted", ["topic"])
EVENTS_WAITING = Gauge("taskbell_events_waiting", "Objects that have something to tell on a topic", ["topic"])
PUBLISH_SECONDS = Histogram(
    "taskbell_publish_seconds",
    "How long the sidecar took for a batch, accepted or not",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PUBLISH_FAILURES = Counter("taskbell_publish_failures_total", "Batches the broker did not accept whole", ["topic"])
BROKER_AWAY = Gauge("taskbell_broker_away", "1 while the circuit breaker of a topic is open", ["topic"])
RINGS = Counter("taskbell_alarm_rings_total", "Callbacks of Dapr jobs")
ALARMS_ARMED = Gauge("taskbell_alarms_armed", "Dapr jobs that are set")
ALARMS_MISSED = Counter("taskbell_alarms_missed_total", "Wake-ups that no ring preceded")
ALARM_FAILURES = Counter("taskbell_alarm_failures_total", "Arms and disarms the scheduler did not accept")
UNTOLD_DELETIONS = Counter("taskbell_unpublished_deletions_total", "Objects let go before their deletion was told")
SWEEPS = Counter("taskbell_sweeps_total", "Comparisons of the cache with the API server", ["outcome"])
SWEEP_FOUND = Counter("taskbell_sweep_found_total", "What no watch had told, found by a sweep", ["kind", "what"])
RECORDS = Counter("taskbell_kubernetes_events_total", "Kubernetes Events about our objects", ["outcome"])
UNREADABLE = Counter("taskbell_unreadable_objects_total", "Objects this version cannot read", ["kind"])
REMINDER_LATENESS = Histogram(
    "taskbell_reminder_told_lateness_seconds",
    "From remindAt to the moment the broker accepted the reminder",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
REMINDERS_EXPIRED = Counter("taskbell_reminders_expired_total", "Reminders that came too late to be sent")
