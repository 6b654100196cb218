"""Transports by HTTP: callbacks and who may call, a described gateway, and a real resource played by a second server."""

import http.client
import json
import re
import signal
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sms
from callgate_server import Server
from memory import count
from sms_wire import (callback_url, end_of, eventually, message, received, send, set_sender, set_transport,
                      transport_status)
from subscribing import put, settled
from with_server import complaints

MESSAGE = "01a2298e-16cd-76c8-8efe-19d3a7bbfbe7"  # of nobody
KANNEL = {"url": "http://127.0.0.1:1/cgi-bin/sendsms", "username": "u", "password": "p"}


class Gateway:
    """A gateway by HTTP: keeps what it was asked, answers what the test has put in `answers`, else that it took it."""

    def __init__(self):
        self.asked, self.answers, self.patience = [], [], threading.Event()
        self.seconds = 0  # that each answer takes
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                gateway.asked.append((self.path, dict(self.headers), body))
                number = len(gateway.asked)
                time.sleep(gateway.seconds)
                answer = gateway.answers.pop(0) if gateway.answers else (200, {"id": f"gw-{number}", "state": "ok"})
                if answer == "silence":
                    gateway.patience.wait(30)
                    answer = None
                if answer is None:  # taken, perhaps; nobody will know
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, document = answer
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.patience.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def gateway():
    running = Gateway()
    yield running
    running.stop()


def call(server, url: str, method: str = "POST", body: bytes = b"", headers: dict | None = None) -> int:
    parts = urllib.parse.urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return server.send(method, target, {"Content-Type": "text/plain", **(headers or {})}, body)


# ---- who may call ----

def test_a_wrong_secret_is_the_same_as_no_transport(server):
    set_transport(server, "known", "kannel", **KANNEL)
    right = callback_url(server, "known")
    base, secret = right.rsplit("/", 1)
    wrong = [f"{base}/{secret[:-1]}{'0' if secret[-1] != '0' else '1'}", f"{base}/x", f"{base}/{secret}0",
             f"{base}/{secret[:-1]}", f"{base}/{secret.upper()}x", right.replace("/known/", "/unknown/"),
             right.replace("/known/", "/inbox/"), right.replace("/known/", "/%2e%2e/")]
    answers = [call(server, f"{url}/inbound?from=%2B14255550301&to=12345", body=b"x") for url in wrong]
    assert {(a.status, a.body) for a in answers} == {(404, answers[0].body)}
    assert not received(server, "+14255550301")


def test_the_secret_of_one_transport_opens_no_other(server):
    for name in ("one", "two"):
        set_transport(server, name, "kannel", **KANNEL)
    one, two = callback_url(server, "one"), callback_url(server, "two")
    secret = one.rsplit("/", 1)[1]
    assert secret != two.rsplit("/", 1)[1]
    assert call(server, f"{two.rsplit('/', 1)[0]}/{secret}/inbound?from=1&to=12345").status == 404


def test_only_what_a_carrier_says_is_taken(server):
    set_transport(server, "picky", "kannel", **KANNEL)
    url = callback_url(server, "picky")
    for what, status in ((f"report?id={MESSAGE}&key=x&type=9", 400), ("report", 400), ("report?id=1&key=x&type=1", 400),
                         ("inbound", 400), ("events", 400), ("", 404), ("a/b", 404),
                         (f"report?id={MESSAGE}&key=%zz&type=1", 400)):
        assert call(server, f"{url}/{what}").status == status, what
    assert call(server, f"{url}/inbound?from=%2B14255550302&to=12345", "PUT").status == 405
    assert call(server, f"{url}/inbound?from=%2B14255550302&to=12345", body=b"x" * 300000).status == 413
    assert call(server, f"{url}/inbound?from=%2B14255550302&to=12345", body=b"ok").status == 200


def test_a_message_comes_once_however_often_it_is_told(server):
    set_transport(server, "again", "kannel", **KANNEL)
    url = f"{callback_url(server, 'again')}/inbound?from=%2B14255550303&to=12345&id=k-1"
    for _ in range(3):
        assert call(server, url, body="Grüße".encode()).status == 200
    assert [m["message"] for m in received(server, "+14255550303")] == ["Grüße"]


def test_the_address_works_under_any_host_and_the_log_does_not_have_it(server):
    set_transport(server, "hidden", "kannel", **KANNEL)
    url = callback_url(server, "hidden")
    assert call(server, f"{url}/inbound?from=%2B14255550304&to=12345&id=h", body=b"hush hush",
                headers={"Host": "gateway.internal:8080"}).status == 200
    for path in ("/carriers/hidden/{}", "//carriers/hidden/{}/x/y", "/%63arriers/hidden/{}/report"):
        server.send("GET", path.format(url.rsplit("/", 1)[1]))
    eventually("the log has them", lambda: len(re.findall("/carriers/REDACTED", server.log())) >= 3)
    for word in (url.rsplit("/", 1)[1], "4255550304", "hush"):
        assert word not in server.log(), word


def test_forged_reports_change_nothing(server, gateway):
    describe(server, gateway, "forged")
    sent = send(server, "+14255550141", "+14255550305", "hello")
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    ours = json.loads(gateway.asked[0][2])["hook"]
    key = urllib.parse.parse_qs(urllib.parse.urlsplit(ours).query)["key"][0]
    report = json.dumps({"state": "DELIVERED"}).encode()
    assert call(server, ours.replace(key, "0" * len(key)), body=report).status == 404
    assert call(server, ours.replace(key, ""), body=report).status == 400
    assert message(server, sent)["state"] == "submitted"
    assert call(server, ours, body=report).status == 200
    assert end_of(server, sent) == ("delivered", 2000)
    assert call(server, ours, body=json.dumps({"state": "FAILED"}).encode()).status == 200  # too late: acknowledged
    assert end_of(server, sent) == ("delivered", 2000)


# ---- a described gateway ----

def describe(server, gateway, name: str, sender: str = "+14255550141", **more):
    set_transport(server, name, "http", **{
        "url": f"{gateway.url}/v1/messages", "headers": {"Authorization": "Bearer {secret.token}"},
        "body": {"from": "{from}", "to": "{toDigits}", "text": "{text}", "hook": "{reportUrl}", "ref": "{id}"},
        "secrets": {"token": "t0psecret"}, "accepted": {"id": "json:/id", "value": "json:/state", "in": ["ok"]},
        "permanent": {"code": "json:/error", "codes": {"no-such-number": 4004}},
        "reports": {"status": "json:/state", "id": "json:/id", "delivered": ["DELIVERED"],
                    "failed": {"FAILED": 4006}, "code": "json:/why", "codes": {"blocked": 4005}},
        "inbound": {"from": "form:From", "to": "form:To", "text": "form:Body", "id": "form:Sid"}, **more})
    set_sender(server, sender, transport=name)


def test_a_gateway_is_asked_as_described(server, gateway):
    describe(server, gateway, "described")
    sent = send(server, "+14255550141", "+14255550311", 'say "hi" {to} & Ж')
    path, headers, body = eventually("it was asked", lambda: gateway.asked)[0]
    asked = json.loads(body)
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/v1/messages", "Bearer t0psecret",
                                                                        "application/json")
    assert (asked["from"], asked["to"], asked["text"], asked["ref"]) == ("+14255550141", "14255550311",
                                                                        'say "hi" {to} & Ж', sent)
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    url = callback_url(server, "described")
    assert call(server, f"{url}/report", body=b'{"id":"gw-1","state":"FAILED","why":"blocked"}').status == 200
    assert end_of(server, sent) == ("failed", 4005)
    assert "t0psecret" not in server.log() and "4255550311" not in server.log()
    assert server.admin("GET", "/admin/sms/transports/described").json()["secrets"] == {"token": "***"}


def test_a_secret_that_was_sent_is_wiped(server, gateway):
    secret = "w1ped-4Zq"
    describe(server, gateway, "wiping", secrets={"token": secret})
    time.sleep(1)  # the loops clear up after the answer
    kept = count(server.process.pid, secret)
    assert kept >= 1, "in the list of transports and the carrier"
    for number in range(3):
        sent = send(server, "+14255550141", f"+1425555033{number}", "once")
        eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    assert all(headers["Authorization"] == f"Bearer {secret}" for _, headers, _ in gateway.asked)
    eventually("what was sent is wiped", lambda: count(server.process.pid, secret) <= kept)


def test_a_gateway_may_refuse(server, gateway):
    describe(server, gateway, "refusing")
    gateway.answers += [(400, {"error": "no-such-number"}), (200, {"state": "bad"})]
    assert end_of(server, send(server, "+14255550141", "+14255550312", "a")) == ("failed", 4004)
    assert end_of(server, send(server, "+14255550141", "+14255550312", "b")) == ("failed", 5000)


def test_a_gateway_may_ask_for_patience(server, gateway):
    describe(server, gateway, "patient")
    gateway.answers += [(503, {}), (429, {})]
    sent = send(server, "+14255550141", "+14255550313", "patience")
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    assert (len(gateway.asked), message(server, sent)["attempts"]) == (3, 3)


def test_resources_take_turns_at_a_slow_gateway(server, gateway):
    """Ten that come last wait for about as many of somebody's two hundred, not for all of them."""
    describe(server, gateway, "shared", window=2)
    gateway.seconds = 0.05
    owners = [server.new_resource(name) for name in ("crowd", "guest")]

    def sends(owner, count: int, sender: str):
        host = owner.host(server.http_port)
        listed = server.signed("PUT", f"/admin/sms/senders/{urllib.parse.quote(sender)}", {"transport": "shared"},
                               key=owner.primary, host=host)
        assert listed.status in (200, 201), listed
        crowd = [f"+142555{n:05}" for n in range(count)]
        answer = server.signed("POST", sms.path(), sms.message(*crowd, sender=sender), key=owner.primary, host=host)
        assert answer.status == 202, answer

    sends(owners[0], 100, "+14255551001")
    sends(owners[0], 100, "+14255551001")
    eventually("it is asked", lambda: gateway.asked)
    sends(owners[1], 10, "+14255551002")
    before = len(gateway.asked)
    eventually("all are sent", lambda: len(gateway.asked) == 210)
    guests = [place for place, (_, _, body) in enumerate(gateway.asked) if json.loads(body)["from"] == "+14255551002"]
    assert len(guests) == 10 and guests[-1] < before + 40, (before, guests)


def test_what_was_not_answered_is_not_sent_again_at_once(server, gateway):
    describe(server, gateway, "mute")
    gateway.answers.append(None)
    sent = send(server, "+14255550141", "+14255550314", "once")
    eventually("it is unsure", lambda: transport_status(server, "mute")["unsure"] == 1)
    assert message(server, sent)["state"] == "submitting"
    ours = json.loads(gateway.asked[0][2])["hook"]
    assert call(server, ours, body=b'{"state":"DELIVERED"}').status == 200  # it had been taken after all
    assert end_of(server, sent) == ("delivered", 2000)
    assert {json.loads(body)["ref"] for _, _, body in gateway.asked} == {sent}


def test_an_answer_counts_that_came_while_the_process_stood_still(fresh_server, gateway):
    """As a paused machine does: else the gateway's yes is not heard, and the message goes out twice."""
    server = fresh_server()
    describe(server, gateway, "paused", timeoutSeconds=2)
    gateway.seconds = 0.5
    sent = send(server, "+14255550141", "+14255550319", "once")
    eventually("it is asked", lambda: gateway.asked)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    server.process.send_signal(signal.SIGCONT)
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    assert transport_status(server, "paused")["unsure"] == 0 and len(gateway.asked) == 1


def test_a_connection_that_was_kept_and_is_lost_sends_nothing_twice(server, gateway):
    describe(server, gateway, "kept")
    first = send(server, "+14255550141", "+14255550317", "warm")
    eventually("it was taken", lambda: message(server, first)["state"] == "submitted")
    gateway.answers.append(None)
    sent = send(server, "+14255550141", "+14255550317", "once")
    eventually("it is unsure", lambda: transport_status(server, "kept")["unsure"] == 1)
    assert [json.loads(body)["ref"] for _, _, body in gateway.asked] == [first, sent]
    assert message(server, sent)["state"] == "submitting"


def test_a_stop_does_not_wait_for_a_gateway(gateway):
    """What was in flight is not forgotten: it goes again, marked, a minute after it went."""
    gateway.answers.append("silence")
    server = Server().start()
    try:
        describe(server, gateway, "silent")
        sent = send(server, "+14255550141", "+14255550316", "hello?")
        eventually("it was asked", lambda: gateway.asked)
        started = time.monotonic()
        code = server.stop()
        assert time.monotonic() - started < 15
        assert not complaints(server, code)
        server.start()
        assert message(server, sent)["state"] == "submitting"
        assert server.admin("PUT", "/admin/clock", {"advance": "64s"}).status == 200
        eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
        assert message(server, sent)["unsure"] is True
        assert not complaints(server, server.stop())
    finally:
        server.close()


def test_an_error_after_the_delivery_floods_nobody(fresh_server, gateway):
    """A minute, then two: the times are stored, so that a crash makes them no shorter."""
    server = fresh_server()

    def tries(of):
        return sum(json.loads(body)["ref"] == of for _, _, body in gateway.asked)

    def advance(seconds):
        assert server.admin("PUT", "/admin/clock", {"advance": f"{seconds}s"}).status == 200

    def taken(id):
        return eventually("it was taken", lambda: message(server, id)["state"] == "submitted")

    describe(server, gateway, "faulty")
    gateway.answers += [(500, {}), (500, {})]
    sent = send(server, "+14255550141", "+14255550318", "once, please")
    eventually("it is unsure", lambda: transport_status(server, "faulty")["unsure"] == 1)
    advance(64)
    eventually("it is unsure again", lambda: transport_status(server, "faulty")["unsure"] == 2)
    server.kill()
    server.start()
    advance(64)
    taken(send(server, "+14255550141", "+14255550318", "another"))
    assert tries(sent) == 2
    advance(64)
    taken(sent)
    assert (tries(sent), message(server, sent)["unsure"]) == (3, True)


def test_a_gateway_brings_a_message(server, gateway):
    describe(server, gateway, "bringing", sender="+14255550142")
    url = f"{callback_url(server, 'bringing')}/inbound"
    form = urllib.parse.urlencode({"From": "14255550315", "To": "+14255550142", "Body": "Grüße 1+1", "Sid": "SM9"})
    for _ in range(2):
        assert call(server, url, body=form.encode(),
                    headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 200
    came = received(server, "+14255550315")
    assert [(m["to"], m["message"], m["transport"]) for m in came] == [("+14255550142", "Grüße 1+1", "bringing")]


@pytest.mark.parametrize("change, words", [
    ({"url": "gopher://x/"}, "url must be"), ({"body": "{nothing}"}, "{nothing}"), ({"window": 0}, "window"),
    ({"reports": {"status": "json:/s"}}, "reports.delivered is required"), ({"colour": "red"}, "colour is unknown"),
    ({"headers": {"X": "{secret.none}"}}, "{secret.none}")])
def test_a_bad_description_is_refused_with_a_reason(server, change, words):
    answer = server.admin("PUT", "/admin/sms/transports/bad", {"kind": "http", "url": "https://x.example/", **change})
    assert answer.status == 400 and words in answer.json()["error"]["message"], answer


# ---- a real resource, played by a second server ----

@pytest.fixture(scope="module")
def cloud():
    running = Server("--sms-sim-delay", "0s").start()
    yield running
    running.close()


def forward(server, connection_string: str, name: str = "cloud", sender: str = "+14255550149"):
    set_transport(server, name, "azure", connectionString=connection_string)
    set_sender(server, sender, transport=name)


def inbox(cloud, recipient: str) -> list[dict]:
    query = urllib.parse.urlencode({"to": recipient})
    return cloud.admin("GET", f"/admin/sms/messages?{query}").json()["value"]


@pytest.mark.parametrize("recipient, state, code", [
    ("+14255550321", "delivered", 2000), ("+19995554006", "failed", 4006), ("+19995554005", "failed", 4005),
    ("+19995550400", "failed", 4002)])
def test_the_fate_there_is_the_fate_here(server, cloud, recipient, state, code):
    forward(server, cloud.http_connection_string)
    # those recipients are played by the cloud: here they go out like any other
    sent = send(server, "+14255550149", recipient, "through: Ж")
    assert end_of(server, sent) == (state, code)
    if code != 4002:
        theirs = inbox(cloud, recipient)
        assert [(m["from"], m["message"], m["state"]) for m in theirs] == [("+14255550149", "through: Ж", state)]


def test_a_temporary_refusal_there_is_tried_again(server, cloud):
    forward(server, cloud.http_connection_string)
    sent = send(server, "+14255550149", "+19995550429", "again")
    assert end_of(server, sent) == ("delivered", 2000)
    assert message(server, sent)["attempts"] >= 2


class Lossy:
    """Stands before the cloud and loses the answer to the first request."""

    def __init__(self, cloud):
        self.lost, proxy = 0, self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection("localhost", cloud.http_port, timeout=30)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body or None)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                if self.command == "POST" and proxy.lost < 2:
                    proxy.lost += 1
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_what_is_sent_again_is_taken_once(server, cloud):
    lossy = Lossy(cloud)
    forward(server, f"endpoint=http://localhost:{lossy.port}/;accesskey={cloud.primary}", "lossy", "+18005550101")
    sent = send(server, "+18005550101", "+14255550322", "only once")
    assert end_of(server, sent) == ("delivered", 2000)
    lossy.server.shutdown()
    assert lossy.lost == 2 and message(server, sent)["attempts"] == 3
    assert [m["message"] for m in inbox(cloud, "+14255550322")] == ["only once"]


def test_a_wrong_key_loses_nothing(server, cloud):
    forward(server, f"endpoint={cloud.http_endpoint};accesskey=d3Jvbmc=", "keyed", "+18005550102")
    sent = send(server, "+18005550102", "+14255550323", "later")
    eventually("the key is refused", lambda: transport_status(server, "keyed").get("problem"))
    assert message(server, sent)["state"] in ("queued", "submitting")
    forward(server, cloud.http_connection_string, "keyed", "+18005550102")
    assert end_of(server, sent) == ("delivered", 2000)
    assert cloud.primary not in server.log()


def test_event_grid_may_tell_it_sooner_and_brings_messages(server, cloud):
    forward(server, cloud.http_connection_string, "grid", "+18005550103")
    url = f"{callback_url(server, 'grid')}/events"
    asked = call(server, url, body=json.dumps([{
        "id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "subject": "",
        "data": {"validationCode": "c0de"}}]).encode())
    assert (asked.status, asked.json()) == (200, {"validationResponse": "c0de"})
    sent = send(server, "+18005550103", "+19995550000", "never reported")
    theirs = eventually("it is there", lambda: inbox(cloud, "+19995550000"))[0]["messageId"]
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    told = [{"eventType": "Microsoft.Communication.SMSDeliveryReportReceived", "data": {
                "messageId": theirs, "deliveryStatus": "Failed", "deliveryStatusDetails": "4006: Not reachable"}},
            {"eventType": "Microsoft.Communication.SMSReceived", "data": {
                "messageId": "Incoming_1", "from": "14255550324", "to": "18005550103", "message": "STOP",
                "segmentCount": 1}}]
    for _ in range(2):
        assert call(server, url, body=json.dumps(told).encode()).status == 200
    assert end_of(server, sent) == ("failed", 4006)
    assert len(received(server, "+14255550324")) == 1
    assert end_of(server, send(server, "+18005550103", "+14255550324", "opted out")) == ("failed", 4007)


def test_the_cloud_validates_delivers_and_is_believed(server, cloud):
    """Nothing played: the other server's own Event Grid finds this one, asks for consent, reports and brings."""
    forward(server, cloud.http_connection_string, "whole", "+18005550104")
    endpoint = f"{callback_url(server, 'whole')}/events"
    put(cloud, "forwarded", endpoint)
    assert settled(cloud, "forwarded")["provisioningState"] == "Succeeded"
    sent = send(server, "+18005550104", "+19995550000", "reported by hand")
    theirs = eventually("it is there", lambda: [m for m in inbox(cloud, "+19995550000")
                                                if m["message"] == "reported by hand"])[0]["messageId"]
    eventually("it was taken", lambda: message(server, sent)["state"] == "submitted")
    cloud.admin("POST", f"/admin/sms/messages/{theirs}:report", {"deliveryStatus": "Failed", "code": 4005})
    assert end_of(server, sent) == ("failed", 4005)
    cloud.admin("POST", "/admin/sms/inbound", {"from": "+14255550325", "to": "+18005550104", "message": "Ж in"})
    came = eventually("it came through", lambda: received(server, "+14255550325"))
    assert [(m["to"], m["message"], m["transport"]) for m in came] == [("+18005550104", "Ж in", "whole")]
