"""Names are the same whoever builds them."""

import re

import pytest

from taskbell import naming

UID = "5c4ed01e-0000-4000-8000-000000000001"


def test_the_name_of_an_occurrence() -> None:
    assert naming.task_name("standup", UID, 17) == "standup-5c4ed-17"


def test_the_longest_name_is_still_a_label_value() -> None:
    assert len(naming.task_name("s" * 52, UID, 9999)) <= 63


@pytest.mark.parametrize("user", ["ada", "auth0|42", "ada@example.com", "Zoë", "x" * 128])
def test_any_user_is_a_label_value(user: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", naming.user_label(user))


def test_two_users_have_two_labels() -> None:
    assert naming.user_label("ada") != naming.user_label("Ada")


ACTORS = [
    pytest.param(naming.actor(4, "ada"), 4, "ada", id="who made this generation"),
    pytest.param(naming.actor(4, "Ada Lovelace"), 4, "Ada Lovelace", id="a subject with a space"),
    pytest.param(naming.actor(3, "ada"), 4, None, id="another generation: unknown"),
    pytest.param(None, 4, None, id="no annotation"),
    pytest.param("4", 4, None, id="no subject"),
    pytest.param("", 4, None, id="nothing"),
]


@pytest.mark.parametrize(("annotation", "generation", "actor"), ACTORS)
def test_the_actor(annotation: str | None, generation: int, actor: str | None) -> None:
    assert naming.actor_of(annotation, generation) == actor
