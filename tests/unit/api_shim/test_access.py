import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from api_shim.access import Access
from api_shim.problems import Problem
from api_shim.settings import ShimSettings, TokenSettings
from tests.unit.api_shim.helpers import SECRET, problem, token

NOW = datetime.now(UTC)
IN_AN_HOUR = NOW + timedelta(hours=1)


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode({"sub": "demo", "exp": IN_AN_HOUR, **claims}, secret, algorithm)


def unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': 'demo', 'exp': IN_AN_HOUR.timestamp()})}."


REFUSED = [
    pytest.param(signed({"exp": NOW - timedelta(seconds=40)}), "expired", id="expired"),
    pytest.param(signed({}, secret=SECRET[::-1]), "signature", id="forged with another secret"),
    pytest.param(signed({}, secret=SECRET * 2, algorithm="HS512"), "HS256", id="another algorithm, another secret"),
    pytest.param(jwt.encode({"sub": "demo", "exp": IN_AN_HOUR}, SECRET * 2, "HS384"), "HS256", id="another algorithm"),
    pytest.param(unsigned(), "HS256", id="algorithm none"),
    pytest.param(jwt.encode({"sub": "demo"}, SECRET), "claim", id="without exp"),
    pytest.param(jwt.encode({"exp": IN_AN_HOUR}, SECRET), "claim", id="without sub"),
    pytest.param(signed({"sub": 7}), "JSON Web Token", id="a subject that is no text"),
    pytest.param(signed({"sub": ""}), "subject", id="an empty subject"),
    pytest.param(signed({"sub": "de\nmo"}), "subject", id="a subject with a line break"),
    pytest.param(signed({"sub": "d" * 129}), "subject", id="a subject that is too long"),
    pytest.param(signed({"nbf": IN_AN_HOUR}), "not valid yet", id="not valid yet"),
    pytest.param("nonsense", "JSON Web Token", id="no token at all"),
]


@pytest.mark.parametrize(("bearer", "says"), REFUSED)
async def test_a_bad_token_is_refused_and_told_why(anonymous: httpx.AsyncClient, bearer: str, says: str) -> None:
    response = await anonymous.get("/api/demo/tasks", headers={"Authorization": f"Bearer {bearer}"})
    assert response.status_code == 401
    assert says in problem(response)["detail"]
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic ZGVtbzpkZW1v"}, {"Authorization": "Bearer "}])
async def test_without_a_token_the_header_to_send_is_named(
    anonymous: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await anonymous.get("/api/demo/tasks", headers=headers)
    assert response.status_code == 401
    assert "Authorization: Bearer" in problem(response)["detail"]
    assert response.headers["www-authenticate"] == 'Bearer realm="taskbell"'


async def test_a_token_is_looked_at_before_the_body(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.post("/api/demo/tasks", content=b"{", headers={"Content-Type": "application/json"})
    assert response.status_code == 401


async def test_no_path_of_a_user_is_open(anonymous: httpx.AsyncClient) -> None:
    paths = (await anonymous.get("/openapi.json")).json()["paths"]
    assert paths
    for path, operations in paths.items():
        for method in operations:
            response = await anonymous.request(method, path.replace("{user_id}", "demo"))
            assert (path, method, response.status_code) == (path, method, 401)


async def test_a_clock_may_be_off_by_half_a_minute(anonymous: httpx.AsyncClient) -> None:
    late = signed({"exp": datetime.now(UTC) - timedelta(seconds=15)})  # the library reads the clock itself
    response = await anonymous.get("/api/demo/tasks", headers={"Authorization": f"Bearer {late}"})
    assert response.status_code == 200


async def test_the_path_of_another_user_is_forbidden(anonymous: httpx.AsyncClient, settings: ShimSettings) -> None:
    bearer = f"Bearer {token(settings, 'eve@example.org')}"
    response = await anonymous.get("/api/demo/tasks", headers={"Authorization": bearer})
    assert response.status_code == 403
    assert "/api/eve%40example.org/" in problem(response)["detail"]


ISSUER_AND_AUDIENCE = {"iss": "https://login.example.org", "aud": "taskbell"}


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        pytest.param({"aud": "taskbell"}, "claim", id="no issuer"),
        pytest.param({"iss": "https://login.example.org"}, "claim", id="no audience"),
        pytest.param(ISSUER_AND_AUDIENCE | {"iss": "https://evil.example.org"}, "issuer", id="another issuer"),
        pytest.param(ISSUER_AND_AUDIENCE | {"aud": "mail"}, "audience", id="another audience"),
    ],
)
def test_issuer_and_audience_are_enforced_where_configured(claims: dict[str, str], says: str) -> None:
    with pytest.raises(Problem) as refused:
        strict().authorize(f"Bearer {signed(claims)}", "demo")
    assert refused.value.kind.status == 401
    assert says in refused.value.detail


def test_what_is_issued_is_accepted() -> None:
    strict().authorize(f"Bearer {strict().issue('demo', NOW, timedelta(hours=1))}", "demo")


def test_an_audience_is_no_obstacle_where_none_is_configured(settings: ShimSettings) -> None:
    Access(settings).authorize(f"Bearer {signed(ISSUER_AND_AUDIENCE)}", "demo")


def strict() -> Access:
    issuer, audience = ISSUER_AND_AUDIENCE["iss"], ISSUER_AND_AUDIENCE["aud"]
    return Access(TokenSettings(jwt_secret=SECRET, jwt_issuer=issuer, jwt_audience=audience))
