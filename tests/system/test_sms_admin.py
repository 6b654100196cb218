"""The administration of text messages and its commands: inbox, senders, opt-outs, transports, and what a carrier would
do, by hand."""

import itertools
import json
import subprocess
import threading
import time
from pathlib import Path

import pytest

WIRE = "/sms?api-version=2026-01-23"
FROM = "+18005550100"
numbers = (f"+1425555{n:04d}" for n in itertools.count(2000))
NEVER = "+19995550000"


def send(server, to, text="hello", sender=FROM, **options):
    answer = server.signed("POST", WIRE, {"from": sender, "smsRecipients": [{"to": to}], "message": text,
                                          "smsSendOptions": {"enableDeliveryReport": True, **options}})
    assert answer.status == 202, answer
    item = answer.json()["value"][0]
    assert item["successful"], item
    return item["messageId"]


def ask(server, method, path, document=None, status=200):
    answer = server.admin(method, "/admin/sms" + path, document)
    assert answer.status == status, answer
    return answer.json() if answer.body else None


def listed(server, query):
    return ask(server, "GET", "/messages?" + query)["value"]


def quoted(number):
    return number.replace("+", "%2B")


def until(look, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def refused(server, method, path, document, target, status=400):
    error = ask(server, method, path, document, status)["error"]
    assert error.get("target") == target, error
    return error["message"]


# ---- messages ----


def test_a_message_is_shown_as_it_was_sent_and_with_its_end(server):
    to = next(numbers)
    made = send(server, to, "caf\u00e9 \u20ac \U0001F600 \"quoted\"", tag="t-1")
    shown = ask(server, "GET", f"/messages/{made}")
    assert shown["message"] == "caf\u00e9 \u20ac \U0001F600 \"quoted\"" and shown["tag"] == "t-1"
    assert (shown["direction"], shown["from"], shown["to"]) == ("outbound", FROM, to)
    assert shown["encoding"] == "UCS-2" and shown["segments"] == 1 and shown["transport"] == "inbox"
    ended = until(lambda: listed(server, f"to={quoted(to)}&state=delivered"))[0]
    assert ended["messageId"] == made and ended["report"]["deliveryStatus"] == "Delivered"
    assert ended["report"]["deliveryAttempts"][0]["segmentsSucceeded"] == 1


def test_messages_are_filtered_and_paged(server):
    to, tag = next(numbers), f"tag-{time.monotonic_ns()}"
    made = [send(server, to, f"n {i}", tag=tag) for i in range(5)]
    assert [one["messageId"] for one in listed(server, f"tag={tag}")] == made[::-1]
    assert [one["messageId"] for one in listed(server, f"to={to}")] == made[::-1], "a + that stands as it is"
    assert listed(server, f"to={quoted(to)}&from=Contoso") == []
    assert listed(server, f"to={quoted(to)}&direction=inbound") == []
    assert len(listed(server, f"to={quoted(to)}&direction=outbound&from={quoted(FROM)}")) == 5
    assert [one["messageId"] for one in listed(server, f"tag={tag}&since={made[2]}")] == [made[4], made[3]]
    assert listed(server, f"tag={tag}&since=2099-01-01T00:00:00Z") == []
    seen, path = [], f"/admin/sms/messages?tag={tag}&limit=2"
    while path:
        page = server.admin("GET", path).json()
        assert len(page["value"]) <= 2
        seen += [one["messageId"] for one in page["value"]]
        path = page.get("nextLink")
        path = path and path[path.index("/admin"):]
    assert seen == made[::-1]


@pytest.mark.parametrize("query,target", [
    ("state=lost", "state"), ("state=", "state"), ("direction=up", "direction"), ("since=yesterday", "since"),
    ("after=x", "after"), ("limit=0", "limit"), ("limit=1001", "limit"), ("wait=1h", "wait"),
    ("direction=inbound&state=failed", "state")])
def test_a_list_that_makes_no_sense_is_refused(server, query, target):
    assert refused(server, "GET", "/messages?" + query, None, target)


def test_a_list_waits_for_messages(server):
    to = next(numbers)
    timer = threading.Timer(0.3, send, (server, to))
    timer.start()
    found = ask(server, "GET", f"/messages?to={quoted(to)}&wait=20s")["value"]
    timer.join()
    assert len(found) == 1


def test_a_message_of_another_resource_is_not_there(server):
    made = send(server, next(numbers))
    other = server.new_resource("smsother")
    host = other.host(server.http_port)
    for method, path in (("GET", f"/admin/sms/messages/{made}"), ("POST", f"/admin/sms/messages/{made}:report")):
        answer = server.signed(method, path, {"deliveryStatus": "Delivered"} if method == "POST" else None,
                               key=other.primary, host=host)
        assert answer.status == 404, answer
    assert server.signed("GET", "/admin/sms/messages", key=other.primary, host=host).json()["value"] == []
    for id in ("x", "Outgoing_1", "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32", "%00", "a" * 300):
        assert server.admin("GET", f"/admin/sms/messages/{id}").status in (400, 404), id


def wait(server, query, status=200):
    return ask(server, "GET", "/messages:wait?" + query, None, status)


def test_waiting_gives_the_first_message_after_the_call(server):
    to = next(numbers)
    send(server, to, "before")
    time.sleep(0.005)  # a message of the same millisecond would count
    timer = threading.Timer(0.3, lambda: [send(server, to, "first"), send(server, to, "second")])
    timer.start()
    assert wait(server, f"to={quoted(to)}&timeoutSeconds=20")["message"] == "first"
    timer.join()
    assert wait(server, f"to={quoted(to)}&since=1m")["message"] == "before"
    ids = [one["messageId"] for one in listed(server, f"to={quoted(to)}")]
    assert wait(server, f"to={quoted(to)}&since={ids[1]}")["message"] == "second"
    assert wait(server, f"to={quoted(to)}&since={ids[0]}&timeoutSeconds=0", 204) is None


def test_waiting_ends_without_a_message(server):
    begun = time.monotonic()
    assert wait(server, f"to={quoted(next(numbers))}&timeoutSeconds=1", 204) is None
    assert time.monotonic() - begun >= 1
    for query, target in (("timeoutSeconds=1", "to"), ("to=x&timeoutSeconds=61", "timeoutSeconds"),
                          ("to=x&timeoutSeconds=-1", "timeoutSeconds"), ("to=x&since=soon", "since"),
                          ("to=x&since=-5s", "since")):
        assert refused(server, "GET", "/messages:wait?" + query, None, target)


def test_clearing_leaves_what_has_not_ended(fresh_server):
    server = fresh_server("--sms-sim-delay", "0s")
    for _ in range(3):
        send(server, next(numbers))
    open_one = send(server, NEVER)
    ask(server, "POST", "/inbound", {"from": next(numbers), "to": FROM, "message": "hi"}, 202)
    until(lambda: len(listed(server, "state=delivered")) == 3)
    ask(server, "DELETE", "/messages", None, 204)
    assert [one["messageId"] for one in listed(server, "limit=10")] == [open_one]
    assert server.cli("sms", "clear").returncode == 0


def figures(server):
    lines = server.send("GET", "/metrics").body.decode().splitlines()
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("callgate_sms_")}


def test_the_metrics_count_messages_by_their_end(fresh_server):
    server = fresh_server("--sms-sim-delay", "0s")
    phone = next(numbers)
    send(server, phone)
    send(server, "+19995554006")
    send(server, NEVER)
    ask(server, "POST", "/inbound", {"from": phone, "to": FROM, "message": "STOP"}, 202)
    send(server, phone)
    wanted = {"callgate_sms_open": 1, 'callgate_sms_total{state="delivered"}': 1,
              'callgate_sms_total{state="failed"}': 2, 'callgate_sms_total{state="received"}': 1}
    until(lambda: figures(server) == wanted)


# ---- by hand ----


def test_a_report_by_hand_is_final(server):
    made = send(server, NEVER)
    ask(server, "POST", f"/messages/{made}:report", {"deliveryStatus": "Failed", "code": 4006}, 202)
    shown = ask(server, "GET", f"/messages/{made}")
    assert shown["state"] == "failed" and shown["report"]["deliveryStatusDetails"].startswith("4006: ")
    for again in ({"deliveryStatus": "Delivered"}, {"deliveryStatus": "Failed", "code": 4006}):
        assert "final" in ask(server, "POST", f"/messages/{made}:report", again, 409)["error"]["message"]
    report = server.signed("GET", f"/deliveryReports/{made}?api-version=2026-01-23")
    assert report.status == 200 and report.json()["deliveryStatus"] == "Failed", report


@pytest.mark.parametrize("body,target", [
    ({}, "$.deliveryStatus"), ({"deliveryStatus": "Lost"}, "$.deliveryStatus"), ({"deliveryStatus": 1}, "$.deliveryStatus"),
    ({"deliveryStatus": "Failed", "code": 2000}, "$.code"), ({"deliveryStatus": "Failed", "code": 4007.5}, "$.code"),
    ({"deliveryStatus": "Delivered", "code": 4006}, "$.code"), ({"deliveryStatus": "Failed", "code": 1}, "$.code"),
    ({"deliveryStatus": "Failed", "segmentsFailed": 2}, "$.segmentsFailed"),
    ({"deliveryStatus": "Delivered", "segmentsFailed": 1}, "$.segmentsFailed")])
def test_a_report_that_makes_no_sense_changes_nothing(server, body, target):
    made = send(server, NEVER)
    assert refused(server, "POST", f"/messages/{made}:report", body, target)
    assert ask(server, "GET", f"/messages/{made}")["state"] == "submitted"


def test_an_unknown_member_is_named_with_its_neighbour(server):
    error = ask(server, "POST", f"/messages/{send(server, NEVER)}:report", {"deliveryState": "Failed"}, 400)["error"]
    assert error["code"] == "UnknownMember" and "deliveryStatus" in error["message"]
    error = ask(server, "PUT", "/senders/12345", {"rateperminute": 1}, 400)["error"]
    assert error["code"] == "UnknownMember" and "ratePerMinute" in error["message"]
    error = ask(server, "PUT", "/senders/12345", {"replies": {"stpo": "x"}}, 400)["error"]
    assert error["code"] == "UnknownMember" and "stop" in error["message"]


def test_a_message_comes_in(server):
    phone = next(numbers)
    made = ask(server, "POST", "/inbound", {"from": phone, "to": FROM, "message": "Where is it?"}, 202)["messageId"]
    shown = ask(server, "GET", f"/messages/{made}")
    assert (shown["direction"], shown["state"], shown["message"]) == ("inbound", "received", "Where is it?")
    assert ask(server, "POST", f"/messages/{made}:report", {"deliveryStatus": "Failed"}, 404)


@pytest.mark.parametrize("change,target", [
    ({"to": "Contoso"}, "$.to"), ({"to": "0049123"}, "$.to"), ({"from": "phone"}, "$.from"), ({"from": None}, "$.from"),
    ({"message": None}, "$.message"), ({"message": 5}, "$.message"), ({"message": "x" * 40000}, "$.message")])
def test_what_cannot_come_in_is_refused(server, change, target):
    assert refused(server, "POST", "/inbound", {"from": "+14255550123", "to": FROM, "message": "x", **change}, target)


def test_what_is_no_json_or_too_much_is_refused(server):
    for body, status in ((b"{", 400), (b"[]", 400), (b'{"from":1,"from":2}', 400), (b"x" * 70000, 413)):
        answer = server.signed("POST", "/admin/sms/inbound", body=body)
        assert answer.status == status, answer


# ---- senders ----


def test_a_sender_is_as_its_kind_has_it(server):
    for sender, kind, enforced in (("+18335550101", "tollFree", True), ("54321", "shortCode", True),
                                   ("+491701234567", "longCode", True), ("My Shop 1", "alphanumeric", False)):
        path = "/senders/" + sender.replace(" ", "%20")
        made = ask(server, "PUT", path, {}, 201)
        assert (made["sender"], made["kind"], made["enforceOptOut"]) == (sender, kind, enforced)
        assert made["transport"] == "inbox" and made["replies"] == {}
        assert ask(server, "GET", path) == made
        changed = ask(server, "PUT", path, {"ratePerMinute": 0})
        assert changed["ratePerMinute"] == 0 and changed["createdOn"] == made["createdOn"]
        assert sender in [one["sender"] for one in ask(server, "GET", "/senders")["value"]]
        ask(server, "DELETE", path, None, 204)
        ask(server, "DELETE", path, None, 404)
        ask(server, "GET", path, None, 404)


@pytest.mark.parametrize("sender,body,target", [
    ("+123", {}, "id"), ("0123456", {}, "id"), ("A%20name%20too%20long", {}, "id"), ("%C3%A4", {}, "id"),
    ("12345", {"kind": "alphanumeric"}, "$.kind"), ("Contoso", {"kind": "tollFree"}, "$.kind"),
    ("12345", {"kind": "mobile"}, "$.kind"), ("12345", {"kind": 1}, "$.kind"),
    ("12345", {"enforceOptOut": "yes"}, "$.enforceOptOut"), ("Contoso", {"enforceOptOut": True}, "$.enforceOptOut"),
    ("Contoso", {"replies": {"stop": "x"}}, "$.replies"), ("12345", {"replies": "x"}, "$.replies"),
    ("12345", {"replies": {"help": 1}}, "$.replies"), ("12345", {"replies": {"help": "x" * 1601}}, "$.replies"),
    ("12345", {"ratePerMinute": -1}, "$.ratePerMinute"), ("12345", {"ratePerMinute": 1.5}, "$.ratePerMinute"),
    ("12345", {"ratePerMinute": 1000001}, "$.ratePerMinute"), ("12345", {"transport": "none"}, "$.transport"),
    ("12345", {"transport": 7}, "$.transport")])
def test_a_sender_that_contradicts_itself_is_refused(server, sender, body, target):
    assert refused(server, "PUT", f"/senders/{sender}", body, target)


def test_only_listed_senders_send_in_production_style(fresh_server):
    server = fresh_server("--sms-senders", "list")
    body = {"from": FROM, "smsRecipients": [{"to": next(numbers)}], "message": "x"}
    assert server.signed("POST", WIRE, body).status == 401
    assert server.cli("sender", "set", FROM).returncode == 0
    assert server.signed("POST", WIRE, body).status == 202
    other = server.new_resource("blue")
    assert server.signed("POST", WIRE, body, key=other.primary, host=other.host(server.http_port)).status == 401
    assert server.cli("sender", "delete", FROM).returncode == 0
    assert server.signed("POST", WIRE, body).status == 401
    assert refused(server, "POST", "/inbound", {"from": next(numbers), "to": FROM, "message": "x"}, "$.to")


def test_a_sender_written_by_many_at_once_is_the_last_ones(server):
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(
        server.admin("PUT", "/admin/sms/senders/77777", {"ratePerMinute": n}).status)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 5 + [201]
    ask(server, "DELETE", "/senders/77777", None, 204)


def test_senders_are_paged_newest_first(fresh_server):
    server = fresh_server()
    made = [f"S{n}" for n in range(5)]
    for sender in made:
        ask(server, "PUT", f"/senders/{sender}", {}, 201)
        time.sleep(0.002)
    seen, path = [], "/admin/sms/senders?limit=2"
    while path:
        page = server.admin("GET", path).json()
        seen += [one["sender"] for one in page["value"]]
        path = page.get("nextLink")
        path = path and path[path.index("/admin"):]
    assert seen == made[::-1]
    assert [one["sender"] for one in ask(server, "GET", "/senders?since=S2")["value"]] == ["S4", "S3"]
    assert refused(server, "GET", "/senders?after=nobody", None, "after")
    server.stop()
    server.start()
    assert len(ask(server, "GET", "/senders")["value"]) == 5, "they outlive the process"


# ---- opt-outs ----


def test_opt_outs_by_hand_and_by_the_wire_are_one_list(server):
    phone = next(numbers)
    path = f"/optouts/{quoted(FROM)}/{quoted(phone)}"
    assert ask(server, "GET", path)["isOptedOut"] is False
    made = ask(server, "PUT", path, None, 201)
    assert ask(server, "PUT", path) == made and made["isOptedOut"] and made["createdOn"]
    check = {"from": FROM, "recipients": [{"to": phone}]}
    answer = server.signed("POST", "/sms/optouts:check?api-version=2026-01-23", check)
    assert answer.json()["value"][0]["isOptedOut"] is True
    stopped = send(server, phone)
    assert ask(server, "GET", f"/messages/{stopped}")["report"]["deliveryStatusDetails"].startswith("4007: ")
    ask(server, "DELETE", path, None, 204)
    ask(server, "DELETE", path, None, 204)
    assert ask(server, "GET", path)["isOptedOut"] is False


def test_opt_outs_are_listed_by_sender_in_pages(server):
    sender, phones = "98765", [next(numbers) for _ in range(5)]
    for phone in phones:
        ask(server, "PUT", f"/optouts/{sender}/{quoted(phone)}", None, 201)
    ask(server, "PUT", f"/optouts/98764/{quoted(phones[0])}", None, 201)
    seen, path = [], f"/admin/sms/optouts?sender={sender}&limit=2"
    while path:
        page = server.admin("GET", path).json()
        assert {one["sender"] for one in page["value"]} <= {sender}
        seen += [one["recipient"] for one in page["value"]]
        path = page.get("nextLink")
        path = path and path[path.index("/admin"):]
    assert seen == sorted(phones)
    assert {"98764", sender} <= {one["sender"] for one in ask(server, "GET", "/optouts?limit=1000")["value"]}
    assert ask(server, "GET", f"/optouts?sender={sender}&since=2099-01-01T00:00:00Z")["value"] == []
    assert refused(server, "GET", "/optouts?after=x", None, "after")
    assert refused(server, "GET", "/optouts?since=x", None, "since")


def test_an_opt_out_of_nobody_is_refused(server):
    assert refused(server, "PUT", "/optouts/%2B1/%2B14255550123", None, "sender")
    for phone in ("14255550123", "12345", "x"):
        assert refused(server, "PUT", f"/optouts/{quoted(FROM)}/{phone}", None, "recipient")


def test_stop_and_start_from_a_phone(server):
    phone = next(numbers)
    for word, code in (("stop", 0), ("START", 1)):
        assert server.cli("sms", "inbound", phone, FROM, word).returncode == 0
        assert server.cli("optout", "check", FROM, phone).returncode == code


# ---- transports ----


def test_the_inbox_is_built_in(server):
    assert {"name": "inbox", "kind": "inbox"} in ask(server, "GET", "/transports?limit=1000")["value"]
    assert ask(server, "GET", "/transports/inbox:status")["status"]["state"] == "up"
    ask(server, "PUT", "/transports/inbox", {"kind": "inbox"}, 409)
    ask(server, "DELETE", "/transports/inbox", None, 409)
    for method, path in (("GET", "/transports/none"), ("GET", "/transports/none:status"), ("DELETE", "/transports/none")):
        ask(server, method, path, None, 404)


@pytest.mark.parametrize("name,body,target", [
    ("-a", {"kind": "inbox"}, "name"), ("a_b", {"kind": "inbox"}, "name"), ("a" * 33, {"kind": "inbox"}, "name"),
    ("a", {}, "$.kind"), ("a", {"kind": "pigeon"}, "$.kind"), ("a", {"kind": 1}, "$.kind")])
def test_a_transport_that_is_none_is_refused(server, name, body, target):
    assert refused(server, "PUT", f"/transports/{name}", body, target)


def test_a_transport_in_use_stays(server):
    assert ask(server, "PUT", "/transports/Second", {"kind": "inbox"}, 201)["name"] == "second"
    ask(server, "PUT", "/transports/second", {"kind": "inbox"})
    ask(server, "PUT", "/senders/24680", {"transport": "second"}, 201)
    assert "24680" in ask(server, "DELETE", "/transports/second", None, 409)["error"]["message"]
    ask(server, "PUT", "/senders/24680", {})
    ask(server, "DELETE", "/transports/second", None, 204)
    ask(server, "DELETE", "/senders/24680", None, 204)


KANNEL = {"kind": "kannel", "url": "http://127.0.0.1:1/cgi-bin/sendsms", "username": "u", "password": "hush-1"}
GATEWAY = {"kind": "http", "url": "http://127.0.0.1:1/x", "body": {"from": "{from}", "to": "{to}", "text": "{text}"},
           "headers": {"Authorization": "Bearer {secret.token}"}, "secrets": {"token": "hush-2"}}


def test_secrets_go_in_and_never_come_out(fresh_server):
    server = fresh_server()
    made = ask(server, "PUT", "/transports/kan", KANNEL, 201)
    assert (made["username"], made["password"]) == ("u", "***")
    assert ask(server, "PUT", "/transports/gate", GATEWAY, 201)["secrets"] == {"token": "***"}
    changed = ask(server, "PUT", "/transports/kan", {**KANNEL, "username": "v", "password": "***"})
    assert (changed["username"], changed["password"]) == ("v", "***"), "what is there stays"
    assert ask(server, "PUT", "/transports/gate", {**GATEWAY, "secrets": {"token": "***"}})["secrets"] == {"token": "***"}
    server.stop()
    server.start()
    assert ask(server, "GET", "/transports/kan")["password"] == "***"
    assert b"hush-" not in (Path(server.data) / "callgate.db").read_bytes() and "hush-" not in server.log()


def test_a_secret_that_is_not_there_stays_unknown(server):
    ask(server, "PUT", "/transports/gate", GATEWAY, 201)
    for body, target in ((KANNEL | {"password": "***"}, "$.password"),  # of another kind before
                         (GATEWAY | {"secrets": {"token": "***", "other": "***"}}, "$.secrets")):
        assert refused(server, "PUT", "/transports/gate", body, target)
    without = {name: value for name, value in KANNEL.items() if name != "password"}
    assert "password" in refused(server, "PUT", "/transports/gate", without, "$")
    assert "Did you mean username?" in refused(server, "PUT", "/transports/gate", {**KANNEL, "usrname": "x"}, "$")
    assert ask(server, "GET", "/transports/gate")["kind"] == "http", "what was refused has changed nothing"
    ask(server, "DELETE", "/transports/gate", None, 204)


def test_the_access_key_configures_no_transport(server):
    for method, path in (("GET", ""), ("PUT", "/x"), ("DELETE", "/x"), ("GET", "/inbox:status")):
        assert server.signed(method, "/admin/sms/transports" + path).status == 404


# ---- commands ----


def run(server, *args, code=0, stdin=None):
    done = server.cli(*args, stdin=stdin)
    assert done.returncode == code, done
    return done.stdout


def test_a_code_is_sent_and_read_by_commands(server):
    to = next(numbers)
    made = run(server, "sms", "send", FROM, to, "Your code is 123456", "--tag", "otp").strip()
    assert run(server, "sms", "wait", to, "--since", "1m") == "Your code is 123456\n"
    assert json.loads(run(server, "sms", "show", made, "--json"))["tag"] == "otp"
    assert made in run(server, "sms", "list", "--to", to)
    assert run(server, "sms", "send", FROM, to, "-", stdin="from a pipe").strip() != made
    assert run(server, "sms", "wait", to, "--since", made) == "from a pipe\n"
    run(server, "sms", "wait", to, "--within", "0", code=1)


def test_a_command_waits_for_what_is_sent_later(server):
    to = next(numbers)
    send(server, to, "before")
    waiting = subprocess.Popen([server.program, "sms", "wait", to, "--within", "40", "--data", server.data],
                               stdout=subprocess.PIPE, text=True, env=server.environment)
    while waiting.poll() is None:  # one of these may be what it begins behind
        send(server, to, "later")
        time.sleep(0.2)
    assert waiting.communicate(timeout=60)[0] == "later\n"


@pytest.mark.parametrize("kind,members", [
    ("smpp", ("host=127.0.0.1", "port=1", "systemId=123456", "systemType=7", "countryCode=49")),
    ("kannel", ("url=http://127.0.0.1:1/cgi-bin/sendsms", "username=4711", "smsc=1"))])
def test_a_transport_is_set_and_its_status_told_by_commands(server, tmp_path, kind, members):
    password = tmp_path / "password"
    password.write_text("hush-3\n")
    run(server, "transport", "set", f"a-{kind}", kind, *members, "--password-file", password)
    try:
        assert members[1].split("=")[1] in run(server, "transport", "show", f"a-{kind}")
        told = until(lambda: "inFlight" in (said := run(server, "transport", "status", f"a-{kind}")) and said)
        assert "status.state" in told, told
    finally:
        run(server, "transport", "delete", f"a-{kind}")


def test_a_refused_recipient_is_told(server):
    told = server.cli("sms", "send", FROM, next(numbers), "+1425", "x")
    assert told.returncode == 1 and told.stdout.startswith("Outgoing_") and "+1425: 400 " in told.stderr, told
    told = server.cli("sms", "send", "no sender at all", "+14255550123", "x")
    assert told.returncode == 1 and "Invalid From phone number format" in told.stderr, told


def test_commands_by_connection_string_reach_their_own_resource(server):
    to = next(numbers)
    environment = {**server.environment, "COMMUNICATION_SERVICES_CONNECTION_STRING": server.http_connection_string}
    for args in (("sms", "send", FROM, to, "x"), ("sms", "list", "--to", to), ("sender", "list"), ("optout", "list")):
        done = subprocess.run([server.program, *args, "--connection-string", "env"], capture_output=True, text=True,
                              timeout=60, env=environment)
        assert done.returncode == 0, done


def test_the_sample_of_the_library_sends_and_hears_what_became_of_it(server):
    sample = server.program.parent / "client" / "first_message"
    for to, told in ((next(numbers), "Delivered (2000"), ("+19995554006", "Failed (4006")):
        done = subprocess.run([sample, FROM, to], capture_output=True, text=True, timeout=60, env=server.env)
        assert done.returncode == 0 and "Outgoing_" in done.stdout and told in done.stdout, done
    done = subprocess.run([sample, "Not a sender", next(numbers)], capture_output=True, text=True, timeout=60,
                          env=server.env)
    assert done.returncode == 1 and "Invalid From phone number format" in done.stderr, done


def test_no_number_and_no_text_is_logged(server):
    to, secret = next(numbers), f"secret{time.monotonic_ns()}"
    send(server, to, secret)
    ask(server, "PUT", f"/optouts/{quoted(FROM)}/{quoted(to)}", None, 201)
    ask(server, "PUT", "/senders/+18885550199", {"replies": {"stop": secret}}, 201)
    ask(server, "POST", "/inbound", {"from": to, "to": FROM, "message": secret}, 202)
    before = server.log().count("messages:wait")
    wait(server, f"to={quoted(to)}&since=1m")
    until(lambda: server.log().count("messages:wait") > before)  # the log is written behind
    log = server.log()
    assert "sms.sender.put" in log
    assert secret not in log and to[1:] not in log and "8885550199" not in log
