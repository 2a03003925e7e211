"""Finds Chromium and its driver for tests in a real browser; on Debian, as root, installs them where absent."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from localcluster import debian
from localcluster.errors import MissingPrerequisiteError
from localcluster.progress import Report, step

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_DRIVERS = ("chromedriver",)


@dataclass(frozen=True, slots=True)
class Chromium:
    browser: Path
    driver: Path


def ensure(log: Path, report: Report) -> Chromium:
    """Raises `MissingPrerequisiteError`, which says what to install."""
    if (found := find()) is not None:
        return found
    if not debian.can_install():
        raise MissingPrerequisiteError(
            "Chromium and chromedriver of the same version are needed, and not both on PATH. To mend it, install them "
            "(on Debian `apt-get install chromium chromium-driver`) or run this as root."
        )
    with step("Chromium, from Debian's package: usually 60 s", report):
        # Without a font of its own a minimal machine shows boxes.
        debian.install(("chromium", "chromium-driver", "fonts-dejavu-core"), log)
    if (found := find()) is None:
        raise MissingPrerequisiteError(f"Debian's packages are installed, but hold no chromium or driver; see {log}")
    return found


def find() -> Chromium | None:
    """What is on PATH."""
    browser, driver = (next(filter(None, map(shutil.which, names)), None) for names in (_BROWSERS, _DRIVERS))
    return Chromium(Path(browser), Path(driver)) if browser and driver else None
