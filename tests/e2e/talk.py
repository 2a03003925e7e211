"""Conversations with the chat."""

from tests.e2e.people import JSON, Person, eventually


class Talk:
    """One conversation, from Berlin."""

    def __init__(self, person: Person) -> None:
        self._api = person.api
        self.id: str | None = None

    def say(self, message: str) -> JSON:
        body = {"message": message, "conversation_id": self.id, "time_zone": "Europe/Berlin"}
        answer = self._api.post("/chat", json=body)
        assert answer.status_code == 200, answer.text
        said: JSON = answer.json()
        self.id = said["conversation_id"]
        return said

    def until(self, message: str, beginning: str) -> JSON:
        """Says it again until it is answered so: the first task of a schedule appears a moment after it."""

        def look() -> JSON | None:
            said = self.say(message)
            return said if said["reply"].startswith(beginning) else None

        return eventually(look, what=f"{message!r} is answered {beginning!r}")
