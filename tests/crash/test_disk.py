"""A disk that fails under the running server: a failed sync ends writing, a full disk only holds it up."""

import http.client
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from callgate_server import Server
from sms import SENDER, SOMEBODY, final_report, is_opted_out, message, once, optouts, path, report_of, sent_id
from waiting import until

VERSION = "?api-version=2023-10-01"
CLIENTS = 8


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "fail.so"
    subprocess.run([os.environ.get("CC", "gcc"), "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC",
                    "-o", library, Path(__file__).with_name("fail.c"), "-ldl"], check=True, timeout=120)
    return library


@pytest.fixture
def server(shim, tmp_path):
    order = tmp_path / "order"
    order.write_text("")
    running = Server(environment={"LD_PRELOAD": str(shim), "FAIL_FILE": str(order)}).start()
    running.order = order.write_text
    yield running
    order.write_text("")
    running.close()


def create(server, connection=None):
    return server.signed("POST", "/identities" + VERSION, {"createTokenWithScopes": ["chat"]}, connection=connection)


def everybody_writes(server, n):
    answers, lock = [], threading.Lock()

    def client():
        connection = http.client.HTTPConnection("localhost", server.http_port, timeout=30)
        for _ in range(n):
            answer = create(server, connection)
            with lock:
                answers.append(answer)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a waiter was forgotten"
    return answers


@pytest.mark.parametrize("nth", [1, 2, 5, 11])
def test_failed_sync_fails_every_waiter_and_readiness(server, nth):
    assert create(server).status == 201
    assert server.send("GET", "/health/ready").status == 200
    server.order(f"sync {nth}")
    answers = everybody_writes(server, 10)
    made = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert refused and {answer.status for answer in refused} == {503}, refused[:3]
    assert all(answer.json()["error"]["message"] for answer in refused)
    ready = server.send("GET", "/health/ready")
    assert ready.status == 503 and ready.json()["reason"], ready
    assert server.send("GET", "/health/live").status == 200
    server.order("")
    assert create(server).status == 503, "after a failed sync nothing more is acknowledged"
    assert server.send("GET", "/health/ready").status == 503
    assert server.signed("GET", "/admin/whoami").status == 200, "what needs no write is served"
    server.stop()
    assert server.log().count('"store.failed"') == 1, "the operator is told, once"
    server.start()
    assert create(server).status == 201 and server.send("GET", "/health/ready").status == 200
    for answer in made:
        user = answer.json()["identity"]["id"]
        assert server.admin("GET", f"/admin/users/{user}").status == 200, "acknowledged before, and lost"


def test_full_disk(server):
    user, token = server.new_user()
    server.order("full")
    for answer in everybody_writes(server, 3):
        assert answer.status == 503, answer
        error = answer.json()["error"]
        assert error["code"] == "InsufficientStorage" and "full" in error["message"], error
    for method, target in (("POST", f"/identities/{user}/:revokeAccessTokens" + VERSION),
                           ("DELETE", f"/identities/{user}" + VERSION)):
        assert server.signed(method, target).status == 503
    assert server.bearer("GET", "/admin/whoami", token).status == 200, "nothing was changed"
    assert server.signed("POST", f"/identities/{user}/:issueAccessToken" + VERSION, {"scopes": ["chat"]}).status == 200
    server.order("")
    assert create(server).status == 201, "and works again when there is space"
    assert server.send("GET", "/health/ready").status == 200
    assert server.signed("POST", f"/identities/{user}/:revokeAccessTokens" + VERSION).status == 204
    assert server.bearer("GET", "/admin/whoami", token).status == 401


def shown(server) -> list:
    return server.admin("GET", "/admin/sms/messages").json()["value"]


def refused_for_space(answer):
    assert answer.status == 503 and answer.json()["error"]["code"] == "InsufficientStorage", answer


def test_full_disk_and_text_messages(server):
    """What is refused is not there, in no part; what was accepted before is, and ends when there is space."""
    waiting = sent_id(server)
    known = once()
    first = server.signed("POST", path(), message(known)).json()["value"]
    server.order("full")
    before = len(shown(server))
    new = [once(f"+1425555{i:04}") for i in range(5)]
    refused_for_space(server.signed("POST", path(), message(*new)))
    refused_for_space(server.signed("POST", path(), message(*new)))
    assert server.signed("POST", path(), message(known)).json()["value"] == first, "a repeat needs no space"
    again, *others = server.signed("POST", path(), message(known, *new)).json()["value"]
    assert [again] == first
    assert [(i["httpStatusCode"], i["errorMessage"], i["successful"]) for i in others] == [
        (503, "ServiceUnavailable", False)] * 5 and not any("messageId" in i for i in others)
    refused = optouts(server, "add", SOMEBODY)
    assert refused.status == 503 or refused.json()["value"][0]["httpStatusCode"] == 500, refused
    assert not is_opted_out(server, SOMEBODY)
    inbound = {"from": SOMEBODY, "to": SENDER, "message": "STOP"}
    assert server.admin("POST", "/admin/sms/inbound", inbound).status == 503
    assert not is_opted_out(server, SOMEBODY) and len(shown(server)) == before
    server.order("")
    items = server.signed("POST", path(), message(known, *new)).json()["value"]
    assert items[0] == first[0] and all(i["successful"] for i in items)
    assert len(shown(server)) == before + 5
    for id in (waiting, *(i["messageId"] for i in items)):
        report = final_report(server, id)
        assert report["deliveryStatus"] == "Delivered" and len(report["deliveryAttempts"]) == 1


def refused_sets(server) -> int:
    figures = server.admin("GET", "/metrics").body.decode()
    return int(re.search(r"^callgate_store_failed_total (\d+)$", figures, re.M)[1])


def test_full_disk_holds_up_no_message_for_long(server):
    """The step to its end was refused. That is tried again soon, however many others send meanwhile."""
    waiting = sent_id(server)
    server.order("full")
    before = refused_sets(server)
    until(lambda: refused_sets(server) > before)
    server.order("")

    def ended():
        sent_id(server)
        return report_of(server, waiting).status == 200

    until(ended, 15)


@pytest.mark.parametrize("lost", ["callgate.db", "callgate.db-wal"])
@pytest.mark.parametrize("replaced", [False, True], ids=["moved away", "replaced"])
def test_a_store_that_is_not_in_its_place_takes_nothing_more(server, tmp_path, lost, replaced):
    """What is written to files without a name is gone with the process: it may not be acknowledged."""
    made = create(server).json()["identity"]["id"]
    place, aside = Path(server.data) / lost, tmp_path / lost
    octets = place.read_bytes()
    place.rename(aside)
    if replaced:
        place.write_bytes(octets)
    assert create(server).status == 503
    ready = server.send("GET", "/health/ready")
    assert ready.status == 503 and ready.json()["reason"], ready
    until(lambda: server.log().count('"store.gone"') == 1)
    assert server.cli("backup", str(tmp_path / "copy")).returncode != 0, "it would be one of something else"
    server.stop()
    assert place.exists() == replaced and aside.exists(), "whatever lies there is not touched"
    aside.rename(place)
    server.start()
    assert server.admin("GET", f"/admin/users/{made}").status == 200
    assert create(server).status == 201
