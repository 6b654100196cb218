"""Every row that service principals may use × every role, against the table that was written by hand."""

import http.client
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from principals import ROLES, ELSEWHERE, NO_ROLE  # noqa: E402
from table import TABLE as CORE, WIRE_KEY  # noqa: E402
import table_services  # noqa: E402
import table_sms  # noqa: E402
from table_roles import ASKS, GIVES, MANAGES, wants  # noqa: E402
from test_matrix import name_of, rows_of_the_server  # noqa: E402

TABLE = {**CORE, **table_sms.WIRE}
ROWS = [row for row in TABLE if TABLE[row].group == WIRE_KEY]


@pytest.fixture(scope="module")
def connection(server):
    made = http.client.HTTPConnection("localhost", server.http_port, timeout=60)
    yield made
    made.close()


def test_every_row_of_service_principals_asks_for_an_action():
    told = {(row["method"], row["path"]) for row in rows_of_the_server().values()
            if "entra" in row["accept"] and row["need"] in ("identity", "sms")}
    assert told == set(ASKS)
    assert {row[:2] for row in ROWS} == set(ASKS)


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE, ELSEWHERE])
@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_role(place, connection, row, role):
    line, may = TABLE[row], ASKS[row[:2]] in GIVES[role]
    target = place.fill(line.target, may, place.user)
    body = b"" if line.body is None else place.fill(json.dumps(line.body), may, place.user).encode()
    headers = {"Host": f"localhost:{place.server.http_port}", "Content-Type": line.media,
               "Authorization": f"Bearer {place.principals.data[role]}"}
    answer = place.server.send(row[0], target, headers, body, connection)
    assert answer.status == (line.status if may else 403), answer
    if not may:
        assert answer.json()["error"]["code"] == "Forbidden"
        service = "sms" if row in table_sms.WIRE else "identity"
        assert f"the action Microsoft.Communication/CommunicationServices/{service}/" in answer.headers["x-callgate-explain"]


def test_users_with_tokens_need_both_actions(place, connection):
    """Creating a user with a token is two things in one request."""
    for role, status in (("Callgate Token Issuer", 403), ("Callgate Identity Contributor", 201)):
        headers = {"Host": f"localhost:{place.server.http_port}", "Content-Type": "application/json",
                   "Authorization": f"Bearer {place.principals.data[role]}"}
        answer = place.server.send("POST", "/identities?api-version=2023-10-01", headers,
                                   b'{"createTokenWithScopes":["chat"]}', connection)
        assert answer.status == status, answer


def test_a_role_on_one_resource_opens_no_other(place):
    host = place.other.host(place.server.http_port)
    for role, status in ((ELSEWHERE, 201), ("Owner", 201), (NO_ROLE, 403)):
        answer = place.server.send("POST", "/identities?api-version=2023-10-01",
                                   {"Host": host, "Authorization": f"Bearer {place.principals.data[role]}"})
        assert answer.status == status, f"{role}: {answer}"


MANAGEMENT = [row for row in table_services.MANAGEMENT if table_services.MANAGEMENT[row].group == table_services.ARM]


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE, ELSEWHERE])
@pytest.mark.parametrize("row", MANAGEMENT, ids=name_of)
def test_role_in_the_management_api(place, connection, row, role):
    line, may = table_services.MANAGEMENT[row], wants(*row[:2]) in MANAGES[role]
    target = place.fill(line.target, may, place.user)
    body = b"" if not line.body else place.fill(json.dumps(line.body), may, place.user).encode()
    headers = {"Host": f"localhost:{place.server.http_port}", "Content-Type": line.media,
               "Authorization": f"Bearer {place.principals.management[role]}"}
    answer = place.server.send(row[0], target, headers, body, connection)
    assert answer.status == (line.status if may else 403), answer
    if not may and row[0] != "HEAD":
        assert answer.json()["error"]["code"] == "AuthorizationFailed"
