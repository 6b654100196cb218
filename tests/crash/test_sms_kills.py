"""kill -9 at random moments in the life of text messages: nothing acknowledged is lost or doubled, every message has one
end, whoever subscribed hears of it, and opt-outs stay as they were told."""

import os
import random
import socket
import sqlite3
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from callgate_server import Server

from gateway import NAME as GATEWAY
from gateway import Gateway
from sms_writers import DELIVERED, OPTED_OUT, REPORT, STOP, Client, Receiver, SmsWriter

KILLS = int(os.environ.get("CALLGATE_KILLS", "200"))
SEED = int(os.environ.get("CALLGATE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
WRITERS = 4
PER_SERVER = 25  # then a new data directory, so that checks stay short
PATIENCE = int(os.environ.get("CALLGATE_PATIENCE", "120"))  # seconds until what was acknowledged must have come to its end
SUBSCRIPTION = "/admin/events/subscriptions/crash"


def until(condition, what, seconds=PATIENCE):
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.05)


def subscribe(server, receiver):
    made = server.admin("PUT", SUBSCRIPTION, {"endpoint": receiver.url, "schema": "EventGridSchema"})
    assert made.status in (200, 201), made
    until(lambda: server.admin("GET", SUBSCRIPTION).json()["provisioningState"] == "Succeeded", "the handshake")


class Verifier:
    """Asks a server that has come back about everything its clients were told."""

    def __init__(self, server):
        self.client, self.checked = Client(server, 60), 0

    def requests(self, sent):
        """Also those that had no answer: made again, each is one message, and stays the one it was."""
        for sms in sent:
            self.client.send(sms)
            self.client.send(sms)
            self.checked += 1

    def optouts(self, writer):
        for to in writer.optouts.keys() | writer.unsure:
            is_out = self.client.optouts("check", writer.sender, to)
            if to in writer.unsure:
                writer.optouts[to] = is_out  # either, but for ever
            assert is_out == writer.optouts[to], f"{writer.sender} {to}: opted out: {is_out}, told was {writer.optouts[to]}"
        writer.unsure.clear()

    def report(self, message):
        """(status, code, tag) of the report, when it is there."""
        status, said = self.client.ask("GET", f"/deliveryReports/{message}?api-version=2026-01-23")
        assert status in (200, 404), (status, said)
        return status == 200 and (said["deliveryStatus"], said["deliveryStatusDetails"][:4], said["tag"])


def one_life(server, chance):
    """Load, and a kill in the midst of it."""
    stop = threading.Event()
    writers = [SmsWriter(server, chance.random(), stop) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(chance.uniform(0.005, 0.25))
    server.kill()
    stop.set()
    for writer in writers:
        writer.join(40)
        assert not writer.is_alive(), "a client waits for an answer of a dead server"
        assert writer.wrong is None, writer.wrong
    return writers


def told_all(server, condition, what):
    """Waits; what was refused comes again after ten seconds and more, by a clock that is moved on meanwhile."""
    last = time.monotonic()

    def look():
        nonlocal last
        if time.monotonic() - last > 1:
            last = time.monotonic()
            assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200
        return condition()

    until(look, what)


def expected(sms, i):
    """What becomes of the i-th recipient."""
    code = sms.codes[i]
    return ("Delivered" if code == DELIVERED else "Failed", code, sms.tag)


def everything_ended(server, sent, receiver):
    """Each message has the end that it should have, by the report and by the one event about it."""
    wanted = {message: expected(sms, i) for sms in sent for i, message in enumerate(sms.ids)}
    assert len(wanted) == sum(len(sms.ids) for sms in sent), "two messages have one id"
    told_all(server, lambda: wanted.keys() <= receiver.seen()[0].keys(),
             "an event of every message that was acknowledged")
    told = receiver.seen()[0]
    for message, end in wanted.items():
        assert told[message] == {end}, f"{message} ended {told[message]}, should have {end}"
    assert told.keys() == wanted.keys(), "an event of a message that nobody sent"
    verifier = Verifier(server)
    for message in random.Random(SEED).sample(sorted(wanted), min(300, len(wanted))):
        assert verifier.report(message) == wanted[message], f"{message}: the report says otherwise than the event"


def every_stop_came_in(server, sent, receiver):
    """A handset that answers STOP is on the list, and told of once."""
    senders = {sms.sender for sms in sent if sms.recipients == [STOP]}
    verifier = Verifier(server)
    for sender in senders:
        until(lambda sender=sender: verifier.client.optouts("check", sender, STOP), f"STOP to {sender} is heeded")
    told_all(server, lambda: senders <= receiver.seen()[1].keys(), "an event of every STOP")
    doubled = {to: ids for to, ids in receiver.seen()[1].items() if len(ids) != 1}
    assert not doubled, f"one STOP came in twice: {doubled}"
    return len(senders)


def nothing_is_half_made(store: Path, sent):
    """Of the rows themselves."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    rows = Counter(dict(db.execute("SELECT tag, count(*) FROM sms_messages WHERE state <= 5 GROUP BY tag")))
    wanted = Counter({sms.tag: len(sms.recipients) for sms in sent})
    assert rows == wanted, f"messages that were doubled, lost or made by nobody: {(rows - wanted) + (wanted - rows)}"
    open_ones = db.execute("SELECT count(*) FROM sms_messages WHERE state < 4 OR (state < 6 AND finished = 0)")
    assert open_ones.fetchone() == (0,), "a message without an end"
    doubled = db.execute("SELECT event_id, count(*) FROM events WHERE type = ? GROUP BY subscription, event_id "
                         "HAVING count(*) > 1", (REPORT,)).fetchall()
    assert not doubled, f"two final reports: {doubled}"
    reports = db.execute("SELECT count(*) FROM events WHERE type = ?", (REPORT,)).fetchone()
    assert reports == (sum(wanted.values()),), "a final report is missing"
    repeats = db.execute("SELECT count(*) FROM sms_repeats JOIN sms_messages ON sms_messages.id = sms_repeats.message "
                         "WHERE state <= 5").fetchone()
    assert repeats == (sum(wanted.values()),), "a repeatable request is not remembered"
    db.close()


def the_gateway_was_asked(gateway, store: Path, sent):
    """Every message at least once, and more than once only one of which the server says so; never who has opted out."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    unsure = {str(uuid.UUID(bytes=one)) for one, in db.execute("SELECT id FROM sms_messages WHERE unsure")}
    db.close()
    wanted = {message for sms in sent for i, message in enumerate(sms.ids) if sms.codes[i] != OPTED_OUT}
    assert gateway.asked.keys() == wanted, "a message that was not handed over, or should not have been"
    print(f"{len(unsure)} messages unsure, {sum(times > 1 for times in gateway.asked.values())} handed over twice")
    silently = {one for one, times in gateway.asked.items() if times > 1 and one[-36:] not in unsure}
    assert not silently, f"handed over twice, and nobody says so: {silently}"


def live_and_die(server, chance, kills, sent):
    """How many requests were acknowledged, and how many were asked for again."""
    acknowledged, checked = 0, 0
    for _ in range(kills):
        writers = one_life(server, chance)
        acknowledged += sum(writer.acknowledged for writer in writers)
        server.start()
        verifier = Verifier(server)
        for writer in writers:
            verifier.requests(writer.sent)
            verifier.optouts(writer)
            sent += writer.sent
        verifier.requests(chance.sample(sent, min(20, len(sent))))
        checked += verifier.checked
        verifier.client.close()
    return acknowledged, checked


def play(server, receiver, chance, kills):
    """What was sent; the server is stopped at the end."""
    sent, acknowledged, checked, stops = [], 0, 0, 0
    try:
        subscribe(server, receiver)
        acknowledged, checked = live_and_die(server, chance, kills, sent)
        everything_ended(server, sent, receiver)
        stops = every_stop_came_in(server, sent, receiver)
        assert not receiver.seen()[2], receiver.seen()[2]
        assert server.stop() == 0
        nothing_is_half_made(Path(server.data) / "callgate.db", sent)
    finally:
        print(f"{kills} kills, {acknowledged} acknowledged requests, {checked} checked, "
              f"{len(receiver.outcomes)} reports told, {receiver.refused} deliveries refused, {stops} STOPs")
    assert acknowledged > kills and stops, "there was load"
    return sent


@pytest.mark.parametrize("round", range((KILLS + PER_SERVER - 1) // PER_SERVER))
def test_sms_kills(round):
    print(f"CALLGATE_SEED={SEED} round {round}")
    receiver, server = Receiver(), Server("--sms-sim-delay=40ms").start()
    try:
        play(server, receiver, random.Random(SEED + round), min(PER_SERVER, KILLS - round * PER_SERVER))
    finally:
        server.close()
        receiver.close()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_sms_kills_with_a_gateway():
    """The same by way of a carrier, who is never sure of having been heard, nor the server of him."""
    print(f"CALLGATE_SEED={SEED}")
    receiver, gateway = Receiver(), Gateway()
    server = Server(f"--sms-transport={GATEWAY}", http=f"localhost:{free_port()}").start()
    try:
        gateway.describe(server)
        until(lambda: gateway.callback(server), "the transport is open")
        sent = play(server, receiver, random.Random(SEED), min(PER_SERVER, KILLS))
        the_gateway_was_asked(gateway, Path(server.data) / "callgate.db", sent)
    finally:
        server.close()
        receiver.close()
        gateway.close()
