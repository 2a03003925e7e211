"""One look at an HTTP endpoint, on loopback unless an address is given."""

import http.client
import ssl
from collections.abc import Collection, Mapping

from localcluster.errors import NotReadyError
from localcluster.ports import LOOPBACK

_TIMEOUT_SECONDS = 5.0


def expect(
    port: int,
    path: str,
    *,
    statuses: Collection[int] = (200,),
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    address: str = LOOPBACK,
) -> bytes:
    """GET `path` and give the body. Raises `NotReadyError` for another status, `OSError` when nobody answers."""
    connection = (
        http.client.HTTPConnection(address, port, timeout=_TIMEOUT_SECONDS)
        if tls is None
        else http.client.HTTPSConnection(address, port, timeout=_TIMEOUT_SECONDS, context=tls)
    )
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as error:
        raise NotReadyError(f"GET {path}: {error!r}") from error
    finally:
        connection.close()
    if response.status not in statuses:
        raise NotReadyError(f"GET {path}: {response.status} {body[:300].decode(errors='replace')}")
    return body
