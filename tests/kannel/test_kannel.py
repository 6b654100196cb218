"""Messages through a real Kannel: out, reported on, refused, and in."""

import json
import re

from conftest import FAKE, HTTP
from kannel import PASSWORD, USER, free_ports, wait_until
from sms_wire import (callback_url, end_of, eventually, message, received, send, set_sender, set_transport,
                      transport_status)

GSM = "Hello @£$ [€] {~} ÄÖÜ"
CYRILLIC = "Ваш код 4711. " * 12


def taken(kannel, recipient: str) -> list[dict]:
    """What the SMSC by HTTP took for a recipient, in parts."""
    return [m for m in kannel.smsc.messages if m["to"] == recipient]


def printed(kannel, words: str) -> bool:
    return words in (kannel.folder / "fakesmsc.out").read_text(errors="replace")


def test_a_message_is_delivered_and_reported(server, kannel):
    sent = send(server, FAKE, "+14255550201", GSM)
    assert end_of(server, sent) == ("delivered", 2000)
    assert printed(kannel, f"<{FAKE} +14255550201 text {GSM}>")
    assert message(server, sent)["attempts"] == 1


def test_a_long_message_is_one_message_with_one_report(server, kannel):
    sent = send(server, FAKE, "+14255550202", "x" * 400)
    assert end_of(server, sent) == ("delivered", 2000)
    told = message(server, sent)["report"]["deliveryAttempts"]
    assert [(a["segmentsSucceeded"], a["segmentsFailed"]) for a in told] == [(3, 0)]


def test_the_longest_message_is_not_cut(server, kannel):
    send(server, HTTP, "+14255550203", "Ж" * 2048)
    parts = wait_until("all parts", lambda: len(p := taken(kannel, "+14255550203")) >= 31 and p)
    assert (len(parts), "".join(p["text"] for p in parts)) == (31, "Ж" * 2048)


def test_what_gsm_lacks_goes_as_unicode(server, kannel):
    sent = send(server, HTTP, "+14255550204", CYRILLIC)
    parts = wait_until("three parts", lambda: len(p := taken(kannel, "+14255550204")) == 3 and p)
    assert {p["coding"] for p in parts} == {"2"}
    assert sorted(p["text"] for p in parts) == sorted(CYRILLIC[i:i + 67] for i in range(0, len(CYRILLIC), 67))
    assert message(server, sent)["encoding"] == "UCS-2"
    kannel.push_report(parts, 1, "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:Ваш")
    assert end_of(server, sent) == ("delivered", 2000)


def test_what_gsm_has_goes_as_gsm(server, kannel):
    send(server, HTTP, "+14255550205", GSM)
    part = wait_until("a part", lambda: taken(kannel, "+14255550205"))[0]
    assert (part["coding"], part["text"], part["from"]) == ("0", GSM, HTTP)


def test_a_receipt_tells_why_it_failed(server, kannel):
    for at, (stat, code) in enumerate((("UNDELIV", 4006), ("EXPIRED", 4006), ("REJECTD", 4005), ("DELETED", 5000),
                                       ("UNKNOWN", 9999))):
        recipient = f"+1425555021{at}"
        sent = send(server, HTTP, recipient, "hello")
        parts = wait_until("it was taken", lambda: taken(kannel, recipient))
        eventually("Kannel said so", lambda: message(server, sent)["state"] == "submitted")
        kannel.push_report(parts, 2, f"id:1 sub:001 dlvrd:000 stat:{stat} err:001 text:hello")
        assert end_of(server, sent) == ("failed", code), stat


def test_a_refusal_is_final(server, kannel):
    kannel.smsc.answers["+14255550221"] = "NO such number"
    assert end_of(server, send(server, HTTP, "+14255550221", "hello")) == ("failed", 5000)


def test_kannel_gives_up_after_its_own_retries(server, kannel):
    kannel.smsc.answers["+14255550222"] = "BUSY"
    assert end_of(server, send(server, HTTP, "+14255550222", "hello"), 60) == ("failed", 5001)


def test_a_route_that_there_is_not(server, kannel):
    set_transport(server, "nowhere", "kannel", url=kannel.sendsms, username=USER, password=PASSWORD, smsc="none")
    set_sender(server, "+14255550124", transport="nowhere")
    state, code = end_of(server, send(server, "+14255550124", "+14255550223", "hello"))
    assert state == "failed" and code in (4003, 5000)  # Kannel answers, and reports: one of them comes first


def test_a_message_waits_until_the_transport_is_set_right(server, kannel):
    """Nobody listens, then the password is wrong: nothing is lost, and the status says what is the matter."""
    closed = free_ports(1)[0]
    set_transport(server, "late", "kannel", url=f"http://127.0.0.1:{closed}/cgi-bin/sendsms", username=USER,
                  password=PASSWORD, smsc="fake1")
    set_sender(server, "+14255550125", transport="late")
    sent = send(server, "+14255550125", "+14255550224", "late but there")
    eventually("nobody listens", lambda: transport_status(server, "late").get("problem"))
    set_transport(server, "late", "kannel", url=kannel.sendsms, username=USER, password="wrong", smsc="fake1")
    eventually("the password is wrong", lambda: transport_status(server, "late").get("problem")
               == "Kannel refuses our user or password")
    set_transport(server, "late", "kannel", url=kannel.sendsms, username=USER, password=PASSWORD, smsc="fake1",
                  method="GET")
    assert end_of(server, sent, 60) == ("delivered", 2000)
    assert printed(kannel, f"<+14255550125 +14255550224 text late but there>")
    assert message(server, sent)["attempts"] >= 3
    assert "wrong" not in server.log() and PASSWORD not in server.log()


def test_by_get_the_text_arrives_as_it_was(server, kannel):
    set_transport(server, "by-get", "kannel", url=kannel.sendsms, username=USER, password=PASSWORD, smsc="http1",
                  method="GET")
    set_sender(server, "54321", transport="by-get")
    send(server, "54321", "+14255550225", "50 % & more: Grüße + Ж")
    part = wait_until("a part", lambda: taken(kannel, "+14255550225"))[0]
    assert part["text"] == "50 % & more: Grüße + Ж"


def test_a_message_comes_in(server, kannel):
    kannel.push_message("+14255550231", HTTP, "Where is my parcel?")
    came = eventually("it came", lambda: received(server, "+14255550231"))
    assert [(m["to"], m["message"], m["segments"]) for m in came] == [(HTTP, "Where is my parcel?", 1)]


def test_a_message_comes_in_without_its_plus(server, kannel):
    kannel.push_message("14255550232", HTTP, "no plus")
    assert eventually("it came", lambda: received(server, "+14255550232"))[0]["message"] == "no plus"


def test_a_message_in_unicode_comes_in(server, kannel):
    kannel.push_message("+14255550233", HTTP, "Привет".encode("utf-16-be"), coding="2")
    assert eventually("it came", lambda: received(server, "+14255550233"))[0]["message"] == "Привет"


def test_a_message_by_fakesmsc_comes_in(server, kannel):
    kannel.fakesmsc_sends(f"+14255550234 {HTTP} text Hello from a phone")
    assert eventually("it came", lambda: received(server, "+14255550234"))[0]["message"] == "Hello from a phone"


def test_a_stop_is_obeyed(server, kannel):
    kannel.push_message("+14255550235", HTTP, "Stop")
    eventually("it came", lambda: received(server, "+14255550235"))
    assert end_of(server, send(server, HTTP, "+14255550235", "one more")) == ("failed", 4007)
    assert not taken(kannel, "+14255550235")
    kannel.push_message("+14255550235", HTTP, "START")
    eventually("it came, too", lambda: len(received(server, "+14255550235")) == 2)
    send(server, HTTP, "+14255550235", "welcome back")
    assert wait_until("it was taken", lambda: taken(kannel, "+14255550235"))[0]["text"] == "welcome back"


def test_a_message_to_nobody_does_not_come_for_ever(server, kannel):
    kannel.push_message("+14255550236", "99999", "to nobody")
    kannel.push_message("+14255550236", HTTP, "to us")
    eventually("it came", lambda: received(server, "+14255550236"))
    wait_until("Kannel has nothing left to say", lambda: "SMS: received" in kannel.status()
               and re.search(r"SMS: received \d+ \(0 queued\)", kannel.status()))
    assert [m["to"] for m in received(server, "+14255550236")] == [HTTP]
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    assert {line["status"] for line in lines if line.get("route", "").startswith("/carriers/")} == {200}


def test_secrets_and_texts_stay_out_of_the_log(server, kannel):
    log, secret = server.log(), callback_url(server, "http").rsplit("/", 1)[1]
    assert "/carriers/REDACTED" in log
    for word in (secret, PASSWORD, "parcel", "4711", "4255550201"):
        assert word not in log, word
