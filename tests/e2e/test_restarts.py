"""Any one part is killed in the middle of the story; nothing is lost, nothing comes twice, nobody has to help."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.e2e.people import JSON, Person, World, eventually, instant, now

pytestmark = pytest.mark.timeout(120)

SETTLED = 90
"""Seconds: a Dapr scheduler that was killed leads again only after 23 s, a Kafka session lasts 10 s."""


def kill_and_start(name: str) -> Callable[[World], None]:
    def strike(world: World) -> None:
        world.cluster.part(name).kill()
        world.cluster.part(name).start()

    return strike


def kill_and_start_the_broker(world: World) -> None:
    kill_and_start(world.broker)(world)


def wipe_the_scheduler(world: World) -> None:
    scheduler = world.cluster.part("scheduler")
    scheduler.kill()
    scheduler.wipe()
    scheduler.start()


@pytest.mark.parametrize(
    "strike",
    [
        pytest.param(kill_and_start("operator"), id="operator"),
        pytest.param(kill_and_start("operator-sidecar"), id="the operator's sidecar"),
        pytest.param(kill_and_start("recurring"), id="recurring consumer"),
        pytest.param(kill_and_start("notification"), id="notification consumer"),
        pytest.param(kill_and_start("projection"), id="projection consumer"),
        pytest.param(wipe_the_scheduler, id="the Dapr scheduler, with its data wiped"),
        pytest.param(kill_and_start_the_broker, id="the broker"),
        pytest.param(kill_and_start("postgres"), id="Postgres"),
        pytest.param(kill_and_start("apiserver"), id="the API server"),
    ],
)
def test_killed_between_a_completion_and_the_next_occurrence(
    strike: Callable[[World], None], world: World, person: Person
) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")
    remind_at = now() + timedelta(seconds=3)
    person.apply_task("report", dueAt=instant(remind_at + timedelta(minutes=15)), reminders=[{"before": "PT15M"}])
    person.complete(first)

    strike(world)

    second = person.open_task("standup", after=first, within=SETTLED)
    assert second["spec"]["occurrence"]["sequence"] == 2
    entries = eventually(lambda: arrived(person), SETTLED, what="the reminder in the inbox")
    assert [entry["task_id"] for entry in entries] == [person.named("report")]
    expected = {
        (person.named("standup"), "created"),
        (first["metadata"]["name"], "created"),
        (first["metadata"]["name"], "completed"),
        (second["metadata"]["name"], "created"),
        (person.named("report"), "created"),
    }
    eventually(lambda: {(e["object_id"], e["event_type"]) for e in person.audit()} == expected, SETTLED)
    assert len(person.audit()) == len(expected)
    # One more full turn shows that everything works again, and that nothing of the old one comes late.
    person.complete(second)
    person.open_task("standup", after=second, within=SETTLED)
    assert [task["spec"]["occurrence"]["sequence"] for task in person.tasks("standup")] == [1, 2, 3]
    assert len(person.inbox()) == 1
    assert sent(world, person) == 1


def arrived(person: Person) -> list[JSON] | None:
    answer = person.api.get("/inbox")
    return answer.json()["items"] if answer.status_code == 200 else None


def sent(world: World, person: Person) -> int:
    engine = create_engine(world.cluster.database_url.replace("postgresql:", "postgresql+psycopg2:"))
    query = text("select count(*) from ledger.deliveries where user_id = :user and state = 'sent'")
    with engine.connect() as connection:
        number = connection.execute(query, {"user": person.user}).scalar_one()
    engine.dispose()
    return int(number)
