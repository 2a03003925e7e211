"""What the reaper understands of its parent's pipe. What it does is tested in `test_process`."""

from pathlib import Path

from localcluster import reaper


def test_what_is_forgotten_is_not_reaped() -> None:
    lines = ["+group 7", "+group 8", "+directory /tmp/a b", "-group 7", "+directory /tmp/c", "-directory /tmp/c"]
    assert reaper.read_orders(lines) == ({8}, {Path("/tmp/a b")})  # noqa: S108  only names


def test_forgetting_what_was_never_watched_is_no_error() -> None:
    assert reaper.read_orders(["-group 7\n"]) == (set(), set())
