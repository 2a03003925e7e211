"""What a person reads while waiting: one calm line for each step, with the seconds it took."""

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

Report = Callable[[str], None]
"""Takes one finished sentence."""

REMINDER_SECONDS = 30.0


def say(sentence: str) -> None:
    """The terminal's `Report`: at once, also into a pipe."""
    print(sentence, flush=True)


def say_more(text: str) -> None:
    """What somebody else has printed, as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def silent(_sentence: str) -> None:
    """The `Report` of callers who do not watch."""


@contextmanager
def step(sentence: str, report: Report) -> Generator[None]:
    """Reports `sentence` at the start, the elapsed time every half minute, and the whole time at the end."""
    begun = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(REMINDER_SECONDS):
            report(f"  still at it after {time.monotonic() - begun:.0f} s: {sentence}")

    report(sentence)
    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        over.set()
        reminder.join()
    report(f"  done in {time.monotonic() - begun:.1f} s")


def fail(error: Exception) -> int:
    """Shows an error a person can mend, and gives the exit code for it."""
    print(f"localcluster: {error}", file=sys.stderr, flush=True)
    return 1
