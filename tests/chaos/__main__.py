"""`make chaos [MINUTES=n] [SEED=n]`: faults on the real parts while people work; what was lost, doubled or stuck."""

import argparse
import secrets
import sys
from pathlib import Path

from localcluster.progress import say
from tests.chaos.run import run
from tests.e2e.conftest import alone

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=_minutes, default=15.0, help="how long things break (15)")
    parser.add_argument("--seed", type=int, help="of what is done and what breaks; not of when it meets (random)")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000)
    folder = ROOT / ".run" / "chaos"
    with alone(folder):
        verdict = run(folder, ROOT, arguments.minutes, seed, say)
    for sentence in verdict.sentences():
        say(sentence)
    return 1 if verdict.violations else 0


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes: use more than 0, at most a day")
    return minutes


if __name__ == "__main__":
    sys.exit(main())
