"""What went wrong, as RFC 9457 problem documents. The one place where failures become HTTP.

`type` is stable: clients may switch on it. `errors` says where and how to mend: `pointer` (RFC 6901) into the body, or
the name of a query `parameter`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api_shim import faults
from api_shim.faults import Fault
from api_shim.ports import Unavailable
from runtime import dapr, logs
from runtime.apiserver import ApiError, Invalid, Overloaded, Unreachable
from taskbell.errors import Rejected

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    slug: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        return f"https://taskbell.dev/problems/{self.slug}"


MALFORMED = Kind("malformed-body", 400, "The body cannot be read")
PARAMETER = Kind("invalid-parameter", 400, "A query parameter cannot be used")
UNAUTHENTICATED = Kind("unauthenticated", 401, "A valid token is needed")
FORBIDDEN = Kind("forbidden", 403, "This token is for somebody else")
CROSS_SITE = Kind("cross-site", 403, "This comes from another site")
NOT_FOUND = Kind("not-found", 404, "Not found")
METHOD = Kind("method-not-allowed", 405, "This path does not know that method")
CONFLICT = Kind("conflict", 409, "Somebody else keeps changing this")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
MEDIA = Kind("unsupported-media-type", 415, "The body has to be JSON")
INVALID = Kind("invalid", 422, "What was asked for is not valid")
UNEXPECTED = Kind("unexpected", 500, "Something went wrong here")
AWAY = Kind("unavailable", 503, "A part of Taskbell does not answer")

KINDS = (
    MALFORMED, PARAMETER, UNAUTHENTICATED, CROSS_SITE, FORBIDDEN, NOT_FOUND, METHOD, CONFLICT, TOO_LARGE, MEDIA,
    INVALID, UNEXPECTED, AWAY,
)  # fmt: skip


class Problem(Exception):
    """An answer other than the one hoped for; `detail` says what to do."""

    def __init__(
        self, kind: Kind, detail: str, *, errors: tuple[Fault, ...] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def response(self) -> JSONResponse:
        kind = self.kind
        body: dict[str, Any] = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": self.detail}
        if self.errors:
            body["errors"] = [fault.json() for fault in self.errors]
        return JSONResponse(body, kind.status, headers=self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    for failure, translate in _TRANSLATIONS.items():
        app.add_exception_handler(failure, _handler(translate))


def of(request: Request, failure: Exception) -> Problem:
    """For those who answer otherwise than by HTTP; a failure that nobody expected is told as such."""
    kind = next(kind for kind in type(failure).__mro__ if kind in _TRANSLATIONS)
    return _TRANSLATIONS[kind](request, failure)


def not_found(what: str, name: str) -> Problem:
    """The same words for what is not there and for what is somebody else's."""
    return Problem(NOT_FOUND, f"You have no {what} {name!r}: GET the list to see which there are.")


def invalid(errors: tuple[Fault, ...]) -> Problem:
    return Problem(INVALID, " ".join(fault.sentence() for fault in errors), errors=errors)


def _handler(translate: Callable[[Request, Any], Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, failure: Exception) -> JSONResponse:
        return translate(request, failure).response()

    return handle


def _as_is(_request: Request, problem: Problem) -> Problem:
    return problem


def _http(request: Request, error: HTTPException) -> Problem:
    """What Starlette and FastAPI raise themselves."""
    match error.status_code:
        case 404:
            return Problem(NOT_FOUND, f"There is nothing at {request.url.path}: /openapi.json lists every path.")
        case 405:
            allowed = ", ".join(_methods(request)) or (error.headers or {}).get("allow", "")
            return Problem(METHOD, f"{request.method} is unknown here: use {allowed}.", headers={"Allow": allowed})
        case _:
            return Problem(MALFORMED, "The body is no JSON that can be read: numbers too long, or nested too deep.")


def _methods(request: Request) -> list[str]:
    """Of every route on this path; Starlette knows only the first one's."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    fitting = (methods for path, methods in paths.items() if compile_path(path)[0].match(request.url.path))
    return sorted(method.upper() for methods in fitting for method in methods)


def _validation(request: Request, error: RequestValidationError) -> Problem:
    """The first place that is wrong decides the kind: path, query, then body."""
    errors = error.errors()
    parts = {fault["loc"][0] for fault in errors}
    if "path" in parts:
        *_, collection, name = request.url.path.split("/")
        return not_found(collection.removesuffix("s"), name)
    if "query" in parts:
        found = faults.of_query(errors)
        return Problem(PARAMETER, " ".join(fault.sentence() for fault in found), errors=found)
    return _body(error, faults.of_body(errors, request.scope["route"]))


def _body(error: RequestValidationError, found: tuple[Fault, ...]) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        text = f"The body is no JSON: {first['ctx']['error']} at character {first['loc'][1]}."
        return Problem(MALFORMED, text + " Mend it there and send it again.")
    if isinstance(error.body, bytes):
        return Problem(MEDIA, "Send JSON with the header Content-Type: application/json.")
    return invalid(found)


def _rejected(_request: Request, refusal: Rejected) -> Problem:
    return invalid((faults.of_rejection(refusal),))


def _refused(_request: Request, refusal: Invalid) -> Problem:
    """The API server's own sentence: CEL sees what no field alone shows."""
    return invalid(faults.of_refusal(refusal))


def _no_api_server(_request: Request, failure: Exception) -> Problem:
    _log.warning("API server unavailable", error=str(failure))
    return _away(
        "The Kubernetes API server does not answer. Try again in a few seconds; "
        "look before you repeat a POST, it may have been carried out."
    )


def _no_database(_request: Request, failure: Unavailable) -> Problem:
    _log.warning("database unavailable", error=str(failure))
    return _away("The database does not answer, so nothing can be listed now. Try again in a few seconds.")


def _no_memory(_request: Request, failure: dapr.Unavailable) -> Problem:
    _log.warning("state store unavailable", error=str(failure))
    return _away("Conversations cannot be remembered now, so nothing was done. Try again in a few seconds.")


def _away(detail: str) -> Problem:
    return Problem(AWAY, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _forbidden_to_us(request: Request, refusal: ApiError) -> Problem:
    _log.error("API server refused", status=refusal.status, reason=refusal.reason, error=refusal.message)
    return _unexpected(request, refusal)


def _unexpected(_request: Request, _failure: Exception) -> Problem:
    # The traceback is logged by the server: Starlette raises the failure again once this has been answered.
    return Problem(UNEXPECTED, "This is our fault, not yours. Try again; if it stays, tell who runs Taskbell for you.")


_TRANSLATIONS: dict[type[Exception], Callable[[Request, Any], Problem]] = {
    Problem: _as_is,
    HTTPException: _http,
    RequestValidationError: _validation,
    Rejected: _rejected,
    Invalid: _refused,
    Unreachable: _no_api_server,
    Overloaded: _no_api_server,
    Unavailable: _no_database,
    dapr.Unavailable: _no_memory,
    ApiError: _forbidden_to_us,
    Exception: _unexpected,
}
