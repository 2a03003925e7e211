"""`python -m localcluster binaries` makes every executable present; `up` runs the bare servers until Ctrl-C."""

import argparse
import signal
import sys
import time
from pathlib import Path

from localcluster import binaries, postgresql
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import fail, say

_LOOK_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    # `kill` and `make stop` shall end it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.command == "up":
            up(options.directory, options.crds)
        else:
            make_binaries()
    except LocalClusterError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130
    return 0


def make_binaries() -> None:
    """Make every executable present and print where it is."""
    found = binaries.ensure(say)
    servers = postgresql.ensure(binaries.cache_directory() / "logs" / "postgresql.log", say)
    for name, path in {**found.paths, "postgres": servers / "postgres"}.items():
        say(f"{name:<24} {path}")


def up(directory: Path | None, crds: Path | None) -> None:
    """Run the bare servers; raises `KeyboardInterrupt` after Ctrl-C, when all are stopped."""
    begun = time.monotonic()
    with Cluster(directory, crds=crds, report=say) as cluster:
        say(f"all up after {time.monotonic() - begun:.1f} s; Ctrl-C ends everything")
        say(f"KUBECONFIG={cluster.kubeconfig_path}")
        say(f"KAFKA_BROKERS={cluster.kafka_brokers}")
        say(f"DATABASE_URL={cluster.database_url}")
        say(f"DAPR_SCHEDULER={cluster.scheduler_address}")
        say(f"logs in {cluster.logs}")
        watch(cluster)


def watch(cluster: Cluster) -> None:
    """Tell of every part that ends by itself, for ever."""
    alive = {name for name, part in cluster.parts.items() if part.running}
    while True:
        time.sleep(_LOOK_SECONDS)
        for name in sorted(name for name in alive if not cluster.part(name).running):
            say(f"{name} has ended; its log is {cluster.part(name).log}")
            alive.discard(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("binaries", help="make every executable present and print where it is")
    up_parser = commands.add_parser("up", help="run the bare servers until Ctrl-C")
    up_parser.add_argument("--directory", type=Path, help="where logs and kubeconfig go; default: a temporary one")
    up_parser.add_argument("--crds", type=Path, help="file or folder of custom resource definitions to load")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
