"""Many resources at a few transports that break, are deleted and come back, while the server is killed now and then: each
message comes to its end, none is handed over more often than its row says, and a crowd holds up nobody else."""

import http.client
import os
import random
import sqlite3
import threading
import time
import urllib.parse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sms
from callgate_server import Server
from gateway import NAME as GATEWAY
from gateway import Gateway
from smsc import Smsc
from test_sms_kills import SEED, free_port, until

SECONDS = float(os.environ.get("CALLGATE_SECONDS", "6"))  # of trouble
RESOURCES, ROUNDS = 12, 10 + int(SECONDS / 10)
TRANSPORTS = ("inbox", GATEWAY, "smpp")
NOWHERE = "nowhere"  # of senders that are not listed: it never comes
ANSWERS = ("+19995557867", "+19995553246")  # of simulated phones: STOP, and the text itself
OPEN, WAITING = "state < 4", f"state < 3 AND transport <> '{NOWHERE}'"


class Sender(threading.Thread):
    """One resource with a sender at each transport. The first one is the crowd: it sends by the hundred."""

    def __init__(self, server, number, seed, stop):
        super().__init__(daemon=True)
        self.server, self.number, self.random, self.stop = server, number, random.Random(seed), stop
        self.resource = server.new_resource(f"crowd-{number}")
        self.senders = {transport: f"+1833{number:03}{at:04}" for at, transport in enumerate((*TRANSPORTS, NOWHERE))}
        self.acknowledged, self.texts, self.wrong = [], 0, None
        for transport in TRANSPORTS:
            self.put(transport, transport)

    def ask(self, method, target, document):
        return self.server.signed(method, target, document, key=self.resource.primary,
                                  host=self.resource.host(self.server.http_port))

    def put(self, usual, transport):
        """What its sender of the usual transport sends from here on goes that way."""
        sender = urllib.parse.quote(self.senders[usual])
        answer = self.ask("PUT", f"/admin/sms/senders/{sender}", {"transport": transport})
        assert answer.status in (200, 201), answer

    def send(self, transport, recipients):
        self.texts += 1
        answer = self.ask("POST", sms.path(), sms.message(*recipients, sender=self.senders[transport],
                                                          text=f"{self.number} {self.texts}"))
        assert answer.status == 202, answer
        self.acknowledged += [item["messageId"] for item in answer.json()["value"] if item["successful"]]

    def recipients(self, n):
        return [f"+1206{self.random.randrange(2000000, 9999999)}" for _ in range(n)]

    def step(self):
        transport = self.random.choices((*TRANSPORTS, NOWHERE), (30, 40, 40, 3))[0]
        if transport == "inbox" and self.random.random() < 0.3:
            self.send(transport, [self.random.choice(ANSWERS)])
        elif self.number == 0:
            self.send(transport, self.recipients(50))
        else:
            self.send(transport, self.recipients(1))

    def run(self):
        while not self.stop.wait(self.random.uniform(0, 0.2)):
            try:
                self.step()
            except (OSError, http.client.HTTPException):
                pass  # the server is gone, for a moment
            except AssertionError as why:
                self.wrong = why
                return


class World:
    """The server, and the carriers beside it, which stay when it is killed."""

    def __init__(self):
        self.gateway, self.smsc = Gateway(), Smsc()
        self.server = Server("--sms-sim-delay=20ms", f"--sms-transport={NOWHERE}", "--sms-queue-max=3000",
                             http=f"localhost:{free_port()}").start()
        self.chance, self.kills, self.senders = random.Random(SEED), 0, []
        self.put(GATEWAY)
        self.put("smpp")

    def put(self, name):
        if name == GATEWAY:
            self.gateway.describe(self.server)
            until(lambda: self.gateway.callback(self.server), "the transport is open")
            return
        made = self.server.admin("PUT", "/admin/sms/transports/smpp", {
            "kind": "smpp", "host": "127.0.0.1", "port": self.smsc.port, "systemId": "gate", "password": "secret",
            "window": self.chance.choice((1, 10))})
        assert made.status in (200, 201), made

    def delete(self, name):
        """Its messages wait; new ones go to the simulation."""
        for sender in self.senders:
            sender.put(name, "inbox")
        gone = self.server.admin("DELETE", f"/admin/sms/transports/{name}")
        assert gone.status == 204, gone

    def advance(self, by):
        assert self.server.admin("PUT", "/admin/clock", {"advance": by}).status == 200

    def trouble(self):
        what = self.chance.choices(("away", "again", "hang up", "clock", "kill"), (4, 2, 2, 3, 1))[0]
        name = self.chance.choice((GATEWAY, "smpp"))
        if what == "away":
            self.delete(name)
            time.sleep(self.chance.uniform(0, 0.3))
            self.put(name)
            for sender in self.senders:
                sender.put(name, name)
        elif what == "again":
            self.put(name)
        elif what == "hang up":
            self.smsc.hang_up()
        elif what == "clock":
            self.advance(self.chance.choice(("1s", "31s", "61s")))
        else:
            self.server.kill()
            self.server.start()
            self.kills += 1

    def rows(self, columns, where="1"):
        db = sqlite3.connect(f"file:{Path(self.server.data) / 'callgate.db'}?mode=ro", uri=True)
        try:
            return db.execute(f"SELECT {columns} FROM sms_messages WHERE {where}").fetchall()
        finally:
            db.close()

    def close(self):
        self.server.close()
        self.gateway.close()
        self.smsc.close()


def suffer(world):
    stop = threading.Event()
    world.senders = [Sender(world.server, n, world.chance.random(), stop) for n in range(RESOURCES)]
    for sender in world.senders:
        sender.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(world.chance.uniform(0, 0.3))
        world.trouble()
    time.sleep(1)
    stop.set()
    for sender in world.senders:
        sender.join(60)
        assert not sender.is_alive() and sender.wrong is None, sender.wrong


def all_end(world):
    """First all that can be handed over is, then what nobody reported is over with its time."""
    def handed_over():
        world.advance("61s")
        time.sleep(0.3)
        return not world.rows("1", WAITING)

    until(handed_over, "each message is handed over")
    world.advance("6h")
    until(lambda: not world.rows("1", OPEN), "each message ends")
    until(lambda: "\ncallgate_sms_open 0\n" in world.server.admin("GET", "/metrics").body.decode(), "the count says so")


def none_is_handed_over_too_often(world):
    asked = Counter({ref[-36:]: n for ref, n in world.gateway.asked.items()})
    rows = world.rows("lower(hex(id)), transport, attempts, text, recipient, state")
    at_smsc = Counter((one.text, "+" + one.destination[2].lstrip("+")) for one in world.smsc.messages)
    for id, transport, attempts, text, recipient, _ in rows:
        uuid = "-".join((id[:8], id[8:12], id[12:16], id[16:20], id[20:]))
        times = asked[uuid] if transport == GATEWAY else at_smsc[text, recipient] if transport == "smpp" else attempts
        assert times <= attempts, f"{uuid} at {transport}: handed over {times} times, its row says {attempts}"
    states = Counter((row[1], row[5]) for row in rows)
    return len(rows), states


def guests_are_served(world):
    """A crowd waits, and who comes later is served among its first; the place of the last of them."""
    crowd, guests = world.senders[0], world.senders[1:]
    before = len(world.gateway.asked)
    with world.gateway.lock:  # it answers nobody meanwhile
        for _ in range(4):
            crowd.send(GATEWAY, crowd.recipients(100))
        for guest in guests:
            guest.send(GATEWAY, guest.recipients(1))
    until(lambda: len(world.gateway.asked) == before + 400 + len(guests), "all are handed over")
    order = [ref[-36:] for ref in world.gateway.asked][before:]
    last = max(order.index(guest.acknowledged[-1][-36:]) for guest in guests)
    assert last < 100, f"the last of the guests is number {last}"
    return last


def silence_has_an_end(world):
    """One message of each resource that nobody reports: it ends with its time, and nothing but time makes it."""
    world.smsc.receipt = None
    crowd, guests = world.senders[0], world.senders[1:]
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(len(world.senders)) as pool:
            busy = [pool.submit(crowd.send, "inbox", crowd.recipients(100)) for _ in range(3)]
            list(pool.map(lambda guest: guest.send("smpp", guest.recipients(1)), guests))
        assert all(one.result() is None for one in busy)
        all_end(world)


def nothing_acknowledged_is_lost(world):
    known = {id for id, in world.rows("lower(hex(id))")}
    lost = [id for sender in world.senders for id in sender.acknowledged if id[-36:].replace("-", "") not in known]
    assert not lost, f"acknowledged, and not there: {lost}"


def test_a_crowd_and_trouble():
    print(f"CALLGATE_SEED={SEED}")
    world = World()
    try:
        suffer(world)
        all_end(world)
        last = guests_are_served(world)
        all_end(world)
        silence_has_an_end(world)
        n, states = none_is_handed_over_too_often(world)
        nothing_acknowledged_is_lost(world)
        assert not world.smsc.problems, world.smsc.problems
        print(f"{world.kills} kills, {n} messages, last guest {last}, by transport and end: {sorted(states.items())}")
    finally:
        world.close()
