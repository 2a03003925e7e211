"""Time zones by the names people use for them."""

from functools import lru_cache
from zoneinfo import available_timezones


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str | None]:
    """Casefolded IANA names, and cities that stand in exactly one of them (None: in several)."""
    names: dict[str, str | None] = {}
    zones = sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
    )
    for zone in zones:
        city = zone.rpartition("/")[2].replace("_", " ").casefold()
        names[city] = None if city in names else zone
    names |= {zone.casefold(): zone for zone in available_timezones()}
    return names | {"utc": "Etc/UTC", "gmt": "Etc/UTC", "new york city": "America/New_York", "nyc": "America/New_York"}


def named(text: str) -> str | None:
    """ "Europe/Berlin", "berlin", "New York" → the IANA name; None for what is none, or several."""
    plain = text.strip().strip(".!").casefold()
    names = _by_name()
    return names.get(plain) or names.get(plain.replace(" ", "_"))
