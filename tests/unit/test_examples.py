"""Every manifest in examples/ parses, occurs, and says so in words."""

from pathlib import Path

import pytest
import yaml

from taskbell.resources import TaskScheduleSpec

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
WORDS = {
    "cron": "Every weekday at 09:30, left out where the clocks skip that time, and on 27 December 2026 at 18:00, "
    "except on 24 December 2026 and 25 December 2026, Europe/Berlin",
    "monthly": "Every last Friday of the month at 17:00, Europe/London",
    "rent": "Every month on the 1st, Europe/Berlin",
    "rrule": "Every month on the second to last and the last of these: every weekday, at 09:00 and 17:00, Asia/Tokyo",
    "standup": "Every day at 09:00, Etc/UTC",
    "weekly": "Every Monday and Friday at 09:00, Europe/Berlin",
    "yearly": "Every 29 February at 09:00, until 31 December 2040, America/New_York",
}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_an_example_says_what_it_does(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    assert TaskScheduleSpec.model_validate(manifest["spec"]).recurrence_text() == WORDS[path.stem]
    assert path.read_text().startswith("# ")
