"""`python -m consumers recurring|notification|audit|projection`: one consumer, until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from consumers import audit, notification, projection, storing
from consumers.recurring import Recurring
from consumers.settings import ConsumerSettings, StoringSettings
from consumers.subscriptions import Outlet, Received, Refused, subscribe
from runtime import logs
from runtime.apiserver import ApiServer
from runtime.dapr import Dapr
from runtime.settings import load
from runtime.web import Ready, application, serve
from store import database
from taskbell.events import ReminderEvent, ScheduleEvent, TaskEvent, Topic

log = logs.get("consumers")


@dataclass(frozen=True, slots=True)
class Service:
    """What one command serves. `worker` runs beside the subscriptions."""

    settings: ConsumerSettings
    ready: Ready
    subscribe: Callable[[web.Application, Outlet], None]
    worker: notification.Worker | None = None


async def recurring(stack: AsyncExitStack) -> Service:
    handle = Recurring(await stack.enter_async_context(ApiServer("taskbell-recurring"))).handle

    def subscriptions(app: web.Application, outlet: Outlet) -> None:
        subscribe(app, Topic.TASK_EVENTS, TaskEvent, handle, outlet)

    settings = load(ConsumerSettings)
    return Service(settings, _always_ready, subscriptions)


async def notifying(stack: AsyncExitStack) -> Service:
    settings, sessions, ready = _storage(stack)
    objects = await stack.enter_async_context(ApiServer("taskbell-notification", notification.LOOK_SECONDS))
    worker = notification.Worker(sessions, objects, clock=lambda: datetime.now(UTC))
    store = storing.handler(sessions, notification.write)

    async def handle(events: Sequence[Received[ReminderEvent]]) -> Sequence[Refused]:
        refused = await store(events)
        worker.wake()
        return refused

    def subscriptions(app: web.Application, outlet: Outlet) -> None:
        subscribe(app, Topic.REMINDERS, ReminderEvent, handle, outlet)

    return Service(settings, ready, subscriptions, worker)


async def auditing(stack: AsyncExitStack) -> Service:
    settings, sessions, ready = _storage(stack)

    def subscriptions(app: web.Application, outlet: Outlet) -> None:
        subscribe(app, Topic.TASK_EVENTS, TaskEvent, storing.handler(sessions, audit.write), outlet)
        subscribe(app, Topic.SCHEDULE_EVENTS, ScheduleEvent, storing.handler(sessions, audit.write), outlet)

    return Service(settings, ready, subscriptions)


async def projecting(stack: AsyncExitStack) -> Service:
    settings, sessions, ready = _storage(stack)

    def subscriptions(app: web.Application, outlet: Outlet) -> None:
        tasks = projection.telling(storing.handler(sessions, projection.write_tasks), outlet)
        schedules = storing.handler(sessions, projection.write_schedules)
        reminders = storing.handler(sessions, projection.write_reminders)
        subscribe(app, Topic.TASK_EVENTS, TaskEvent, tasks, outlet)
        subscribe(app, Topic.SCHEDULE_EVENTS, ScheduleEvent, schedules, outlet)
        subscribe(app, Topic.REMINDERS, ReminderEvent, reminders, outlet)

    return Service(settings, ready, subscriptions)


COMMANDS: dict[str, Callable[[AsyncExitStack], Awaitable[Service]]] = {
    "recurring": recurring,
    "notification": notifying,
    "audit": auditing,
    "projection": projecting,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m consumers", description="Runs one consumer of Taskbell's events.")
    parser.add_argument("consumer", choices=COMMANDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(parser.parse_args().consumer))


async def run(name: str) -> None:
    """Serves until a signal; then the requests in flight and the worker's transaction end first."""
    async with AsyncExitStack() as stack:
        service = await COMMANDS[name](stack)
        settings = service.settings
        logs.configure(name, settings.log_level)
        dapr = await stack.enter_async_context(Dapr(settings))
        app = application(settings, service.ready)
        service.subscribe(app, Outlet(dapr, settings.pubsub, name))
        runner = await serve(app, settings)
        log.info("listening", action="start", port=settings.port)
        await _until_signalled(service.worker)
        await runner.cleanup()
        log.info("stopped", action="stop")


async def _until_signalled(worker: notification.Worker | None) -> None:
    """Runs the worker meanwhile; raises what ended it before its time."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if worker is None:
        await stop.wait()
        return
    working = asyncio.create_task(worker.run())
    working.add_done_callback(lambda _: stop.set())
    await stop.wait()
    worker.stop()
    await working


def _storage(stack: AsyncExitStack) -> tuple[StoringSettings, database.Sessions, Ready]:
    settings = load(StoringSettings)
    engine = database.connect(settings.database_url.get_secret_value())
    stack.callback(engine.dispose)

    async def ready() -> str | None:
        return await asyncio.to_thread(database.missing, engine)

    return settings, database.sessions(engine), ready


async def _always_ready() -> str | None:
    return None


if __name__ == "__main__":
    main()
