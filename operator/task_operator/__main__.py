"""`python -m task_operator`: runs until SIGTERM. Whatever ends it ends the process: a restart lists everything anew."""

import asyncio
import logging

import kopf
import uvloop

from runtime import logs
from runtime.settings import load
from task_operator import handlers
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
    settings = load(OperatorSettings)  # pyright: ignore[reportCallIssue] from the environment
    logs.configure("operator", settings.log_level)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # else one line for every event
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


if __name__ == "__main__":
    main()
