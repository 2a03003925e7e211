"""`python -m task_operator`: runs until SIGTERM. Whatever ends it ends the process: a restart lists everything anew.

`python -m task_operator restore FILE` brings back schedules and tasks from a backup, by a running operator."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

import kopf
import uvloop

from runtime import logs
from runtime.apiserver import ApiError, ApiServer, Unreachable
from runtime.settings import load
from task_operator import handlers, restore
from task_operator.service import Service
from task_operator.settings import OperatorSettings


async def _run(settings: OperatorSettings) -> None:
    stop = asyncio.Event()
    service = Service(settings, died=stop.set)
    await kopf.operator(
        registry=handlers.registry(service),
        settings=handlers.settings(),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        stop_flag=stop,
    )
    if stop.is_set():
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m task_operator", description="Taskbell's operator.")
    commands = parser.add_subparsers(dest="command")
    restoring = commands.add_parser("restore", help="bring back TaskSchedules and Tasks from a backup")
    restoring.add_argument("file", help="what `kubectl get taskschedules,tasks -A -o yaml` printed; - is stdin")
    arguments = parser.parse_args()
    if arguments.command == "restore":
        sys.exit(_restore(arguments.file))
    _operate()


def _operate() -> None:
    settings = load(OperatorSettings)  # pyright: ignore[reportCallIssue] from the environment
    logs.configure("operator", settings.log_level)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # else one line for every event
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


def _restore(file: str) -> int:
    async def run(backup: restore.Backup) -> None:
        async with ApiServer("taskbell-restore") as objects:
            await restore.restore(objects, backup, _say)

    try:
        asyncio.run(run(restore.read(sys.stdin.read() if file == "-" else Path(file).read_text())))
    except (OSError, ValueError, restore.BadBackup, ApiError, Unreachable) as error:
        sys.stderr.write(f"restore: {error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
