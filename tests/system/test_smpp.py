"""Text messages by SMPP: a real server, and a carrier of the tests that keeps to the standard, or does not."""

import itertools
import socket
import ssl
import subprocess
import time

import pytest

from smsc import BIND_RECEIVER, BIND_TRANSMITTER, DELIVER_SM, ENQUIRE_LINK, SUBMIT_SM, Smsc, pdu

WIRE = "/sms?api-version=2026-01-23"
numbers = itertools.count(1)


class Way:
    """A transport to a simulator, and a sender that uses it."""

    def __init__(self, server, smsc, **config):
        n = next(numbers)
        self.server, self.smsc = server, smsc
        self.name, self.sender = f"carrier-{n}", f"+1425556{n:04d}"
        self.config = {"kind": "smpp", "host": "127.0.0.1", "port": smsc.port, "systemId": "gate",
                       "password": "s3cretpw", **config}
        self.put()
        answer = server.admin("PUT", f"/admin/sms/senders/{self.sender.replace('+', '%2B')}",
                              {"kind": "longCode", "transport": self.name, "enforceOptOut": True})
        assert answer.status in (200, 201), answer

    def put(self):
        answer = self.server.admin("PUT", f"/admin/sms/transports/{self.name}", self.config)
        assert answer.status in (200, 201), answer

    def send(self, *texts, to="+14255550123", **options):
        made = []
        for text in texts:
            answer = self.server.signed("POST", WIRE, {
                "from": self.sender, "smsRecipients": [{"to": to}], "message": text,
                "smsSendOptions": {"enableDeliveryReport": True, **options}})
            assert answer.status == 202, answer
            item = answer.json()["value"][0]
            assert item["successful"], item
            made.append(item["messageId"])
        return made[0] if len(made) == 1 else made

    def shown(self, id):
        answer = self.server.admin("GET", f"/admin/sms/messages/{id}")
        assert answer.status == 200, answer
        return answer.json()

    def ended(self, id, seconds=30):
        return until(lambda: (lambda one: one if one.get("report") else None)(self.shown(id)), seconds)

    def status(self):
        return self.server.admin("GET", f"/admin/sms/transports/{self.name}:status").json().get("status", {})

    def came(self, n=1):
        query = f"/admin/sms/messages?direction=inbound&to={self.sender.replace('+', '%2B')}"
        return until(lambda: (lambda found: found if len(found) >= n else None)(
            self.server.admin("GET", query).json()["value"]))


def until(look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def code_of(message):
    return message["report"]["deliveryStatusDetails"].split(":")[0]


@pytest.fixture
def smsc():
    with Smsc() as one:
        yield one
        assert one.problems == []


@pytest.fixture
def way(server, smsc):
    return Way(server, smsc)


# ---- there and back ----


def test_a_message_goes_out_and_its_receipt_ends_it(way, smsc):
    made = way.send("Hello {€} @")
    assert smsc.wait_texts(1) == ["Hello {€} @"]
    sent = smsc.messages[0]
    assert sent.source == (1, 1, way.sender[1:]) and sent.destination == (1, 1, "14255550123")
    assert (sent.coding, sent.esm, sent.registered) == (0, 0, 1)
    assert len(sent.validity) == 16 and sent.validity.endswith("000+")
    ended = way.ended(made)
    assert ended["report"]["deliveryStatus"] == "Delivered" and code_of(ended) == "2000"
    assert smsc.binds == [("gate", "s3cretpw", 0)]


@pytest.mark.parametrize("state,code", [("UNDELIV", "4006"), ("EXPIRED", "4006"), ("REJECTD", "4005"),
                                        ("DELETED", "5000"), ("UNKNOWN", "9999")])
@pytest.mark.parametrize("form", ["text", "tlv"])
def test_a_receipt_tells_why_it_failed(way, smsc, state, code, form):
    smsc.receipt, smsc.receipt_form = state, form
    ended = way.ended(way.send("Hi"))
    assert ended["report"]["deliveryStatus"] == "Failed" and code_of(ended) == code


@pytest.mark.parametrize("what,code", [("source", "4001"), ("destination", "4002"), ("refuse", "5000")])
def test_what_the_carrier_refuses_has_failed(way, smsc, what, code):
    smsc.script = [what]
    ended = way.ended(way.send("Hi"))
    assert ended["report"]["deliveryStatus"] == "Failed" and code_of(ended) == code


def test_many_messages_all_arrive_once(way, smsc):
    texts = [f"message {i}" for i in range(200)]
    made = way.send(*texts)
    assert sorted(smsc.wait_texts(200, 60)) == sorted(texts)
    for id in made:
        assert code_of(way.ended(id)) == "2000"
    assert len(smsc.messages) == 200


@pytest.mark.parametrize("text,parts", [("a" * 160, 1), ("a" * 161, 2), ("я" * 70, 1), ("я" * 71, 2), ("€" * 2048, 27),
                                        ("😀" * 1024, 32)], ids=lambda one: str(len(one)) if isinstance(one, str) else one)
@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
def test_long_texts_arrive_whole(server, smsc, text, parts, how):
    way = Way(server, smsc, longMessages=how, window=100)
    made = way.send(text)
    sent = 1 if how == "payload" else parts
    smsc.wait_texts(sent)
    assert "".join(one.text for one in sorted(smsc.messages, key=lambda one: one.part)) == text
    assert {one.parts for one in smsc.messages} == {sent}
    ended = way.ended(made)
    assert ended["segments"] == parts and code_of(ended) == "2000"


def test_all_parts_must_arrive(way, smsc):
    smsc.receipt = None
    good, bad = way.send("a" * 400, "b" * 400)
    smsc.wait_texts(6)
    of = {letter: sorted((one for one in smsc.messages if one.text[0] == letter), key=lambda one: one.part)
          for letter in "ab"}
    for part in (2, 0):
        assert smsc.give(of["a"][part], "DELIVRD") == 0
    assert smsc.give(of["b"][1], "UNDELIV") == 0
    assert code_of(way.ended(bad)) == "4006"
    assert "report" not in way.shown(good)
    assert smsc.give(of["a"][1], "DELIVRD") == 0
    assert code_of(way.ended(good)) == "2000"
    assert smsc.give(of["b"][0], "DELIVRD") == 0, "what is over is acknowledged all the same"
    assert code_of(way.shown(bad)) == "4006"


# ---- receipts ----


@pytest.mark.parametrize("ids", ["hex-decimal", "decimal-hex", "hex-hex"])
def test_ids_are_known_however_they_are_spelt(way, smsc, ids):
    smsc.ids = ids
    for id in way.send("one", "two", "three"):
        assert code_of(way.ended(id)) == "2000"


def test_receipts_may_come_before_the_answer(way, smsc):
    smsc.receipt_first = True
    for id in way.send(*[f"early {i}" for i in range(5)]):
        assert code_of(way.ended(id)) == "2000"


def test_an_early_receipt_is_acknowledged_when_it_is_kept(fresh_server, smsc):
    """Not before the message is known by its id, and what was acknowledged outlives a crash."""
    server = fresh_server()
    smsc.receipt, smsc.answer = None, "silent"
    way = Way(server, smsc)
    id = way.send("Hi")
    smsc.wait_texts(1)
    message, link = smsc.messages[0], smsc.link()
    early = smsc.give(message, "UNDELIV", wait=False)
    stray = smsc.deliver("+14255550123", way.sender, b"id:7777777777 stat:DELIVRD", esm=4, wait=False)
    with pytest.raises(AssertionError):
        smsc.until(lambda: early in link.answers or stray in link.answers, 1)
    smsc.reply(message, "ok")
    assert smsc.until(lambda: (link.answers.get(early),) if early in link.answers else None) == (0,)
    server.kill()
    server.start()
    assert code_of(way.shown(id)) == "4006"


def test_a_receipt_that_stays_early_is_put_off(way, smsc):
    smsc.receipt, smsc.answer = None, "silent"
    id = way.send("Hi")
    smsc.wait_texts(1)
    assert smsc.give(smsc.messages[0], "DELIVRD") == 0x64
    smsc.reply(smsc.messages[0], "ok")
    until(lambda: way.shown(id)["state"] == "submitted")
    assert smsc.give(smsc.messages[0], "DELIVRD") == 0
    assert code_of(way.ended(id)) == "2000"


def test_a_carrier_may_give_an_id_again(way, smsc):
    """Its counter began anew: the receipt is the newest one's, also when it comes before its answer is kept."""
    smsc.numbers = itertools.repeat(7)
    for state, code in (("DELIVRD", "2000"), ("UNDELIV", "4006"), ("DELIVRD", "2000")):
        smsc.receipt = state
        assert code_of(way.ended(way.send("Hi"))) == code
    assert smsc.give(smsc.messages[0], "REJECTD") == 0, "and of nobody when all have ended"


def test_receipts_may_come_in_another_order(way, smsc):
    smsc.receipt = None
    made = way.send("one", "two", "three")
    smsc.wait_texts(3)
    states = {"one": "DELIVRD", "two": "UNDELIV", "three": "REJECTD"}
    for message in reversed(smsc.messages):
        assert smsc.give(message, states[message.text]) == 0
    assert [code_of(way.ended(id)) for id in made] == ["2000", "4006", "4005"]


def test_a_receipt_counts_once(way, smsc):
    made = way.send("Hi")
    assert code_of(way.ended(made)) == "2000"
    assert smsc.give(smsc.messages[0], "UNDELIV") == 0
    assert code_of(way.shown(made)) == "2000"


def test_a_receipt_of_nobody_is_acknowledged(way, smsc):
    smsc.link()
    assert smsc.deliver("+14255550123", way.sender, b"id:7777777777 stat:DELIVRD", esm=4) == 0


def test_a_receipt_finds_its_message_after_a_restart(fresh_server, smsc):
    server = fresh_server()
    smsc.receipt = None
    way = Way(server, smsc)
    whole, parts = way.send("Hi", "a" * 400)
    smsc.wait_texts(4)
    before = list(smsc.messages)
    until(lambda: all(way.shown(id)["state"] == "submitted" for id in (whole, parts)))
    assert smsc.give(next(one for one in before if one.part == 3), "DELIVRD") == 0
    server.kill()
    smsc.until(lambda: not smsc.links)
    server.start()
    smsc.link()
    for one in before:
        if one.part != 3:
            assert smsc.give(one, "DELIVRD") == 0
    assert code_of(way.ended(whole)) == "2000" and code_of(way.ended(parts)) == "2000"
    assert len(smsc.messages) == 4


# ---- carriers as they are ----


def test_a_busy_carrier_gets_it_again(way, smsc):
    smsc.script = ["busy", "full"]
    assert code_of(way.ended(way.send("Hi"))) == "2000"
    assert smsc.texts() == ["Hi"] * 3


def test_no_more_is_under_way_than_the_window_allows(server, smsc):
    way = Way(server, smsc, window=3)
    smsc.answer = "silent"
    way.send(*[f"n {i}" for i in range(9)])
    smsc.wait_texts(3)
    time.sleep(0.1)
    assert len(smsc.messages) == 3
    smsc.answer = "ok"
    for first in smsc.messages[:3]:
        smsc.reply(first, "ok")
    smsc.wait_texts(9)


def test_a_lost_connection_is_made_again(way, smsc):
    smsc.link()
    smsc.hang_up()
    assert code_of(way.ended(way.send("Hi"))) == "2000"
    assert [status for _, _, status in smsc.binds] == [0, 0]


def test_what_was_not_answered_goes_again_later(fresh_server, smsc):
    server = fresh_server()
    way = Way(server, smsc)
    smsc.script = ["hang up"]
    made = way.send("Hi")
    smsc.wait_texts(1)
    smsc.link()
    assert server.admin("PUT", "/admin/clock", {"advance": "64s"}).status == 200
    assert code_of(way.ended(made)) == "2000"
    assert smsc.texts() == ["Hi"] * 2


def test_a_refused_bind_is_told_and_not_hammered(server, smsc):
    smsc.bind_script = [0x0E] * 5
    way = Way(server, smsc)
    smsc.until(lambda: smsc.binds)
    until(lambda: "check the password" in way.status().get("lastError", ""))
    assert way.status()["state"] == "waiting"
    time.sleep(1.5)
    assert len(smsc.binds) == 1


def test_a_new_configuration_takes_effect(way, smsc):
    smsc.link()
    with Smsc() as other:
        way.config["port"] = other.port
        way.put()
        other.link()
        smsc.until(lambda: smsc.unbinds == 1)
        assert code_of(way.ended(way.send("Hi"))) == "2000"
        assert other.texts() == ["Hi"] and smsc.texts() == []


def test_a_server_that_stops_says_goodbye(fresh_server, smsc):
    server = fresh_server()
    Way(server, smsc)
    smsc.link()
    server.stop()
    smsc.until(lambda: smsc.unbinds == 1)


@pytest.mark.parametrize("octets", [
    b"\0\0\0\x0f" + b"\0" * 12, b"\x7f\xff\xff\xff" + b"\0" * 12, b"HTTP/1.1 200 OK\r\n\r\n",
    pdu(SUBMIT_SM, 0, 1) * 40, pdu(SUBMIT_SM | 0x80000000, 0, 12345, b"x\0") * 40, pdu(DELIVER_SM, 0, 1, b"") * 40,
    pdu(ENQUIRE_LINK, 0, 1) * 200, pdu(DELIVER_SM, 0, 1, b"\xff" * 300) * 40], ids=range(8))
def test_a_hostile_carrier_is_left(way, smsc, octets):
    smsc.link()
    smsc.raw(octets)
    smsc.until(lambda: not smsc.links)
    assert way.server.admin("GET", "/admin/sms/transports").status == 200


# ---- what comes in ----


@pytest.mark.parametrize("text", ["Hello {€} @", "Привет 😀", "x" * 400, "я" * 200, "😀" * 100], ids=len)
@pytest.mark.parametrize("how", ["udh", "sar"])
def test_a_message_comes_in(way, smsc, text, how):
    assert set(smsc.say("+14255550123", way.sender, text, how=how)) == {0}
    came = way.came()[0]
    assert (came["message"], came["from"], came["to"]) == (text, "+14255550123", way.sender)
    assert came["segments"] == {11: 1, 8: 1, 400: 3, 200: 3, 100: 3}[len(text)]


def test_parts_may_come_in_any_order_and_twice(way, smsc):
    text = "".join(f"{i:04d}" for i in range(100))
    assert smsc.say("+14255550123", way.sender, text, order=[2, 0, 0, 1]) == [0] * 4
    assert [one["message"] for one in way.came()] == [text]


def test_a_message_to_nobody_is_acknowledged(way, smsc):
    assert smsc.say("+14255550123", "+19998887777", "Hi") == [0]


@pytest.mark.parametrize("origin", ["611", "1234", "T-Mobile", "Info & Co", "ABCDEFGHIJKLMNOP"])
def test_a_message_may_come_from_no_number(way, smsc, origin):
    assert smsc.say(origin, way.sender, "STOP") == [0], "else it would come for ever"
    came, = way.came()
    assert (came["from"], came["message"]) == (origin, "STOP")


def test_a_message_to_no_number_is_acknowledged(way, smsc):
    assert smsc.say("+14255550123", "Contoso", "Hi") == [0]


def test_stop_comes_in_and_counts(way, smsc):
    assert smsc.say("+14255550199", way.sender, "stop") == [0]
    way.came()
    ended = way.ended(way.send("Hi", to="+14255550199"))
    assert code_of(ended) == "4007"
    assert "Hi" not in smsc.texts()


# ---- a transmitter and a receiver ----


@pytest.fixture
def pair(server, smsc):
    return Way(server, smsc, bindMode="pair")


def test_a_pair_sends_by_one_and_hears_by_the_other(pair, smsc):
    made = pair.send("Hello {€} @", "a" * 400)
    for id in made:
        assert code_of(pair.ended(id)) == "2000"
    assert sorted(link.bound for link in smsc.links) == [BIND_RECEIVER, BIND_TRANSMITTER]
    assert {one.link.bound for one in smsc.messages} == {BIND_TRANSMITTER}
    assert smsc.say("+14255550123", pair.sender, "x" * 400) == [0] * 3
    assert pair.came()[0]["message"] == "x" * 400
    assert {name: pair.status()[name] for name in ("state", "transmitter", "receiver")} == {
        "state": "bound", "transmitter": "bound", "receiver": "bound"}


def test_a_pair_without_its_receiver_waits(pair, smsc):
    smsc.link()
    smsc.transmitter()
    smsc.bind_script = [0x0D]
    smsc.link().close()
    until(lambda: "refused to bind" in pair.status().get("lastError", ""))
    assert (pair.status()["transmitter"], pair.status()["receiver"]) == ("bound", "waiting")
    made = pair.send("Hi")
    with pytest.raises(AssertionError):
        smsc.until(lambda: smsc.messages, 1)
    pair.put()  # whoever mends it need not wait for the minute
    assert code_of(pair.ended(made)) == "2000" and smsc.texts() == ["Hi"]


def test_a_receiver_that_goes_costs_no_message(pair, smsc):
    smsc.answer_after = 0.5
    made = pair.send("Hi")
    smsc.wait_texts(1)
    smsc.link().close()
    assert code_of(pair.ended(made)) == "2000"
    assert smsc.texts() == ["Hi"], "the transmitter was not made anew, and the answer was not lost"
    assert len(smsc.binds) == 3


def test_a_transmitter_that_goes_is_made_again(pair, smsc):
    smsc.link()
    smsc.transmitter().close()
    assert code_of(pair.ended(pair.send("Hi"))) == "2000"
    assert len(smsc.binds) == 3


def test_a_pair_says_goodbye_twice(fresh_server, smsc):
    server = fresh_server()
    Way(server, smsc, bindMode="pair")
    smsc.link()
    smsc.transmitter()
    server.stop()
    smsc.until(lambda: smsc.unbinds == 2)


# ---- TLS, and secrets ----


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=smsc",
                    "-addext", f"subjectAltName={name}"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_carrier_may_be_reached_by_tls(server, tmp_path):
    with Smsc(tls=certificate(tmp_path, "IP:127.0.0.1")) as smsc:
        way = Way(server, smsc, tls=True, caFile=str(tmp_path / "cert.pem"))
        assert code_of(way.ended(way.send("Hi"))) == "2000"


def test_another_name_is_not_trusted(server, tmp_path):
    with Smsc(tls=certificate(tmp_path, "DNS:other.test")) as smsc:
        way = Way(server, smsc, tls=True, caFile=str(tmp_path / "cert.pem"))
        until(lambda: way.status().get("lastError", "").startswith("TLS: "))
        assert not any(status == 0 for _, _, status in smsc.binds)


def test_secrets_and_texts_stay_out_of_the_log_and_of_answers(fresh_server, smsc):
    server = fresh_server()
    way = Way(server, smsc)
    way.ended(way.send("a very private text", to="+14255550177"))
    smsc.say("+14255550178", way.sender, "another private text")
    way.came()
    assert "s3cretpw" not in str(server.admin("GET", f"/admin/sms/transports/{way.name}").json()) + str(way.status())
    log = server.log()
    for word in ("s3cretpw", "private text", "4255550177", "4255550178"):
        assert word not in log


@pytest.mark.parametrize("members,target", [
    ({"window": 0}, "window"), ({"window": 101}, "window"), ({"bindMode": "receiver"}, "bindMode"),
    ({"password": "123456789"}, "password"), ({"host": ""}, "host"), ({"windows": 1}, "windows")])
def test_a_bad_configuration_is_refused(server, members, target):
    answer = server.admin("PUT", "/admin/sms/transports/bad", {
        "kind": "smpp", "host": "127.0.0.1", "systemId": "gate", "password": "x", **members})
    assert answer.status == 400 and target in answer.json()["error"]["message"], answer


def test_a_carrier_that_is_not_there_is_no_harm(server):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with Smsc() as smsc:
        way = Way(server, smsc, port=port)
        made = way.send("Hi")
        until(lambda: "refused" in way.status().get("lastError", ""))
        assert way.shown(made)["state"] == "queued"
