"""The record of a trusted issuer: removed, kept, damaged, written by several at once, and who may change it."""

import concurrent.futures
import json
import sqlite3
import time
from pathlib import Path

from trusted import TARGET, add_rule, issuer, own_issuer, stranger, trust, whoami  # noqa: F401


def test_removed(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    about = trust(server, issuer)
    header = {"Authorization": f"Bearer {issuer.token()}"}
    connections = [server.connect() for _ in range(16)] + [server.connect(secure=True) for _ in range(4)]

    def all_of():
        return {server.send("GET", "/admin/whoami", header, b"", connection).status for connection in connections}

    assert all_of() == {200}
    assert server.admin("DELETE", f"/admin/issuers/{about['id']}").status == 204
    assert all_of() == {401}
    assert server.admin("GET", f"/admin/apps/{about['objectId']}").status == 404, "its principal went with it"
    assert server.admin("GET", "/admin/role-assignments").body.decode().count(about["objectId"]) == 0
    again = trust(server, issuer, role=None)
    assert again["objectId"] != about["objectId"], "who comes back has none of the old roles"
    assert all_of() == {200}
    assert server.bearer("POST", TARGET, issuer.token(), {}).status == 403


def test_kept_over_a_restart(fresh_server, own_issuer):
    server, issuer = fresh_server(), own_issuer()
    about = trust(server, issuer)
    token = issuer.token()
    assert server.stop() == 0
    server.start()
    assert whoami(server, token).json()["principal"] == about["objectId"]
    assert issuer.fetches == 2, "keys are not kept on disk"


LEFT_OUT = '"issuers.left_out"'


def lines_with(server, text, wanted):
    """The log is written behind what it tells."""
    ends, lines = time.monotonic() + 10, []
    while len(lines) < wanted and time.monotonic() < ends:
        lines = [line for line in server.log().splitlines() if text in line]
        time.sleep(0.05)
    return lines


def test_a_damaged_record_is_left_out_and_told(fresh_server, own_issuer):
    server, good, bad = fresh_server(), own_issuer(), own_issuer()
    trust(server, good)
    trust(server, bad)
    assert server.admin("GET", "/admin/status").json()["issuersLeftOut"] == 0
    assert LEFT_OUT not in server.log()
    assert server.stop() == 0
    db = sqlite3.connect(Path(server.data) / "callgate.db")
    with db:
        assert db.execute("UPDATE issuers SET document = '{}' WHERE issuer = ?", (bad.url,)).rowcount == 1
    db.close()
    server.start()
    assert server.admin("GET", "/admin/status").json()["issuersLeftOut"] == 1
    told = lines_with(server, LEFT_OUT, 1)
    assert len(told) == 1 and bad.url in told[0] and '"count":1' in told[0], told
    assert whoami(server, good.token()).status == 200
    assert whoami(server, bad.token()).status == 401
    trust(server, own_issuer())
    assert len(lines_with(server, LEFT_OUT, 2)) == 2, "each time the set is read"


def test_rules_added_at_once_are_all_kept_or_refused(server, own_issuer):
    issuer = own_issuer()
    trust(server, issuer, role=None)
    for turn in range(4):
        subjects = [f"robot-{turn}-{i}" for i in range(8)]
        with concurrent.futures.ThreadPoolExecutor(len(subjects)) as pool:
            answers = list(pool.map(lambda subject: add_rule(server, issuer, subject), subjects))
        assert {answer.status for answer in answers} <= {201, 409}
        made = {subject for subject, answer in zip(subjects, answers) if answer.status == 201}
        known = next(one for one in server.admin("GET", "/admin/issuers").json()["value"] if one["issuer"] == issuer.url)
        assert {rule["subject"] for rule in known["rules"]} & set(subjects) == made and made


def test_trust_is_not_changed_over_the_network(server, own_issuer, stranger):
    body = json.dumps({"issuer": "https://evil.example", "audiences": ["x"], "subject": "a", "untested": True}).encode()
    about = trust(server, own_issuer())
    known = server.admin("GET", "/admin/issuers").body
    plain = {"Content-Type": "application/json"}
    tries = [(plain, "nobody"), ({**plain, "Authorization": f"Bearer {server.admin_token}"}, "administrator's token")]
    for headers, name in tries:
        for secure in (False, True):
            assert server.send("POST", "/admin/issuers", headers, body, secure=secure).status in (401, 403, 404), name
            answer = server.send("DELETE", f"/admin/issuers/{about['id']}", headers, secure=secure)
            assert answer.status in (401, 403, 404), name
    assert server.signed("POST", "/admin/issuers", body=body).status in (401, 403, 404), "an access key"
    assert server.admin("GET", "/admin/issuers").body == known


def test_trust_is_not_changed_by_a_peer_elsewhere(fresh_server):
    """The administration listener behind a proxy: the administrator's token is right, and not enough."""
    server = fresh_server("--net-trusted-proxies", "127.0.0.0/8", "--net-trusted-proxies", "::1/128")
    body = {"issuer": "https://evil.example", "audiences": ["x"], "subject": "a", "untested": True}
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    answer = server.admin_tcp("POST", "/admin/issuers", body, forwarded)
    assert answer.status == 403, answer
    assert server.admin("GET", "/admin/issuers").json()["value"] == []
    assert server.admin_tcp("GET", "/admin/issuers", None, forwarded).status == 200, "to look is allowed"
    assert server.admin_tcp("POST", "/admin/issuers", body).status == 201, "from here it is"
    known = server.admin("GET", "/admin/issuers").json()["value"]
    assert len(known) == 1
    assert server.admin_tcp("DELETE", f"/admin/issuers/{known[0]['id']}", None, forwarded).status == 403
    assert server.admin("GET", "/admin/issuers").json()["value"] == known


def test_no_token_of_an_issuer_is_logged(server, issuer):
    token = issuer.token()
    assert whoami(server, token).status == 200
    whoami(server, token + "A")
    assert lines_with(server, issuer.url, 1), "it is said who was added"
    assert lines_with(server, "/admin/whoami", 2)
    log = server.log()
    assert token.split(".")[1] not in log and token.split(".")[2] not in log
