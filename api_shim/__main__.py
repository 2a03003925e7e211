"""`python -m api_shim` serves; `token --user demo` prints a token for a developer; `check --url ...` tries it out."""

import argparse
import asyncio
import secrets
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import uvicorn

from api_shim import check
from api_shim.access import Access
from api_shim.app import application
from api_shim.live import Listener, Updates
from api_shim.projection import Postgres
from api_shim.settings import ShimSettings, TokenSettings
from runtime import logs
from runtime.apiserver import ApiServer
from runtime.dapr import Dapr
from runtime.settings import load
from store import database

GRACE_SECONDS = 10
"""For requests in flight at SIGTERM; Kubernetes gives 30 in all."""


def main() -> None:
    arguments = _parser().parse_args()
    match arguments.command:
        case "token":
            sys.stdout.write(_token(arguments.user, arguments.hours) + "\n")
        case "check":
            _check(arguments.url, arguments.user)
        case _:
            _serve(load(ShimSettings))


class Server(uvicorn.Server):
    """Ends with exit code 0 at SIGTERM and SIGINT; uvicorn would raise the signal anew, which cuts our clean-up off.

    It ends the streams of `hub` first: else it would wait for them until its grace is over."""

    def __init__(self, config: uvicorn.Config, hub: Updates) -> None:
        super().__init__(config)
        self._hub = hub

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def _serve(settings: ShimSettings) -> None:
    logs.configure("api_shim", settings.log_level)
    asyncio.run(_run(settings))


async def _run(settings: ShimSettings) -> None:
    engine = database.connect(settings.database_url.get_secret_value())
    direct_url = settings.direct_database_url or settings.database_url
    async with ApiServer("taskbell-api-shim") as api_server, Dapr(settings) as dapr:
        app = application(
            settings, api_server, Postgres(engine), dapr, now=_now, suffix=_suffix, conversation_id=_conversation_id
        )
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        hub: Updates = app.state.shim.updates
        listener = Listener(direct_url.get_secret_value(), hub)
        listener.start()
        async with app.state.mcp.running():
            await Server(config, hub).serve()
        await listener.stop()
    engine.dispose()


def _check(url: str, user: str) -> None:
    try:
        seconds = check.run(url, user, _token(user, hours=1), _now())
    except check.Failed as failure:
        raise SystemExit(str(failure)) from None
    sys.stdout.write(f"a reminder went from the API to the inbox, {seconds:.1f} s after its task was made\n")


def _token(user_id: str, hours: float) -> str:
    return Access(load(TokenSettings)).issue(user_id, _now(), timedelta(hours=hours))


def _now() -> datetime:
    return datetime.now(UTC)


def _conversation_id() -> str:
    return secrets.token_hex(16)


def _suffix() -> str:
    return secrets.token_hex(4)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api_shim", description="The REST API of Taskbell.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve (also without a command); everything else is set in the environment")
    token = commands.add_parser("token", help="print a token; needs TASKBELL_JWT_SECRET")
    token.add_argument("--user", required=True, help="the token's subject")
    token.add_argument("--hours", type=float, default=24, help="how long it is valid (24)")
    checked = commands.add_parser("check", help="make a task and wait for its reminder; needs TASKBELL_JWT_SECRET")
    checked.add_argument("--url", required=True, help="where the API is, without /api")
    checked.add_argument("--user", default="taskbell-check", help="whose task it is")
    return parser


if __name__ == "__main__":
    main()
