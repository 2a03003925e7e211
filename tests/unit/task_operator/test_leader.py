"""client-go's tools/leaderelection tests, ported, and what sleeping processes add to them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from runtime.apiserver import Overloaded, Unreachable
from runtime.leases import Lease
from task_operator.leader import Elector, Timing
from task_operator.testing import MemoryLeases
from taskbell.lifecycle.testing import MONDAY_SEVEN


class Candidate:
    """An elector on a Lease that others may want too. `asleep` is how long its process has been stopped."""

    def __init__(self, leases: MemoryLeases, identity: str, jitter: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self.asleep = 0.0
        self.terms = 0
        self.elector = Elector(
            leases=leases,
            identity=identity,
            timing=Timing(),
            clock=lambda: MONDAY_SEVEN + timedelta(seconds=self._loop.time()),
            elapsed=lambda: self._loop.time() + self.asleep,
            jitter=lambda: jitter,
        )
        self.running = asyncio.create_task(self._run())

    @property
    def leading(self) -> bool:
        return self.elector.leading

    async def stop(self) -> None:
        """SIGTERM."""
        await self.die()
        await self.elector.release()

    async def die(self) -> None:
        """kill -9."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.elector.acquire()
            self.terms += 1
            await self.elector.hold()


def held_by(identity: str, version: str = "1") -> Lease:
    return Lease(identity, 15, MONDAY_SEVEN, MONDAY_SEVEN, transitions=4, version=version)


def failing(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def for_ever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def leases() -> MemoryLeases:
    return MemoryLeases()


async def seconds(number: float) -> None:
    await asyncio.sleep(number)


class TestAcquire:
    async def test_where_there_is_none_it_is_created(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(0.1)
        assert one.leading
        assert leases.stored == Lease("one", 15, MONDAY_SEVEN, MONDAY_SEVEN, transitions=0, version="1")

    async def test_a_released_one_is_taken_at_the_next_look(self, leases: MemoryLeases) -> None:
        leases.stored = held_by("")
        one = Candidate(leases, "one")
        await seconds(0.1)
        assert one.leading
        assert leases.stored is not None
        assert (leases.stored.holder, leases.stored.transitions) == ("one", 5)

    async def test_anothers_is_left_alone_while_it_is_renewed(self, leases: MemoryLeases) -> None:
        one, two = Candidate(leases, "one"), Candidate(leases, "two")
        await seconds(3600)
        assert (one.leading, two.leading) == (True, False)
        assert (one.terms, two.terms) == (1, 0)

    async def test_anothers_is_taken_when_nothing_new_was_seen_for_its_duration(self, leases: MemoryLeases) -> None:
        leases.stored = held_by("gone")
        one = Candidate(leases, "one")
        await seconds(14.9)
        assert not one.leading
        await seconds(0.2)
        assert one.leading

    async def test_the_holders_clock_does_not_matter(self, leases: MemoryLeases) -> None:
        wrong = MONDAY_SEVEN - timedelta(days=365)
        leases.stored = replace(held_by("gone"), acquired_at=wrong, renewed_at=wrong)
        one = Candidate(leases, "one")
        await seconds(14.9)
        assert not one.leading

    async def test_its_own_from_before_a_restart_is_taken_at_once(self, leases: MemoryLeases) -> None:
        leases.stored = held_by("one")
        one = Candidate(leases, "one")
        await seconds(0.1)
        assert one.leading
        assert leases.stored.transitions == 4, "nobody else had it"

    async def test_of_two_who_ask_at_once_one_gets_it(self, leases: MemoryLeases) -> None:
        turns: list[None] = []

        async def both_read_first() -> None:
            turns.append(None)
            while len(turns) < 2:  # noqa: ASYNC110 no more than this
                await asyncio.sleep(0.01)

        leases.before = both_read_first
        one, two = Candidate(leases, "one"), Candidate(leases, "two")
        await seconds(5)
        assert sorted((one.leading, two.leading)) == [False, True]

    @pytest.mark.parametrize(
        "before",
        [failing(Unreachable("away")), failing(Overloaded(503, "", "away")), for_ever],
        ids=["away", "503", "hangs"],
    )
    async def test_without_an_api_server_nobody_leads_until_it_is_back(
        self, leases: MemoryLeases, before: Callable[[], Awaitable[None]]
    ) -> None:
        usual, leases.before = leases.before, before
        one = Candidate(leases, "one")
        await seconds(60)
        assert not one.leading
        leases.before = usual
        await seconds(10)
        assert one.leading

    @pytest.mark.parametrize("jitter", [0.0, 1.0])
    async def test_a_candidate_asks_every_two_to_four_seconds(self, leases: MemoryLeases, jitter: float) -> None:
        leases.stored, looks = held_by("another"), 0

        async def count() -> None:
            nonlocal looks
            looks += 1
            leases.stored = held_by("another", version=str(looks + 1))

        leases.before = count
        Candidate(leases, "one", jitter)
        await seconds(60)
        assert looks == pytest.approx(60 / (2 + 2.4 * jitter), abs=1)


class TestHold:
    async def test_it_is_renewed_every_retry_period(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(21)
        assert one.leading
        assert leases.stored is not None
        assert leases.stored.version == "11"
        assert leases.stored.acquired_at == MONDAY_SEVEN
        assert leases.stored.renewed_at == MONDAY_SEVEN + timedelta(seconds=20)

    @pytest.mark.parametrize("before", [failing(Unreachable("away")), for_ever], ids=["away", "hangs"])
    async def test_not_renewed_for_ten_seconds_it_is_lost_before_another_can_have_it(
        self, leases: MemoryLeases, before: Callable[[], Awaitable[None]]
    ) -> None:
        one = Candidate(leases, "one")
        await seconds(4.5)
        usual, leases.before = leases.before, before
        await seconds(9.4)
        assert one.leading
        await seconds(0.2)
        assert not one.leading
        leases.before = usual
        await seconds(20)
        assert (one.leading, one.terms) == (True, 2)

    async def test_a_short_outage_is_no_loss(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        usual, leases.before = leases.before, failing(Unreachable("away"))
        await seconds(7)
        leases.before = usual
        await seconds(60)
        assert (one.leading, one.terms) == (True, 1)

    async def test_a_renewal_that_was_stored_though_it_seemed_to_fail_is_no_loss(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        assert leases.stored is not None
        leases.stored = replace(leases.stored, version="stored without an answer")
        await seconds(60)
        assert (one.leading, one.terms) == (True, 1)

    async def test_taken_by_another_it_is_lost_at_the_next_renewal(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        leases.stored = held_by("two", version="77")
        await seconds(2)
        assert not one.leading

    async def test_deleted_by_somebody_it_is_made_anew(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        leases.stored = None
        await seconds(60)
        assert (one.leading, one.terms) == (True, 1)
        assert leases.stored is not None

    async def test_a_holder_that_slept_past_its_deadline_knows_it_when_it_wakes(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        one.asleep = 10
        assert not one.leading, "before any timer has run"
        await seconds(3)
        assert (one.leading, one.terms) == (True, 2), "nobody took it: another term"


class TestRelease:
    async def test_the_next_one_need_not_wait(self, leases: MemoryLeases) -> None:
        one, two = Candidate(leases, "one"), Candidate(leases, "two")
        await seconds(5)
        await one.stop()
        assert not one.leading
        assert leases.stored is not None
        assert (leases.stored.holder, leases.stored.duration_seconds) == ("", 1)
        await seconds(2)
        assert two.leading
        assert leases.stored.transitions == 1

    async def test_killed_the_next_one_waits_for_its_end(self, leases: MemoryLeases) -> None:
        one, two = Candidate(leases, "one"), Candidate(leases, "two")
        await seconds(5)
        await one.die()
        await seconds(10)
        assert not two.leading
        await seconds(7)
        assert two.leading

    async def test_who_does_not_lead_releases_nothing(self, leases: MemoryLeases) -> None:
        leases.stored = held_by("another")
        one = Candidate(leases, "one")
        await seconds(5)
        await one.stop()
        assert leases.stored == held_by("another")

    async def test_stopped_in_the_middle_of_a_renewal_it_is_released_all_the_same(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        assert leases.stored is not None
        leases.stored = replace(leases.stored, version="stored without an answer")
        await one.stop()
        assert leases.stored.holder == ""

    async def test_an_api_server_that_is_away_does_not_hinder_the_end(self, leases: MemoryLeases) -> None:
        one = Candidate(leases, "one")
        await seconds(3)
        leases.before = failing(Unreachable("away"))
        await one.stop()
        assert not one.leading


@pytest.mark.parametrize(
    ("timing", "complaint"),
    [
        pytest.param(
            {"lease_duration": 10}, "longer than the renew deadline", id="a lease no longer than the deadline"
        ),
        pytest.param({"retry_period": 9}, r"longer than 1.2 retry periods", id="a deadline without a second attempt"),
    ],
)
def test_times_with_which_two_could_lead_are_refused(timing: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Timing(**timing)
