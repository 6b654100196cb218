"""Every route × every credential × every door against the table that was written by hand."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from callgate_server import UnixConnection, binary

sys.path.insert(0, str(Path(__file__).resolve().parent))

from credentials import CREDENTIALS  # noqa: E402
import table  # noqa: E402
import table_chat  # noqa: E402
import table_events  # noqa: E402
import table_services  # noqa: E402
import table_sms  # noqa: E402
import table_trouter  # noqa: E402
from table import ADMIN_DOOR, PUBLIC_DOOR, SERVER, SOCKET  # noqa: E402

TABLE = {**table.TABLE, **table_services.LINES, **table_events.LINES, **table_sms.LINES,
         **table_chat.LINES, **table_trouter.LINES}
MAY = {**table.MAY, **table_services.WHO, **table_chat.WHO, **table_trouter.WHO}
FORBIDDEN = {**table.FORBIDDEN, **table_services.FORBIDDEN, **table_chat.FORBIDDEN, **table_trouter.FORBIDDEN}

DOORS = (PUBLIC_DOOR, ADMIN_DOOR, SOCKET)


def rows_of_the_server() -> dict:
    told = subprocess.run([binary(), "routes", "--json"], capture_output=True, timeout=60, check=True)
    rows = {}
    for row in json.loads(told.stdout):
        first = row["versions"][0] if row["versions"] else row["mode"] if row["mode"] != "any" else ""
        rows[(row["method"], row["path"], first)] = row
    return rows


@pytest.fixture(scope="session")
def connections(server):
    made = {
        PUBLIC_DOOR: http.client.HTTPConnection("localhost", server.http_port, timeout=60),
        ADMIN_DOOR: http.client.HTTPConnection("localhost", server.admin_port, timeout=60),
        SOCKET: UnixConnection(server.about["adminSocket"]),
    }
    yield made
    for connection in made.values():
        connection.close()


def name_of(row) -> str:
    return f"{row[0]} {row[1]}" + (f" from {row[2]}" if row[2] else "")


def test_every_row_has_a_line_and_every_line_a_row():
    rows = set(rows_of_the_server())
    assert not rows - set(TABLE), "rows without a line"
    assert not set(TABLE) - rows, "lines without a row"


def wanted(line, kind, door) -> int:
    served, otherwise = MAY[(line.group, door)]
    if kind in FORBIDDEN.get((line.group, door), ()):
        return 403
    return line.status if served is None or kind in served else otherwise


def ask(place, connections, row, credential, door):
    line, (kind, headers_of) = TABLE[row], CREDENTIALS[credential]
    status = wanted(line, kind, door)
    served = MAY[(line.group, door)][0]
    really = served is None or kind in served
    host = f"localhost:{place.server.http_port if door == PUBLIC_DOOR else place.server.admin_port or 0}"
    target = place.fill(line.target, really, place.user)
    body = b"" if not line.body else place.fill(json.dumps(line.body), really, place.user).encode()
    headers = {**headers_of(place, row[0], target, host, body), "Content-Type": line.media}
    answer = place.server.send(row[0], target, headers, body, connections[door])
    return answer, status, really


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("row", [row for row in TABLE if TABLE[row].mode != "production"], ids=name_of)
def test_cell(place, connections, row, credential):
    for door in DOORS:
        answer, status, really = ask(place, connections, row, credential, door)
        assert answer.status == status, f"{door}: {answer}"
        if row[0] == "HEAD" or line_is_oauth(TABLE[row]):
            continue  # no body, or one of another form
        if really:
            # a foreign token, or an id in the path, is judged by the handler, which refuses in its own words
            assert status != 401 or answer.json()["error"]["code"] in ("InvalidAccessToken", "Unauthorized"), door
        elif status == 401:
            code = answer.json()["error"]["code"]
            allowed = ("InvalidAuthenticationToken",) if TABLE[row].group.startswith("management") else ("Denied",)
            if TABLE[row].group in (*table_chat.GROUPS, table_trouter.TOKEN):
                allowed = ("Unauthorized",)
            if "exchange" in row[1]:
                allowed = ("Denied", "InvalidAccessToken")
            assert code in allowed, door
            assert "Bearer" in answer.headers["WWW-Authenticate"], door


def line_is_oauth(line) -> bool:
    return line.group in (table_services.ISSUER, table_services.ENDPOINT)


def own_line(line) -> bool:
    return line.status < 400 and line.mode == "any" and line.group in table.OF_A_RESOURCE


@pytest.mark.parametrize("row", [row for row in TABLE if own_line(TABLE[row])], ids=name_of)
def test_second_resource_is_served_only_what_is_its_own(place, row):
    """Its key is good at its own host, and there it finds nothing of the first resource."""
    line = TABLE[row]
    server, host = place.server, place.other.host(place.server.http_port)
    kind, headers_of = CREDENTIALS["key: primary"]
    target = place.fill(line.target, False, place.user)
    body = b"" if line.body is None else place.fill(json.dumps(line.body), False, place.user).encode()
    headers = headers_of(place, row[0], target, host, body)
    foreign = server.send(row[0], target, {**headers, "Content-Type": line.media}, body)
    status = wanted(line, None, PUBLIC_DOOR)
    assert foreign.status == status, f"the first resource's key at the second's host: {foreign}"
    own = server.signed(row[0], target, None, key=place.other.primary, host=host, body=body,
                        headers={"Content-Type": line.media})
    status = wanted(line, "key", PUBLIC_DOOR)
    if any(name in line.target for name in ("{user}", "{fresh}", "{message}", "{thread}", "{own thread}")):
        status = status if status >= 400 else 404
    assert own.status == status, own


def test_production_shows_metrics_to_the_administrator_alone(fresh_server):
    server = fresh_server("--mode", "production", "--tls-local-ca", "--admin", "localhost:0", http="off")
    assert ("GET", "/metrics", "production") in TABLE and TABLE[("GET", "/metrics", "production")].group == SERVER
    assert server.signed("GET", "/metrics", secure=True).status == 404
    assert server.send("GET", "/metrics", secure=True).status == 404
    assert server.admin("GET", "/metrics").status == 200
    assert server.admin_tcp("GET", "/metrics").status == 200
    assert server.admin_tcp("GET", "/metrics", headers={"Authorization": "Bearer wrong"}).status == 401


def test_production_has_no_clock(fresh_server):
    server = fresh_server("--mode", "production", "--tls-local-ca", "--admin", "localhost:0", http="off")
    for method, document in (("GET", None), ("PUT", {"advance": "1h"}), ("DELETE", None)):
        for ask_it in (server.admin, server.admin_tcp):
            answer = ask_it(method, "/admin/clock", document)
            assert answer.status == 403 and answer.json()["error"]["code"] == "DevelopmentOnly", answer
        assert server.signed(method, "/admin/clock", document, secure=True).status == 404


def test_one_flipped_permission_is_noticed():
    """The same cells against an executable with one wrong permission: the key may regenerate itself."""
    flipped = binary().with_name("callgate-flipped")
    assert flipped.exists(), f"{flipped} is not built: configure with -Dtest_variants=true"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(Path(__file__)),
         "-k", "test_cell and regenerate and primary"],
        env={**os.environ, "CALLGATE_BINARY": str(flipped)}, capture_output=True, text=True, timeout=300)
    assert run.returncode == 1, run.stdout[-2000:] + run.stderr[-2000:]
    assert "POST /admin/keys/{slot}:regenerate" in run.stdout and "key: primary" in run.stdout, run.stdout[-2000:]
