import asyncio
from collections.abc import Awaitable

from task_operator.breaker import Breaker


class Sleeps:
    """Returns at once and remembers for how long it should have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> Awaitable[None]:
        self.seconds.append(seconds)
        return asyncio.sleep(0)


async def test_the_pauses_double_up_to_eight_seconds() -> None:
    sleeps = Sleeps()
    breaker = Breaker("broker", sleep=sleeps)
    for _ in range(7):
        await breaker.failed("away")
    assert sleeps.seconds == [1, 2, 4, 8, 8, 8, 8]


async def test_it_pauses_also_after_a_night_of_failures() -> None:
    sleeps = Sleeps()
    breaker = Breaker("broker", sleep=sleeps)
    for _ in range(3000):
        await breaker.failed("away")
    assert sleeps.seconds[-1] == 8


async def test_it_opens_at_the_first_failure_and_closes_at_the_first_success() -> None:
    breaker = Breaker("broker", sleep=Sleeps())
    assert not breaker.open
    await breaker.failed("away")
    assert breaker.open
    breaker.succeeded()
    assert not breaker.open


async def test_opened_is_called_once_for_every_time_it_opens_and_finds_it_open() -> None:
    states: list[bool] = []
    breaker = Breaker("broker", opened=lambda: states.append(breaker.open), sleep=Sleeps())
    for _ in range(2):
        await breaker.failed("away")
        await breaker.failed("away")
        breaker.succeeded()
    assert states == [True, True]


async def test_after_a_success_the_pauses_start_anew() -> None:
    sleeps = Sleeps()
    breaker = Breaker("broker", sleep=sleeps)
    await breaker.failed("away")
    await breaker.failed("away")
    breaker.succeeded()
    await breaker.failed("away")
    assert sleeps.seconds == [1, 2, 1]
