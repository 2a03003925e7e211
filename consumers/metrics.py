"""What the consumers count. Labels come from small closed sets, never names or uids."""

from prometheus_client import Counter, Histogram

EVENTS = Counter(
    "taskbell_events_handled_total", "Events answered, by consumer and outcome", ("consumer", "topic", "outcome")
)
ADVANCES = Counter("taskbell_recurring_advances_total", "Closed occurrences looked at, by what came of it", ("result",))
DELIVERIES = Counter("taskbell_deliveries_total", "Deliveries that reached a final state", ("state",))
POSTPONED = Counter("taskbell_deliveries_postponed_total", "Attempts put off because the API server was away")
LATENESS = Histogram(
    "taskbell_reminder_lateness_seconds",
    "From the instant a reminder was for to its delivery",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
