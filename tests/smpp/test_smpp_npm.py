"""Text messages through an SMPP server that we did not write: what it reads is what was meant, and the other way round."""

import time
from datetime import datetime, timezone

import pytest
from npm_smsc import NpmSmsc, wait_until

from oidc_issuer import make_certificates

GSM = ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
       "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
PHONE = "+14255550123"
DELIVERED = ("delivered", 2000)


# ---- binds ----


def test_it_binds_as_a_transceiver(make_way, smsc):
    way = make_way(smsc, systemType="VMA")
    (bind,) = smsc.wait("bind")
    assert (bind["as"], bind["status"], bind["system_type"], bind["version"]) == ("transceiver", 0, "VMA", 0x34)
    assert way.end(way.send("Hi")) == DELIVERED


def test_it_binds_as_a_pair(make_way, smsc):
    way = make_way(smsc, bindMode="pair")
    assert {one["as"] for one in smsc.wait("bind", 2)} == {"transmitter", "receiver"}
    assert way.end(way.send("Hi")) == DELIVERED
    assert smsc.wait("submit")[0]["as"] == "transmitter"
    assert smsc.deliver("+14255550190", way.sender, "by the receiver") == 0
    assert wait_until(lambda: way.came("+14255550190"))[0]["message"] == "by the receiver"


@pytest.mark.parametrize("mode", ["transceiver", "pair"])
def test_a_wrong_password_is_told(make_way, smsc, mode):
    way = make_way(smsc, password="wrong", bindMode=mode)
    assert {one["status"] for one in smsc.wait("bind", 2 if mode == "pair" else 1)} == {0x0E}
    wait_until(lambda: "check the password" in way.status().get("lastError", ""))
    made = way.send("Hi")
    way.put(password="s3cretpw")
    assert way.end(made) == DELIVERED


# ---- texts ----


@pytest.mark.parametrize("text,coding", [
    (GSM, 0), ("^{}\\[~]|€ and @", 0), ("€" * 80, 0), ("Привет, 4711", 8), ("naïve `ticks`", 8), ("你好 😀", 8),
    ("я" * 70, 8), ("a" * 160, 0)], ids=range(8))
def test_a_text_is_read_as_it_was_written(way, smsc, text, coding):
    made = way.send(text)
    (got,) = smsc.wait("submit")
    assert (got["text"], got["coding"], got["esm"], got["udh"]) == (text, coding, 0, [])
    assert (got["from"], got["source"], got["to"], got["registered"]) == (way.sender[1:], [1, 1], PHONE[1:], 1)
    assert way.end(made) == DELIVERED


def test_a_data_coding_of_the_carrier(make_way, smsc):
    way = make_way(smsc, dataCoding=1, serviceType="CMT")
    way.send("Hello {€}")
    (got,) = smsc.wait("submit")
    assert (got["text"], got["coding"], got["service_type"]) == ("Hello {€}", 1, "CMT")


LONG = {"gsm": ("x" * 152 + "€" + "y" * 200, 0, 3), "ucs2": ("я" * 66 + "😀" + "ю" * 100, 8, 3),
        "longest": ("ж" * 2048, 8, 31)}


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
def test_a_long_text_is_put_together_again(make_way, smsc, what, how):
    text, coding, parts = LONG[what]
    way = make_way(smsc, longMessages=how, window=100)
    made = way.send(text)
    sent = smsc.wait("submit", 1 if how == "payload" else parts)
    assert "".join(one["text"] for one in sent) == text and {one["coding"] for one in sent} == {coding}
    if how == "payload":
        assert sent[0]["payload"] and sent[0]["esm"] == 0
    elif how == "udh":
        assert {one["esm"] for one in sent} == {0x40}
        elements = [bytes.fromhex(element) for one in sent for element in one["udh"]]
        assert [(e[:2], e[3], e[4]) for e in elements] == [(b"\0\3", parts, i + 1) for i in range(parts)]
        assert len({e[2] for e in elements}) == 1
    else:
        assert [one["sar"][1:] for one in sent] == [[parts, i + 1] for i in range(parts)]
        assert len({one["sar"][0] for one in sent}) == 1 and {one["esm"] for one in sent} == {0}
    assert way.end(made) == DELIVERED
    assert way.shown(made)["segments"] == parts


# ---- answers and receipts ----


@pytest.mark.parametrize("state,end", [
    ("UNDELIV", ("failed", 4006)), ("EXPIRED", ("failed", 4006)), ("REJECTD", ("failed", 4005)),
    ("DELETED", ("failed", 5000)), ("UNKNOWN", ("failed", 9999))])
def test_a_receipt_tells_why_it_failed(way, smsc, state, end):
    smsc.order("receipts", state=state)
    assert way.end(way.send("Hi")) == end
    assert smsc.wait("receipted")[0]["status"] == 0


@pytest.mark.parametrize("status,end", [
    (0x0A, ("failed", 4001)), (0x0B, ("failed", 4002)), (0x45, ("failed", 5000)), (0x01, ("failed", 5000))])
def test_a_refusal_is_final(way, smsc, status, end):
    smsc.order("submits", statuses=[status])
    assert way.end(way.send("Hi")) == end
    assert len(smsc.of("submit")) == 1


@pytest.mark.parametrize("mode", ["transceiver", "pair"])
def test_a_throttled_message_goes_again(make_way, smsc, mode):
    way = make_way(smsc, bindMode=mode)
    smsc.order("submits", statuses=[0x58, 0x14])
    began = time.monotonic()
    assert way.end(way.send("Hi")) == DELIVERED
    assert [one["status"] for one in smsc.of("submit")] == [0x58, 0x14, 0]
    assert time.monotonic() - began >= 3, "a second, then two"
    assert way.status()["throttled"] == 2


# ---- the connection ----


@pytest.mark.parametrize("mode,count", [("transceiver", 1), ("pair", 2)])
def test_both_ask_whether_the_other_is_there(make_way, smsc, mode, count):
    make_way(smsc, bindMode=mode, enquireLinkSeconds=5)
    smsc.wait("bind", count)
    assert smsc.order("enquire")["answers"] == ["enquire_link_resp"] * count
    assert len({one["as"] for one in smsc.wait("enquired", count)}) == count
    assert len(smsc.of("bind")) == count and not smsc.of("close")


def test_a_carrier_that_hangs_is_left_and_found_again(make_way, smsc):
    way = make_way(smsc, enquireLinkSeconds=5)
    wait_until(lambda: way.status().get("state") == "bound")
    smsc.freeze()
    wait_until(lambda: "does not answer" in way.status().get("lastError", ""), 40)
    smsc.thaw()
    assert way.end(way.send("Hi")) == DELIVERED


@pytest.mark.parametrize("mode,count", [("transceiver", 1), ("pair", 2)])
def test_it_comes_back_to_a_carrier_that_unbinds(make_way, smsc, mode, count):
    way = make_way(smsc, bindMode=mode)
    smsc.wait("bind", count)
    assert smsc.order("unbind")["answers"] == ["unbind_resp"] * count
    assert way.end(way.send("Hi")) == DELIVERED
    assert len(smsc.of("bind")) == 2 * count


@pytest.mark.parametrize("mode,count", [("transceiver", 1), ("pair", 2)])
def test_it_unbinds_when_the_transport_changes(make_way, smsc, mode, count):
    way = make_way(smsc, bindMode=mode)
    smsc.wait("bind", count)
    wait_until(lambda: way.status()["state"] == "bound")
    way.put(systemType="other")
    assert len(smsc.wait("unbind", count)) == count
    assert way.end(way.send("Hi")) == DELIVERED


@pytest.mark.parametrize("mode", ["transceiver", "pair"])
def test_it_comes_back_to_a_carrier_that_was_killed(make_way, smsc, mode):
    way = make_way(smsc, bindMode=mode)
    assert way.end(way.send("before")) == DELIVERED
    smsc.kill()
    wait_until(lambda: way.status()["state"] != "bound")
    made = way.send("after")
    assert way.shown(made)["state"] == "queued"
    smsc.start()
    assert way.end(made, 60) == DELIVERED
    assert [one["text"] for one in smsc.of("submit")] == ["before", "after"]


# ---- what comes in ----


@pytest.mark.parametrize("text,coding", [(GSM[:100], 0), ("{€}", 0), ("Übergröße", 3), ("Привет 😀", 8)], ids=range(4))
def test_a_message_comes_in(way, smsc, text, coding):
    smsc.wait("bind")
    sender = f"+1425555030{coding}"
    assert smsc.deliver(sender, way.sender, text, data_coding=coding) == 0
    assert wait_until(lambda: [m for m in way.came(sender) if m["to"] == way.sender])[-1]["message"] == text


def test_a_long_message_comes_in_as_payload(way, smsc):
    smsc.wait("bind")
    text = "long " * 100
    assert smsc.deliver("+14255550310", way.sender, "", message_payload=text) == 0
    assert wait_until(lambda: way.came("+14255550310"))[0]["message"] == text


@pytest.mark.parametrize("how", ["udh", "sar"])
def test_a_long_message_comes_in_in_parts(way, smsc, how):
    smsc.wait("bind")
    sender, pieces = f"+1425555032{len(how) + (how == 'sar')}", ["я" * 67, "ю" * 67, "э 😀"]
    parts = []
    for i, piece in enumerate(pieces):
        if how == "udh":
            parts.append(({"udh": f"05000327{len(pieces):02x}{i + 1:02x}", "message": piece}, {"data_coding": 8}))
        else:
            parts.append((piece, {"data_coding": 8, "sar_msg_ref_num": 39, "sar_total_segments": len(pieces),
                                  "sar_segment_seqnum": i + 1}))
    assert smsc.deliver_all(sender, way.sender, parts) == [0, 0, 0]
    (came,) = wait_until(lambda: way.came(sender))
    assert (came["message"], came["segments"]) == ("".join(pieces), 3)


def test_a_stop_is_obeyed(way, smsc):
    smsc.wait("bind")
    assert smsc.deliver("+14255550330", way.sender, "Stop") == 0
    wait_until(lambda: way.came("+14255550330"))
    assert way.end(way.send("one more", to="+14255550330")) == ("failed", 4007)
    assert not smsc.of("submit")


# ---- TLS ----


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secure(certificates):
    one = NpmSmsc(certificates[1], certificates[1])
    yield one
    one.close()


@pytest.mark.parametrize("mode", ["transceiver", "pair"])
def test_it_binds_by_tls(make_way, secure, certificates, mode):
    way = make_way(secure, tls=True, caFile=str(certificates[0]), bindMode=mode)
    assert way.end(way.send("Hi")) == DELIVERED
    assert secure.deliver("+14255550340", way.sender, "by TLS") == 0
    assert wait_until(lambda: way.came("+14255550340"))[0]["message"] == "by TLS"


@pytest.mark.parametrize("members", [{}, {"tlsName": "other.test"}], ids=["an authority of nobody", "another name"])
def test_it_does_not_bind_to_a_stranger(make_way, secure, certificates, members):
    way = make_way(secure, tls=True, **({"caFile": str(certificates[0]), **members} if members else {}))
    wait_until(lambda: way.status().get("lastError", "").startswith("TLS: "))
    assert not secure.of("bind"), "no password was told"
    assert way.status()["state"] == "waiting"


def test_the_validity_is_a_time_that_it_reads(way, smsc):
    made = way.send("Hi")
    (got,) = smsc.wait("submit")
    until = datetime.fromisoformat(got["validity"].replace("Z", "+00:00"))
    assert 0 < (until - datetime.now(timezone.utc)).total_seconds() <= 5 * 3600
    assert way.end(made) == DELIVERED
