"""US-P5-03: every operation on a task is an event on Kafka, with the whole task."""

from tests.e2e.people import JSON, Person, World, eventually, plain_client

FIVE_FIELDS = {"event_type", "task_id", "task_data", "user_id", "timestamp"}


def test_buy_groceries_created_updated_completed_deleted_are_seen_by_a_plain_client_of_the_broker(
    world: World, person: Person
) -> None:
    with plain_client(world, "task-events") as events_of:

        def told(event_type: str) -> JSON:
            return eventually(
                lambda: next((e for e in events_of(person.user) if e["data"]["event_type"] == event_type), None)
            )

        answer = person.api.post("/tasks", json={"title": "Buy groceries", "tags": ["home"]})
        assert answer.status_code == 201, answer.text
        task_id = answer.json()["id"]
        created = told("created")
        assert person.api.patch(f"/tasks/{task_id}", json={"priority": "High"}).status_code == 200
        updated = told("updated")
        assert person.api.patch(f"/tasks/{task_id}", json={"state": "Completed"}).status_code == 200
        completed = told("completed")
        assert person.api.delete(f"/tasks/{task_id}").status_code == 204
        deleted = told("deleted")

        stream = events_of(person.user)

    assert [event["data"]["event_type"] for event in stream] == ["created", "updated", "completed", "deleted"]
    assert all(event["data"].keys() >= FIVE_FIELDS for event in stream)
    assert all(event["data"]["task_id"] == task_id for event in stream)
    assert created["data"]["task_data"]["title"] == "Buy groceries"
    assert created["data"]["task_data"]["tags"] == ["home"]
    assert updated["data"]["task_data"]["priority"] == "High"
    assert updated["data"]["actor"] == person.user
    assert completed["data"]["task_data"]["completed"] is True
    assert deleted["data"]["reason"] == "User"
    assert len({event["id"] for event in stream}) == 4


def test_what_task_updates_tells_of_can_be_read_by_then(world: World, person: Person) -> None:
    with plain_client(world, "task-updates") as events_of:

        def told(event_type: str) -> JSON:
            return eventually(
                lambda: next((e for e in events_of(person.user) if e["data"]["event_type"] == event_type), None)
            )

        person.apply_task("groceries", title="Buy groceries")
        created = told("created")
        assert [task["title"] for task in person.items("/tasks")] == ["Buy groceries"]
        person.patch("task", person.named("groceries"), {"title": "Buy bread"})
        updated = told("updated")
        assert [task["title"] for task in person.items("/tasks")] == ["Buy bread"]
        person.delete("task", person.named("groceries"))
        told("deleted")
        assert person.items("/tasks") == []

    assert created["data"]["task_id"] == person.named("groceries")
    assert (created["data"]["generation"], updated["data"]["generation"]) == (1, 2)
    assert updated["data"]["change"] == "edited"
    assert created["source"].endswith("/projection")


def test_the_audit_service_logs_who_did_what(person: Person) -> None:
    task_id = person.api.post("/tasks", json={"title": "Buy groceries"}).json()["id"]
    person.api.patch(f"/tasks/{task_id}", json={"state": "Completed"})

    def log() -> list[tuple[str, str | None]]:
        return [(entry["event_type"], entry["actor"]) for entry in person.audit()]

    eventually(lambda: log() == [("created", person.user), ("completed", person.user)])
