"""`make simulate [SEEDS=n] [YEARS=n] [SEED=n]`: fresh lives on all cores, what happened in them, and the story of the
first that fails."""

import argparse
import gc
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from simulation import script
from simulation.shrink import shrunk
from simulation.world import Outcome, live

BATCH = 64
"""Lives that are handed out at a time."""


def main() -> int:
    arguments = _arguments()
    first = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000_000)
    seeds = range(first, first + (1 if arguments.seed is not None else arguments.seeds))
    _say(f"seeds {seeds[0]} to {seeds[-1]}, {arguments.years:g} years each, {arguments.jobs} at a time")
    began, counts = time.monotonic(), Counter[str]()
    failed: Outcome | None = None
    for number, outcome in enumerate(_lives(seeds, arguments.years, arguments.jobs), 1):
        counts += outcome.counts
        _progress(number, len(seeds), counts["occurrences"], time.monotonic() - began)
        if outcome.violations:
            failed = outcome
            break
    _report(counts, time.monotonic() - began)
    if failed is None:
        _say("everything held")
        return 0
    _tell(failed, arguments.years)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=_positive, default=64, help="how many lives, from a random first seed on")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--years", type=_duration, default=1.0, help="of each life")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, help="lives at a time")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of them: use 1 or more")
    return int(text)


def _duration(text: str) -> float:
    try:
        years = float(text)
    except ValueError:
        years = 0.0
    if not 0 < years <= 50:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of years: use more than 0 and at most 50")
    return years


def _lives(seeds: range, years: float, jobs: int) -> Iterator[Outcome]:
    """In the order in which they end."""
    with ProcessPoolExecutor(jobs, initializer=gc.disable) as pool:
        try:
            for start in range(0, len(seeds), BATCH):
                batch = [pool.submit(_life, seed, years) for seed in seeds[start : start + BATCH]]
                for future in as_completed(batch):
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _life(seed: int, years: float) -> Outcome:
    outcome = live(script.of(seed, years))
    gc.collect()  # between lives only: within one it would look at every object over and over
    return outcome


def _progress(number: int, of: int, occurrences: int, seconds: float) -> None:
    if sys.stderr.isatty() or number % 16 == 0 or number == of:
        end = "\r" if sys.stderr.isatty() else "\n"
        rate = occurrences / seconds * 60
        sys.stderr.write(f"{number} of {of} lives, {occurrences:,} occurrences, {rate:,.0f} a minute{end}")
        sys.stderr.flush()


def _report(counts: Counter[str], seconds: float) -> None:
    for title, prefix in (("faults", "fault: "), ("operations of users", "gesture: ")):
        kinds = {name.removeprefix(prefix): number for name, number in counts.items() if name.startswith(prefix)}
        each = ", ".join(f"{name} {number:,}" for name, number in sorted(kinds.items()))
        _say(f"{sum(kinds.values()):,} {title}: {each}")
    rest = {name: number for name, number in sorted(counts.items()) if ": " not in name}
    _say(", ".join(f"{number:,} {name}" for name, number in rest.items()))
    rate = counts["occurrences"] / seconds * 60
    _say(f"{counts['occurrences']:,} occurrences in {seconds:.0f} s, {rate:,.0f} a minute")


def _tell(failed: Outcome, years: float) -> None:
    _say(f"seed {failed.seed} fails: {failed.violations[0]}")
    _say("looking for the shortest story (a minute or two)")
    short = shrunk(script.of(failed.seed, years))
    outcome = live(short, tell=True)
    _say(f"{len(short.steps)} steps are enough; the last {min(len(outcome.story), 60)} sentences of that story:")
    for sentence in outcome.story[-60:]:
        _say("  " + sentence)
    _say(f"again: make simulate SEED={failed.seed} YEARS={years:g}")


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
