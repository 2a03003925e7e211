"""Spans of time as ISO 8601 durations that are exact: a day is 24 hours."""

import re
from datetime import timedelta

PATTERN = r"^P(\d{1,3}D|T(\d{1,2}H([0-5]?\dM)?|\d{1,3}M))$"

_PARTS = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$")


def parse(span: str | timedelta) -> timedelta:
    """Raises ValueError for a text that is no such duration."""
    if isinstance(span, timedelta):
        return span
    match = _PARTS.match(span) if re.match(PATTERN, span, re.ASCII) else None
    if match is None:
        raise ValueError(f"{span!r} is no duration such as PT15M, PT1H or P7D")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def text(span: timedelta) -> str:
    """The text of what `parse` reads: whole days, else hours and minutes."""
    minutes = int(span.total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    if not rest:
        return f"P{days}D" if days else "PT0M"
    hours, rest = divmod(minutes, 60)
    return "PT" + f"{hours}H" * bool(hours) + f"{rest}M" * bool(rest)
