"""The two kinds on a real API server: served, explained, defaulted, bounded, and the same after a second apply."""

import json
import re
from datetime import datetime
from itertools import product

import pytest
import yaml

from tests.e2e.people import JSON, Person, World, eventually, now, plain_client, tomorrow_at_nine

UNICODE = "Café ☕ für 会議, שלום עולם, 👩‍👩‍👧 and 😀 "
LONGEST_INSTANT = "2099-12-31T23:59:59.12345678901234+00:00"
assert len(LONGEST_INSTANT) == 40


def stretched(text: str, length: int) -> str:
    """`text` over and over, to the very limit; filled up with what takes four bytes of UTF-8."""
    return (text * (length // len(text))).ljust(length, "😀")


# Served and shown


def test_both_kinds_are_served_with_short_names_and_a_category(world: World) -> None:
    served = json.loads(world.cluster.kubectl("get", "--raw", "/apis/taskbell.dev/v1alpha1"))["resources"]

    names = {each["name"]: (each.get("shortNames"), each.get("categories")) for each in served}
    assert names == {
        "taskschedules": (["tsched"], ["taskbell"]),
        "taskschedules/status": (None, None),
        "tasks": (["tsk"], ["taskbell"]),
        "tasks/status": (None, None),
    }


def test_a_person_sees_both_kinds_with_one_word_and_each_by_its_short_name(world: World, person: Person) -> None:
    person.apply_schedule("standup")
    task = person.open_task("standup")["metadata"]["name"]

    everything = world.cluster.kubectl("get", "taskbell", "--output=name").split()

    assert f"taskschedule.taskbell.dev/{person.named('standup')}" in everything
    assert f"task.taskbell.dev/{task}" in everything
    assert world.cluster.kubectl("get", "tsk", task, "--output=name").strip() == f"task.taskbell.dev/{task}"


def test_the_columns_say_whose_what_and_when(world: World, person: Person) -> None:
    person.apply_schedule("standup", title="Team standup", timeZone="Europe/Berlin", start="2031-06-02T09:00")
    task = person.open_task("standup")["metadata"]["name"]
    eventually(lambda: "True" in shown(world, "tsched", person.named("standup")).values())

    schedule = shown(world, "tsched", person.named("standup"))
    occurrence = shown(world, "tsk", task)

    assert schedule.pop("AGE")
    assert schedule == {
        "NAME": person.named("standup"),
        "USER": person.user,
        "TITLE": "Team standup",
        "RECURRENCE": "Every day at 09:00, Europe/Berlin",
        "SUSPEND": "false",
        "AT": "2031-06-02T07:00:00Z",
        "PHASE": "Open",
        "READY": "True",
    }
    assert occurrence.pop("AGE")
    assert occurrence == {
        "NAME": task,
        "USER": person.user,
        "TITLE": "Team standup",
        "DUE": "2031-06-02T07:00:00Z",
        "STATE": "Open",
        "PRIORITY": "Medium",
        "SCHEDULE": person.named("standup"),
    }


def shown(world: World, kind: str, name: str) -> dict[str, str]:
    header, row = (re.split(r" {2,}", line.strip()) for line in world.cluster.kubectl("get", kind, name).splitlines())
    return dict(zip(header, row, strict=True))


def test_kubectl_explains_a_recurrence(world: World) -> None:
    whole = world.cluster.kubectl("explain", "taskschedule.spec.recurrence", "--recursive")
    fields = world.cluster.kubectl("explain", "taskschedule.spec.recurrence")

    assert "RFC 5545" in whole
    assert all(name in whole for name in ("frequency", "interval", "weekdays", "monthDays", "months", "count", "until"))
    frequency = world.cluster.kubectl("explain", "taskschedule.spec.recurrence.frequency")
    assert all(name in frequency for name in ("Minutely", "Hourly", "Daily", "Weekly", "Monthly", "Yearly"))
    assert "Mon, or with Monthly and Yearly 2Tue and -1Fri" in fields
    assert "The last local time or date that may occur" in fields


# What the API server makes of a manifest


def test_a_minimal_task_and_schedule_get_their_defaults(world: World, person: Person) -> None:
    task = applied(world, person, "Task", "plain", {"title": "Buy milk"})
    start = tomorrow_at_nine()
    schedule = applied(
        world,
        person,
        "TaskSchedule",
        "plain",
        {"task": {"title": "Buy milk"}, "start": start, "recurrence": {"frequency": "Daily"}},
    )

    template = {
        "title": "Buy milk",
        "description": "",
        "priority": "Medium",
        "tags": [],
        "reminders": [],
        "reminderPolicy": {"late": "Latest", "within": "PT1H"},
    }
    one_off = {"timeZone": "Etc/UTC", "state": "Open", "retainFor": "P30D"}
    assert task["spec"] == {"userId": person.user, **template, **one_off}
    assert schedule["spec"] == {
        "userId": person.user,
        "task": template,
        "timeZone": "Etc/UTC",
        "start": start,
        "recurrence": {"frequency": "Daily"},  # what is left out would look set beside an rrule
        "advance": "OnCompletion",
        "missed": {"policy": "Latest", "within": "P7D"},
        "overrides": [],
        "suspend": False,
        "historyLimit": 3,
    }


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        pytest.param("Task", {"title": "x"}, id="Task"),
        pytest.param(
            "TaskSchedule",
            # Suspended, so that only we write it.
            {
                "task": {"title": "x"},
                "start": "2031-01-01T09:00",
                "recurrence": {"frequency": "Daily"},
                "suspend": True,
            },
            id="TaskSchedule",
        ),
    ],
)
def test_status_is_a_subresource(kind: str, spec: JSON, world: World, person: Person) -> None:
    answer = applied(world, person, kind, "x", spec, status={"observedGeneration": 99})
    assert answer.get("status", {}).get("observedGeneration") != 99

    patch = ("patch", kind, person.named("x"), "--type=merge", "--output=json", "--patch")
    through_status = json.loads(
        world.cluster.kubectl(*patch, json.dumps({"spec": {"userId": "somebody-else"}}), "--subresource=status")
    )
    through_object = json.loads(world.cluster.kubectl(*patch, json.dumps({"status": {"observedGeneration": 98}})))

    assert through_status["spec"] == answer["spec"]
    assert through_object["status"]["observedGeneration"] != 98
    assert through_object["metadata"]["generation"] == 1


def test_applying_the_same_again_changes_nothing(world: World, person: Person) -> None:
    spec = {
        "task": {"title": "Team standup", "reminders": [{"before": "PT15M"}]},
        "start": tomorrow_at_nine(),
        "recurrence": {"frequency": "Daily"},
    }
    first = applied(world, person, "TaskSchedule", "standup", spec, "--server-side")
    task = person.open_task("standup")

    again = applied(world, person, "TaskSchedule", "standup", spec, "--server-side")

    assert again["metadata"]["generation"] == first["metadata"]["generation"] == 1
    assert again["spec"] == first["spec"]
    # Not even after we have written to it, and no conflict over a field that we would own.
    settled = eventually(lambda: observed(person.schedule("standup"), 1))
    third = applied(world, person, "TaskSchedule", "standup", spec, "--server-side")
    assert third["metadata"]["resourceVersion"] == settled["metadata"]["resourceVersion"]
    assert [each["metadata"]["uid"] for each in person.tasks("standup")] == [task["metadata"]["uid"]]


def observed(schedule: JSON, generation: int) -> JSON | None:
    status = schedule.get("status", {})
    told = status.get("published", {}).get("generation") == generation
    return schedule if told and status.get("observedGeneration") == generation and "cursor" in status else None


# As large as it gets


def maximal_template() -> JSON:
    return {
        "title": stretched(UNICODE, 200),
        "description": stretched(UNICODE, 1000),
        "priority": "High",
        "tags": [stretched(f"{number:02d} {UNICODE}", 50) for number in range(20)],
        "reminderPolicy": {"late": "Latest", "within": "P999D"},
    }


def maximal_changes() -> JSON:
    return {
        "title": stretched(UNICODE, 200),
        "description": stretched(UNICODE, 400),
        "priority": "Low",
        "tags": [stretched(f"{number:02d} {UNICODE}", 50) for number in range(5)],
        "reminders": BEFORE,
    }


BEFORE = [{"before": f"P{days}DT99999H59M"} for days in range(9990, 10000)]


def test_the_largest_schedule_is_accepted_and_its_title_arrives_everywhere(world: World) -> None:
    with Person.of(world, "s" * 120 + f"{now():%H%M%S}é☕") as person:
        name = f"{now():%H%M%S}".rjust(52, "x")
        weekdays = [
            f"{n}{day}" for n, day in product((-5, -4, -1, 1, 5), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
        ]
        spec = {
            "task": {**maximal_template(), "reminders": BEFORE},
            "timeZone": "America/Argentina/ComodRivadavia",
            "start": "2027-01-01T09:00",
            "recurrence": {
                "frequency": "Yearly",
                "interval": 1,
                "weekdays": weekdays,
                "monthDays": [day for day in range(-31, 32) if day != 0],
                "months": list(range(1, 13)),
                "count": 10_000,
                "additionalDates": [
                    f"{year}-06-15T09:{minute:02d}" for year in range(2040, 2047) for minute in range(60)
                ][:366],
                "excludedDates": [
                    f"{year}-07-15T09:{minute:02d}" for year in range(2040, 2047) for minute in range(60)
                ][:366],
                "monthEnd": "Clamp",
                "dst": {"gap": "Later", "fold": "First"},
            },
            "advance": "OnSchedule",
            "leadTime": "P999D",
            "overlap": "Replace",
            "openLimit": 1,  # else there are more tasks than one to look at
            "overrides": [
                {"occurrence": f"2080-01-{day:02d}T{hour:02d}:59", "task": maximal_changes()}
                for day in range(1, 26)
                for hour in range(20, 24)
            ],
            "missed": {"policy": "Latest", "within": "P31D"},
            "endsAt": LONGEST_INSTANT,
            "historyLimit": 50,
        }
        assert len(weekdays) == 35
        created = applied(world, person, "TaskSchedule", name, spec, named=name)
        changed = {**spec, "historyLimit": 49}  # the rules over old and new cost too
        assert applied(world, person, "TaskSchedule", name, changed, named=name)["metadata"]["generation"] == 2

        title = spec["task"]["title"]  # type: ignore[index]
        assert created["spec"]["task"] == spec["task"]
        item = eventually(lambda: next((each for each in person.items("/tasks")), None), what="its task in the API")
        assert item["title"] == title
        assert item["tags"] == spec["task"]["tags"]  # type: ignore[index]
        assert len(item["reminders"]) == 10
        assert person.api.get("/schedules").json()["items"][0]["title"] == title
        told = eventually(lambda: [e for e in person.audit() if e["topic"] == "task-events"])
        assert told[0]["event"]["data"]["task_data"]["title"] == title
        with plain_client(world, "task-events") as events_of:
            (event,) = eventually(lambda: events_of(person.user))
        assert event["data"]["task_data"]["title"] == title
        person.delete("taskschedule", name)


def test_the_largest_task_is_accepted_and_its_title_arrives_everywhere(world: World) -> None:
    with Person.of(world, "t" * 120 + f"{now():%H%M%S}é☕") as person:
        name = f"{now():%H%M%S}".rjust(63, "x")
        moments = [datetime(2099, 12, 31, 23, 59, second) for second in range(10)]  # noqa: DTZ001  its text says UTC
        spec = {
            **maximal_template(),
            "dueAt": LONGEST_INSTANT,
            "timeZone": "America/Argentina/ComodRivadavia",
            "snoozedUntil": LONGEST_INSTANT,
            "retainFor": "P999D",
            "reminders": [{"at": f"{moment.isoformat()}.12345678901234+00:00"} for moment in moments],
        }
        created = applied(world, person, "Task", name, spec, named=name)
        changed = {**spec, "priority": "Low"}
        assert applied(world, person, "Task", name, changed, named=name)["metadata"]["generation"] == 2

        assert created["spec"]["title"] == spec["title"]
        item = eventually(lambda: next((i for i in person.items("/tasks") if i["priority"] == "Low"), None))
        assert (item["title"], item["description"]) == (spec["title"], spec["description"])
        (snooze,) = eventually(lambda: person.items("/reminders"))
        assert snooze["reminder_id"] == "snooze", "all others lie before its end"
        told = eventually(lambda: person.audit() if len(person.audit()) == 2 else None)
        assert {each["event"]["data"]["task_data"]["title"] for each in told} == {spec["title"]}
        with plain_client(world, "task-events") as events_of:
            events = eventually(lambda: events_of(person.user))
        assert {event["data"]["task_data"]["title"] for event in events} == {spec["title"]}
        person.delete("task", name)


def test_the_largest_occurrence_is_accepted(world: World, person: Person) -> None:
    """Only tried: an occurrence that no schedule made is none."""
    spec = {
        **maximal_template(),
        "dueAt": LONGEST_INSTANT,
        "reminders": BEFORE,
        "snoozedUntil": LONGEST_INSTANT,
        "retainFor": "P999D",
        "state": "Completed",
        "completedAt": LONGEST_INSTANT,
        "occurrence": {
            "schedule": "x" * 63,
            "sequence": 2**31 - 1,
            "local": "2999-12-31T23:59",
            "fold": 1,
            "at": LONGEST_INSTANT,
        },
    }

    answer = applied(world, person, "Task", "occurrence", spec, "--dry-run=server")

    assert answer["spec"] == {"userId": person.user, "timeZone": "Etc/UTC", **spec}


def applied(
    world: World,
    person: Person,
    kind: str,
    name: str,
    spec: JSON,
    *arguments: str,
    named: str = "",
    status: JSON | None = None,
) -> JSON:
    """What the API server answers."""
    manifest = {
        "apiVersion": "taskbell.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": named or person.named(name)},
        "spec": {"userId": person.user, **spec},
        **({"status": status} if status else {}),
    }
    answer: JSON = json.loads(
        world.cluster.kubectl("apply", "--output=json", "--filename", "-", *arguments, stdin=yaml.safe_dump(manifest))
    )
    return answer
