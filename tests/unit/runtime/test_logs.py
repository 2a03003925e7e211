import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from runtime import logs


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """What was written, line by line, since `configure`; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_one_object_with_its_keys(lines: Any) -> None:
    logs.configure("operator", "INFO")
    logs.get("here").info("task created", action="create_task", key="Task default/milk")
    (line,) = lines()
    at = datetime.fromisoformat(line.pop("time"))
    assert at.utcoffset() is not None
    assert line == {
        "service": "operator",
        "message": "task created",
        "level": "info",
        "logger": "here",
        "action": "create_task",
        "key": "Task default/milk",
    }


def test_a_standard_loggers_line_looks_the_same_and_keeps_its_extra(lines: Any) -> None:
    logs.configure("operator", "INFO")
    logging.getLogger("kopf.reactor").warning("watch of %s ended", "tasks", extra={"action": "watch"})
    (line,) = lines()
    del line["time"]
    assert line == {
        "service": "operator",
        "message": "watch of tasks ended",
        "level": "warning",
        "logger": "kopf.reactor",
        "action": "watch",
    }


@pytest.mark.parametrize("logger", [logs.get("ours"), logging.getLogger("theirs")], ids=["ours", "the standard's"])
def test_an_exception_is_text_in_the_same_line(lines: Any, logger: Any) -> None:
    logs.configure("operator", "INFO")
    try:
        int("two\nlines")
    except ValueError:
        logger.exception("pass failed")
    (line,) = lines()
    assert line["message"] == "pass failed"
    assert line["exception"].startswith("Traceback")
    assert "ValueError: invalid literal for int()" in line["exception"]


def test_an_exception_handed_over_is_text_too(lines: Any) -> None:
    logs.configure("operator", "INFO")
    logs.get("here").error("a part died", exc_info=ValueError("why"))
    (line,) = lines()
    assert line["exception"] == "ValueError: why"


def test_what_lies_below_the_level_is_not_written(lines: Any) -> None:
    logs.configure("operator", "WARNING")
    for logger in (logs.get("here"), logging.getLogger("there")):
        logger.info("applied")
        logger.warning("put off")
    assert [line["message"] for line in lines()] == ["put off", "put off"]


def test_configured_twice_a_line_is_written_once(lines: Any) -> None:
    logs.configure("operator", "INFO")
    logs.configure("operator", "INFO")
    logging.getLogger("there").info("once")
    assert len(lines()) == 1
