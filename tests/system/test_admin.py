"""Administration by socket, listener and resource key (administration §1, §2)."""

import json
import re
import sqlite3
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from wire import Wire, head, spelled

GUID = "00000000-0000-0000-0000-{:012x}"


@pytest.fixture(scope="module")
def place(server):
    """A resource of this module alone, so that lists are predictable."""
    return server.new_resource("adminplace")


@pytest.fixture
def resource(fresh_server):
    server = fresh_server()
    return server, server.admin("GET", "/admin/resources/default").json()["id"]


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def refused(answer, status, code=None, target=None):
    assert answer.status == status, answer
    error = answer.json()["error"]
    assert error["message"] and (code is None or error["code"] == code), error
    assert target is None or error["target"] == target, error
    return error


# -- users --


def test_users_by_key_and_by_administrator(server, place):
    host = place.host(server.http_port)
    made = server.signed("POST", "/admin/users", {}, key=place.primary, host=host)
    assert made.status == 201, made
    one = made.json()["id"]
    assert one.startswith(f"8:acs:{place.id}_") and abs(instant(made.json()["createdOn"]) - time.time()) < 5
    for answer in (server.admin("GET", f"/admin/users/{one}?resource=adminplace"),
                   server.admin_tcp("GET", f"/admin/users/{one}?resource=adminplace"),
                   server.signed("GET", f"/admin/users/{one}", key=place.secondary, host=host)):
        assert answer.status == 200 and answer.json()["id"] == one, answer
    refused(server.admin("GET", f"/admin/users/{one}"), 404, "IdentityNotFound")
    assert server.admin("DELETE", f"/admin/users/{one}?resource=adminplace").status == 204
    refused(server.signed("GET", f"/admin/users/{one}", key=place.primary, host=host), 404, "IdentityNotFound")


def test_fixed_ids_and_external_ids(resource):
    server, rid = resource
    one = f"8:acs:{rid}_{GUID.format(1)}"
    made = server.admin("POST", "/admin/users", {"id": one, "externalId": "customer 1 ß"})
    assert made.status == 201 and made.json()["id"] == one and made.json()["externalId"] == "customer 1 ß", made
    refused(server.admin("POST", "/admin/users", {"id": one}), 409, "Conflict")
    refused(server.admin("POST", "/admin/users", {"externalId": "customer 1 ß"}), 409, "Conflict")
    assert server.signed("POST", f"/identities/{one}/:issueAccessToken?api-version=2023-10-01",
                         {"scopes": ["chat"]}).status == 200
    assert server.admin("DELETE", f"/admin/users/{one}").status == 204
    refused(server.admin("POST", "/admin/users", {"id": one}), 409, "Conflict")  # never again
    assert server.admin("POST", "/admin/users", {"externalId": "customer 1 ß"}).status == 201
    other = f"8:acs:{GUID.format(9)}_{GUID.format(1)}"
    for bad in (other, "x", "", one + "0", one.upper()):
        refused(server.admin("POST", "/admin/users", {"id": bad}), 400, "ValidationError")
    for bad in ("", "x" * 257, 1):
        refused(server.admin("POST", "/admin/users", {"externalId": bad}), 400, "ValidationError")


def test_export(resource):
    server, _ = resource
    one, _ = server.new_user()
    answer = server.signed("GET", f"/admin/users/{one}:export")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/x-ndjson"), answer
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert lines and lines[0]["user"]["id"] == one
    server.signed("DELETE", f"/identities/{one}?api-version=2023-10-01")
    left = server.admin("GET", f"/admin/users/{one}:export")
    assert left.status == 200 and json.loads(left.body.splitlines()[0])["user"]["deletedOn"]
    refused(server.admin("GET", "/admin/users/8:acs:x:export"), 404)


def test_issue_token(resource):
    server, _ = resource
    one, _ = server.new_user()
    answer = server.admin("POST", f"/admin/users/{one}:issueToken", {"scopes": ["voip"], "expiresInMinutes": 60})
    assert answer.status == 200 and list(answer.json()) == ["token", "expiresOn"]
    assert server.bearer("GET", "/admin/whoami", answer.json()["token"]).status == 200
    refused(server.admin("POST", f"/admin/users/{one}:issueToken", {}), 400, "ValidationError", "Scopes")
    refused(server.admin("POST", f"/admin/users/{one}:issueToken", {"scopes": ["chat"], "minutes": 60}), 400,
            "UnknownMember", "$.minutes")
    assert server.signed("POST", f"/admin/users/{one}:issueToken", {"scopes": ["chat"]}).status == 404


# -- lists --


def make_users(server, rid, n):
    ids = []
    for i in range(n):
        answer = server.admin("POST", "/admin/users", {"id": f"8:acs:{rid}_{GUID.format(0xa0 + i)}"})
        assert answer.status == 201, answer
        ids.append(answer.json()["id"])
        time.sleep(0.002)
    return ids


def test_pages(resource):
    server, rid = resource
    ids = make_users(server, rid, 7)
    found, target, pages = [], "/admin/users?limit=3", 0
    while target:
        answer = server.signed("GET", target)
        assert answer.status == 200, answer
        page = answer.json()
        assert set(page) <= {"value", "nextLink"} and len(page["value"]) <= 3
        found += [user["id"] for user in page["value"]]
        link = page.get("nextLink")
        if link:
            origin = f"http://localhost:{server.http_port}"
            assert link.startswith(origin + "/admin/users?"), link
        target, pages = link and link[len(origin):], pages + 1
        assert pages < 5
    assert found == list(reversed(ids)), "newest first, each once"


def test_filters(resource):
    server, rid = resource
    ids = make_users(server, rid, 4)
    every = server.admin("GET", "/admin/users").json()["value"]
    assert [user["id"] for user in every] == list(reversed(ids))

    def listed(query):
        answer = server.admin("GET", f"/admin/users?{query}")
        assert answer.status == 200, answer
        return [user["id"] for user in answer.json()["value"]]

    assert listed(f"prefix={ids[1]}") == [ids[1]]
    assert listed("prefix=00000000-0000-0000-0000-0000000000a") == list(reversed(ids))
    assert listed(f"prefix=8:acs:{rid}_") == list(reversed(ids))
    assert listed("prefix=ffff") == []
    assert listed(f"createdSince={every[1]['createdOn']}")[:2] == [ids[3], ids[2]]
    assert listed(f"since={ids[1]}") == [ids[3], ids[2]]
    assert listed("createdSince=2100-01-01T00:00:00Z") == []
    assert server.admin("GET", "/admin/users?limit=1").json()["nextLink"]


@pytest.mark.parametrize("query,target", [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("count=0", "count"), ("wait=61s", "wait"),
    ("wait=soon", "wait"), ("count=5&limit=4", "count"), ("createdSince=yesterday", "createdSince"),
    ("since=8:acs:x", "since"), ("after=%00", None), ("after=nonsense", "after"), ("prefix=9:other", "prefix"),
])
def test_list_refusals(server, query, target):
    answer = server.admin("GET", f"/admin/users?{query}")
    if query == "after=%00":
        assert answer.status == 400
    else:
        refused(answer, 400, "ValidationError", target)


def test_wait_answers_as_soon_as_enough_match(resource):
    server, _ = resource
    answers = []

    def ask():
        started = time.monotonic()
        answer = server.signed("GET", "/admin/users?wait=20s&count=3")
        answers.append((answer, time.monotonic() - started))

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        time.sleep(0.2)
        assert not answers
        server.new_user()
    thread.join(10)
    answer, took = answers[0]
    assert answer.status == 200 and len(answer.json()["value"]) == 3 and took < 5


def test_wait_ends(resource):
    server, _ = resource
    server.new_user()
    started = time.monotonic()
    answer = server.signed("GET", "/admin/users?wait=1s&count=2")
    assert answer.status == 200 and len(answer.json()["value"]) == 1
    assert 0.9 < time.monotonic() - started < 5
    started = time.monotonic()
    assert server.signed("GET", "/admin/users?wait=20s").status == 200
    assert time.monotonic() - started < 5, "enough from the start"


def test_waiting_caller_leaves(resource):
    server, _ = resource
    with Wire(server.http_port) as wire:
        target = "/admin/users?wait=30s&count=9"
        wire.send(head("GET", target, spelled(server.primary, "GET", target, f"localhost:{server.http_port}")))
        time.sleep(0.3)
    assert server.new_user()


@pytest.mark.parametrize("path", ["/admin/resources", "/admin/signing-keys"])
def test_other_lists_wait_too(server, path):
    answer = server.admin("GET", f"{path}?limit=1&wait=1s&count=1")
    assert answer.status == 200 and len(answer.json()["value"]) == 1
    assert server.admin("GET", f"{path}?since=2100-01-01T00:00:00Z").json()["value"] == []


# -- resources --


def test_resources(fresh_server):
    server = fresh_server()
    made = server.admin("POST", "/admin/resources", {"name": "shop", "location": "europe", "names": ["Shop.Example"]})
    assert made.status == 201, made
    about = made.json()
    assert (about["name"], about["location"], about["state"], about["default"]) == ("shop", "europe", "active", False)
    assert about["names"] == ["shop.example"] and "port" not in about
    assert about["endpoint"] == f"https://shop.localhost:{server.https_port}"
    assert server.admin("GET", "/admin/resources/shop").json() == about
    listed = server.admin("GET", "/admin/resources").json()["value"]
    assert [one["name"] for one in listed] == ["shop", "default"]
    changed = server.admin("PATCH", "/admin/resources/shop", {"location": "asia", "names": []})
    assert changed.status == 200 and changed.json()["location"] == "asia" and changed.json()["names"] == []
    refused(server.admin("POST", "/admin/resources", {"name": "shop"}), 409, "Conflict")
    refused(server.admin("PATCH", "/admin/resources/shop", {"name": "stop"}), 400, "ValidationError")
    refused(server.admin("DELETE", "/admin/resources/shop"), 400, "ValidationError", "confirm")
    refused(server.admin("DELETE", "/admin/resources/shop?confirm=Shop"), 400, "ValidationError", "confirm")
    assert server.admin("DELETE", "/admin/resources/shop?confirm=shop").status == 204
    refused(server.admin("GET", "/admin/resources/shop"), 404)
    assert server.admin("POST", "/admin/resources", {"name": "shop"}).status == 201, "the name is free again"
    refused(server.admin("DELETE", "/admin/resources/default?confirm=default"), 409, "Conflict")
    fresh = server.admin("GET", "/admin/keys?reveal=true&resource=shop").json()
    assert fresh["primary"]["key"] != fresh["secondary"]["key"]


@pytest.mark.parametrize("body,status,code", [
    ({}, 400, "ValidationError"), ({"name": ""}, 400, "ValidationError"), ({"name": "Shop"}, 400, "ValidationError"),
    ({"name": "a.b"}, 400, "ValidationError"), ({"name": "-a"}, 400, "ValidationError"),
    ({"name": "x" * 64}, 400, "ValidationError"), ({"name": 5}, 400, "ValidationError"),
    ({"name": "ok", "port": 70000}, 400, "ValidationError"), ({"name": "ok", "names": ["a b"]}, 400, "ValidationError"),
    ({"name": "ok", "names": ["localhost"]}, 409, "Conflict"), ({"name": "ok", "lokation": "x"}, 400, "UnknownMember"),
    ({"name": "default"}, 409, "Conflict"), ({"name": "ok", "names": ["1.2.3.4"]}, 400, "ValidationError"),
])
def test_resources_refused(server, body, status, code):
    refused(server.admin("POST", "/admin/resources", body), status, code)


def test_port_of_somebody_else(server):
    answer = server.admin("POST", "/admin/resources", {"name": "ported", "port": server.http_port})
    refused(answer, 409, "Conflict", "$.port")


def test_unknown_member_names_the_nearest(server):
    error = refused(server.admin("POST", "/admin/resources", {"nmae": "x"}), 400, "UnknownMember", "$.nmae")
    assert "'name'" in error["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"name":"a","name":"b"}'])
def test_bodies_that_are_no_objects(server, body):
    answer = server.send("POST", "/admin/users", {**{"Content-Type": "application/json"}, "Authorization":
                                                  f"Bearer {server.admin_token}"}, body, admin_connection(server))
    refused(answer, 400)


def admin_connection(server):
    import http.client
    return http.client.HTTPConnection("localhost", server.admin_port, timeout=30)


# -- keys, clock, settings, status --


def test_keys_are_shown_to_the_administrator_alone(server):
    hidden = server.admin("GET", "/admin/keys").json()
    assert set(hidden) == {"primary", "secondary"} and "key" not in hidden["primary"]
    shown = server.admin("GET", "/admin/keys?reveal=true")
    assert shown.json()["primary"]["key"] == server.primary and shown.headers["Cache-Control"] == "no-store"
    assert shown.json()["primary"]["connectionString"] == server.connection_string
    refused(server.signed("GET", "/admin/keys?reveal=true"), 403, "Forbidden")
    assert server.signed("GET", "/admin/keys").status == 200
    for bad in ("tertiary", "Primary", ""):
        assert server.admin("POST", f"/admin/keys/{bad}:regenerate").status in (404, 405)
    refused(server.admin("POST", "/admin/keys/primary:regenerate", {"keepToken": True}), 400, "UnknownMember")


def test_clock(fresh_server):
    server = fresh_server()
    shown = server.admin("GET", "/admin/clock").json()
    assert list(shown) == ["now", "offsetSeconds"] and shown["offsetSeconds"] == 0
    assert abs(instant(shown["now"]) - time.time()) < 3
    moved = server.admin("PUT", "/admin/clock", {"advance": "1h30m"}).json()
    assert moved["offsetSeconds"] == 5400 and abs(instant(moved["now"]) - time.time() - 5400) < 3
    assert server.admin_tcp("PUT", "/admin/clock", {"advance": "-30m"}).json()["offsetSeconds"] == 3600
    placed = server.admin("PUT", "/admin/clock", {"set": "2030-01-02T03:04:05Z"}).json()
    assert placed["now"].startswith("2030-01-02T03:04:0")
    assert server.admin("DELETE", "/admin/clock").json()["offsetSeconds"] == 0
    for bad in ({}, {"set": "x"}, {"advance": "x"}, {"set": "2030-01-01T00:00:00Z", "advance": "1h"},
                {"advance": "99999999h"}, {"set": "1969-01-01T00:00:00Z"}):
        refused(server.admin("PUT", "/admin/clock", bad), 400, "ValidationError")
    refused(server.admin("PUT", "/admin/clock", {"advence": "1h"}), 400, "UnknownMember")


def test_settings(fresh_server):
    server = fresh_server("--identity-region", "emea", environment={"CALLGATE_SET_IDENTITY_LOCATION": "europe"})
    rows = {row["name"]: row for row in server.admin("GET", "/admin/settings").json()}
    assert set(rows["mode"]) == {"name", "value", "from"}
    assert (rows["identity.region"]["value"], rows["identity.region"]["from"]) == ("emea", "flag")
    assert (rows["identity.location"]["value"], rows["identity.location"]["from"]) == ("europe", "environment")
    assert rows["auth.clock_skew"]["from"] == "default"


def test_status(fresh_server):
    server = fresh_server()
    user, _ = server.new_user()
    server.signed("POST", f"/identities/{user}/:revokeAccessTokens?api-version=2023-10-01")
    status = server.admin("GET", "/admin/status").json()
    assert status["mode"] == "dev" and status["users"] == 1 and status["tokensIssued"] == 1
    assert status["revocationsHeld"] == 1 and status["store"]["healthy"] is True and status["version"]
    assert status["listeners"] == {"https": server.https_port, "http": server.http_port, "admin": server.admin_port}
    assert status["uptimeSeconds"] >= 0 and status["pid"] == server.process.pid


def test_backup_is_a_whole_store(fresh_server, tmp_path):
    server = fresh_server()
    users = {server.new_user()[0] for _ in range(20)}
    answer = server.admin("POST", "/admin/backup")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/octet-stream"
    copy = tmp_path / "copy.db"
    copy.write_bytes(answer.body)
    db = sqlite3.connect(copy)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT count(*) FROM users").fetchone() == (len(users),)
    assert server.primary.encode() not in answer.body
    assert not list(Path(server.data).glob("backup-*")), "nothing is left behind"


# -- health, metrics --


def test_health_and_metrics(server):
    for path in ("/health/live", "/health/ready"):
        answer = server.send("GET", path)
        assert answer.status == 200 and answer.json()["status"] in ("live", "ready")
    text = server.send("GET", "/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = text.body.decode().splitlines()
    assert "callgate_ready 1" in lines
    label = r'[a-z]+="(?:[^"\\]|\\.)*"'
    sample = re.compile(rf"[a-z_:]+(?:\{{{label}(?:,{label})*\}})? [-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf|NaN)")
    for line in lines:
        assert line.startswith("#") or sample.fullmatch(line), line
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {"callgate_requests_total", "callgate_request_seconds", "callgate_store_commits_total"} <= typed
    assert server.send("HEAD", "/health/live").status == 200


def test_metrics_count(fresh_server):
    server = fresh_server()
    for _ in range(5):
        server.signed("GET", "/admin/whoami")
    for _ in range(3):
        server.send("GET", "/admin/whoami")
    text = server.send("GET", "/metrics").body.decode()
    for kind, n in (("2xx", 5), ("4xx", 3)):
        assert re.search(rf'callgate_requests_total{{method="GET",route="/admin/whoami",class="{kind}"}} {n}\n', text)


def test_a_custom_role_can_be_read_by_the_management_api(fresh_server):
    server = fresh_server()
    role = server.admin("POST", "/admin/roles", {"name": "texts", "permissions": [
        {"dataActions": ["Microsoft.Communication/CommunicationServices/sms/*"]}]}).json()
    subscription = f"/subscriptions/{server.admin('GET', '/admin/tenant').json()['subscriptionId']}"
    assert server.admin("POST", "/admin/apps", {"name": "reader"}).status == 201
    assert server.admin("POST", "/admin/role-assignments",
                        {"principal": "reader", "role": "Reader", "scope": subscription}).status == 201
    token = server.admin("POST", "/admin/token", {"as": "reader", "resource": "https://management.azure.com/"}).json()
    at = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    for target in (at, f"{at}/{role['id']}"):
        answer = server.bearer("GET", f"{target}?api-version=2022-04-01", token["token"], secure=True)
        assert answer.status == 200, answer
        body = answer.json()
        shown = next(d for d in body.get("value", [body]) if d["name"] == role["id"])
        assert shown["properties"]["assignableScopes"] == ["/"]
