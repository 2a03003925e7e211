"""`binaries` makes every executable present, `up` runs the bare servers, `run` Taskbell on them.

`run --detach` returns when it is ready; `stop`, `status` and `events` are about what `run` started."""

import argparse
import signal
import sys
import time
from pathlib import Path

from localcluster import binaries, postgresql
from localcluster.cluster import Cluster
from localcluster.dapr_resources import Tracing
from localcluster.errors import LocalClusterError
from localcluster.progress import fail, say
from localcluster.run import Home, detach, run, status, stop
from localcluster.stack import BROKERS
from localcluster.tools import ALL
from localcluster.topics import follow


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    # `kill` and `make stop` shall end it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _carry_out(options)
    except LocalClusterError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130
    return 0


def _carry_out(options: argparse.Namespace) -> None:
    match options.command:
        case "up":
            up(options.directory, options.crds)
        case "run" if options.detach:
            otlp = ("--otlp", options.otlp) if options.otlp else ()
            detach(Home(Path.cwd()), ("--broker", options.broker, *otlp))
        case "run":
            run(Home(Path.cwd()), options.broker, Tracing(options.otlp) if options.otlp else None)
        case "stop":
            stop(Home(Path.cwd()))
        case "events":
            follow(options.topic, say, for_ever=options.follow)
        case "status":
            status(Home(Path.cwd()))
        case "binaries" if options.tool:
            print(*binaries.ensure(_on_stderr, [tool for tool in ALL if tool.name == options.tool]).paths.values())
        case _:
            make_binaries()


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


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
        cluster.watch(say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    binaries_parser = commands.add_parser("binaries", help="make every executable present and print where it is")
    binaries_parser.add_argument("tool", nargs="?", choices=[tool.name for tool in ALL], help="only this one's")
    up_parser = commands.add_parser("up", help="run the bare servers until Ctrl-C")
    up_parser.add_argument("--directory", type=Path, help="where logs and kubeconfig go; default: a temporary one")
    up_parser.add_argument("--crds", type=Path, help="file or folder of custom resource definitions to load")
    run_parser = commands.add_parser("run", help="run Taskbell and do its main job, then stay up until Ctrl-C")
    run_parser.add_argument("--detach", action="store_true", help="return when it is ready")
    run_parser.add_argument("--broker", choices=BROKERS, default="kafka", help="what events go through (kafka)")
    run_parser.add_argument("--otlp", metavar="HOST:PORT", help="where sidecars send traces, by OTLP over HTTP")
    events_parser = commands.add_parser("events", help="print what lies on a topic of `run`: source .run/env before")
    events_parser.add_argument("topic", help="task-events, schedule-events, reminders, task-updates")
    events_parser.add_argument("--follow", action="store_true", help="and what comes, until Ctrl-C")
    commands.add_parser("stop", help="end what `run` started")
    commands.add_parser("status", help="say what runs")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
