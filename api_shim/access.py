"""Who is asking. A JSON Web Token (RFC 7519), signed with HS256 and nothing else, whose subject is the path's user.

Programs send it in the header Authorization, our page's browser in a cookie. A browser sends cookies also with what
other sites make it ask for; so a write by cookie has to come from our own page.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import jwt
from fastapi import Request, Response
from fastapi.routing import APIRoute

from api_shim.problems import CROSS_SITE, FORBIDDEN, UNAUTHENTICATED, Problem
from api_shim.settings import TokenSettings

ALGORITHM = "HS256"
CLOCK_SKEW = timedelta(seconds=30)
LONGEST_SUBJECT = 128
SESSION_COOKIE = "taskbell_session"
"""Holds the token of somebody who signed in on the page."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired: get a new one."),
    (jwt.ImmatureSignatureError, "The token is not valid yet: check the clock of whoever issued it."),
    (jwt.InvalidAlgorithmError, "The token has to be signed with HS256."),
    (jwt.InvalidSignatureError, "The token's signature is wrong: get it from the issuer this API trusts."),
    (jwt.InvalidIssuerError, "The token's issuer (iss) is not the one this API trusts."),
    (jwt.InvalidAudienceError, "The token is meant for another audience (aud) than this API."),
    (jwt.MissingRequiredClaimError, "The token lacks a claim: exp and sub are needed (iss and aud where configured)."),
    (jwt.InvalidTokenError, "This is no readable JSON Web Token: send Authorization: Bearer <token>."),
)  # fmt: skip
"""The first that fits."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and until when the token says so (aware UTC)."""

    user_id: str
    expires_at: datetime


class Access:
    def __init__(self, settings: TokenSettings) -> None:
        self._secret = settings.jwt_secret.get_secret_value()
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience

    def authorize(self, authorization: str | None, user_id: str) -> Session:
        """For a token of `user_id`; raises the Problem 401 or 403 for every other one."""
        return self.admit(_bearer(authorization), user_id)

    def admit(self, token: str, user_id: str) -> Session:
        """As `authorize`, by the token itself."""
        session = self.session(token)
        if session.user_id != user_id:
            subject = session.user_id
            raise Problem(
                FORBIDDEN, f"This token is for {subject!r}: use the paths under /api/{quote(subject, safe='')}/."
            )
        return session

    def subject(self, authorization: str | None) -> str:
        """The user a token is for; raises the Problem 401."""
        return self.session(_bearer(authorization)).user_id

    def issue(self, user_id: str, issued_at: datetime, lifetime: timedelta) -> str:
        claims: dict[str, Any] = {"sub": user_id, "iat": issued_at, "exp": issued_at + lifetime}
        optional = {"iss": self._issuer, "aud": self._audience}
        claims |= {claim: value for claim, value in optional.items() if value is not None}
        return jwt.encode(claims, self._secret, ALGORITHM)

    def session(self, token: str) -> Session:
        """Raises the Problem 401 for a token that cannot be used."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=CLOCK_SKEW,
                # PyJWT would refuse every `aud` where none is configured.
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
        except jwt.InvalidTokenError as error:
            raise _unauthenticated(next(text for kind, text in _REFUSALS if isinstance(error, kind))) from error
        subject = str(claims["sub"])
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise _unauthenticated("The token's subject (sub) has to be 1 to 128 printable characters.")
        return Session(subject, datetime.fromtimestamp(claims["exp"], UTC) + CLOCK_SKEW)


class UserRoute(APIRoute):
    """A route under `/api/{user_id}`: nothing of a request is looked at, its body included, before its token is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            access: Access = request.app.state.shim.access
            user_id, cookie = request.path_params["user_id"], request.cookies.get(SESSION_COOKIE)
            if cookie is None or "Authorization" in request.headers:
                session = access.authorize(request.headers.get("Authorization"), user_id)
            else:
                refuse_other_sites(request)
                session = access.admit(cookie, user_id)
            request.state.session = session
            return await handle(request)

        return guarded


def refuse_other_sites(request: Request) -> None:
    """Raises the Problem 403 for a write that a browser does not say comes from this very origin.

    Every browser in use sends Sec-Fetch-Site (Fetch Metadata; not over plain HTTP) or Origin (Fetch 3.2) with it."""
    if request.method in SAFE_METHODS:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    ours = site == "same-origin" if site else origin and urlsplit(origin).netloc == request.headers.get("Host")
    if not ours:
        raise Problem(CROSS_SITE, "This was not sent by Taskbell's own page: open it and do it there.")


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    text = "This needs a token: send the header Authorization: Bearer <token>."
    # RFC 6750 3.1: no error code where no credentials were sent.
    raise Problem(UNAUTHENTICATED, text, headers={"WWW-Authenticate": 'Bearer realm="taskbell"'})


def _unauthenticated(text: str) -> Problem:
    challenge = f'Bearer realm="taskbell", error="invalid_token", error_description="{text}"'
    return Problem(UNAUTHENTICATED, text, headers={"WWW-Authenticate": challenge})
