"""What there is afterwards: on the API server, on the broker, in the database."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import create_engine, text

from localcluster import topics
from localcluster.cluster import Cluster
from tests.chaos.tools import JSON, Kubectl

TOPICS = ("task-events", "schedule-events", "reminders")
DEAD = tuple(f"{topic}-dead" for topic in TOPICS)


@dataclass(frozen=True, slots=True)
class Projected:
    """A row of `projection.tasks` or `projection.schedules`; `state` and `title` are those of a Task."""

    uid: str
    generation: int
    deleted: bool
    state: str
    title: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A row of `ledger.deliveries`. `inbox`: how many entries it has in the inbox."""

    event_id: str
    task_uid: str
    remind_at: datetime
    state: str
    inbox: int


@dataclass(frozen=True, slots=True)
class Findings:
    """`events`: the CloudEvents of each of `TOPICS` as they lie there, repetitions included, in the order of each
    partition; `sent` of each is when it set out. `audit`: id to event."""

    tasks: list[JSON]
    schedules: list[JSON]
    events: dict[str, list[JSON]]
    dead_letters: int
    audit: dict[str, JSON]
    projected_tasks: list[Projected]
    projected_schedules: list[Projected]
    deliveries: list[Delivered]


def look(cluster: Cluster, kubectl: Kubectl) -> Findings:
    events = {
        topic: [{**json.loads(record.value), "sent": record.at} for record in _records(cluster, topic)]
        for topic in TOPICS
    }
    engine = create_engine(cluster.database_url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        audit = connection.execute(text("select event_id, event from ledger.audit")).all()
        tasks = connection.execute(
            text("select uid, generation, deleted_at is not null, state, data->>'title' from projection.tasks")
        ).all()
        schedules = connection.execute(
            text("select uid, generation, deleted_at is not null, '', '' from projection.schedules")
        ).all()
        deliveries = connection.execute(
            text(
                "select event_id, task_uid, remind_at, state,"
                " (select count(*) from ledger.inbox where delivery_id = deliveries.id) from ledger.deliveries"
            )
        ).all()
    engine.dispose()
    return Findings(
        tasks=kubectl.list("tasks"),
        schedules=kubectl.list("taskschedules"),
        events=events,
        dead_letters=sum(len(_records(cluster, topic)) for topic in DEAD),
        audit={row[0]: row[1] for row in audit},
        projected_tasks=[Projected(*row) for row in tasks],
        projected_schedules=[Projected(*row) for row in schedules],
        deliveries=[Delivered(*row) for row in deliveries],
    )


def _records(cluster: Cluster, topic: str) -> list[topics.Record]:
    with topics.on_kafka(cluster.kafka_brokers, topic) as news:
        return news()
