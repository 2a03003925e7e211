"""Prometheus metrics. Labels come from small closed sets, never from names or uids."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("taskbell_reconciles_total", "Passes over one object", ["kind", "outcome"])
QUEUE_DEPTH = Gauge("taskbell_queue_depth", "Keys that wait for a worker")
FALLBACK_ADVANCES = Counter(
    "taskbell_fallback_advances_total", "Cursors the operator advanced because no recurring consumer did"
)
PUBLISHED = Counter("taskbell_events_published_total", "Events the broker accepted", ["topic"])
PUBLISH_FAILURES = Counter("taskbell_publish_failures_total", "Batches the broker did not accept whole", ["topic"])
BROKER_AWAY = Gauge("taskbell_broker_away", "1 while the circuit breaker of a topic is open", ["topic"])
RINGS = Counter("taskbell_alarm_rings_total", "Callbacks of Dapr jobs")
ALARMS_ARMED = Gauge("taskbell_alarms_armed", "Dapr jobs that are set")
ALARMS_MISSED = Counter("taskbell_alarms_missed_total", "Wake-ups that no ring preceded")
ALARM_FAILURES = Counter("taskbell_alarm_failures_total", "Arms and disarms the scheduler did not accept")
UNTOLD_DELETIONS = Counter("taskbell_unpublished_deletions_total", "Objects let go before their deletion was told")
UNREADABLE = Counter("taskbell_unreadable_objects_total", "Objects this version cannot read", ["kind"])
REMINDER_LATENESS = Histogram(
    "taskbell_reminder_told_lateness_seconds",
    "From remindAt to the moment the broker accepted the reminder",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
