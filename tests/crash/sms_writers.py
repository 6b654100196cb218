"""Clients that send text messages as fast as they are answered, and remember what was acknowledged; and who hears of
them."""

import http.client
import json
import random
import threading
import uuid
from email.utils import formatdate

from webhook import VALIDATION, Webhook
from wire import spelled

VERSION = "?api-version=2024-12-10-preview"
STOP = "+19995557867"    # a handset that answers STOP
FAILS = "+19995554006"   # one that cannot be reached
DELIVERED, FAILED, OPTED_OUT = "2000", "4006", "4007"
REPORT = "Microsoft.Communication.SMSDeliveryReportReceived"
RECEIVED = "Microsoft.Communication.SMSReceived"


class Sms:
    """One request to send, as often as it is made. `ids`: what was acknowledged; None: nothing yet."""

    def __init__(self, sender, recipients, codes):
        self.sender, self.recipients, self.codes = sender, recipients, codes
        self.tag = uuid.uuid4().hex
        first_sent = formatdate(usegmt=True)
        self.document = {
            "from": sender, "message": f"text of {self.tag}",
            "smsRecipients": [{"to": to, "repeatabilityRequestId": str(uuid.uuid4()), "repeatabilityFirstSent": first_sent}
                              for to in recipients],
            "smsSendOptions": {"enableDeliveryReport": True, "tag": self.tag}}
        self.ids = None

    def acknowledged(self, answer):
        """The ids of an answer: the same as before, if there was one before."""
        items = answer["value"]
        assert [item["to"] for item in items] == self.recipients, "an item each, in order"
        assert all(item["successful"] and item["httpStatusCode"] == 202 for item in items), items
        ids = [item["messageId"] for item in items]
        assert self.ids in (None, ids), f"a repeated request became another message: {self.ids} {ids}"
        self.ids = ids


class Client:
    """Signed requests on one connection."""

    def __init__(self, server, timeout=30):
        self.key, self.host = server.primary, f"localhost:{server.http_port}"
        self.connection = http.client.HTTPConnection("localhost", server.http_port, timeout=timeout)

    def ask(self, method, target, document=None):
        body = b"" if document is None else json.dumps(document).encode()
        headers = spelled(self.key, method, target, self.host, body)
        if body:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, target, body or None, headers)
        response = self.connection.getresponse()
        octets = response.read()
        return response.status, json.loads(octets) if octets else None

    def send(self, sms):
        status, answer = self.ask("POST", "/sms" + VERSION, sms.document)
        assert status == 202, (status, answer)
        sms.acknowledged(answer)

    def optouts(self, what, sender, recipient):
        document = {"from": sender, "recipients": [{"to": recipient}]}
        status, answer = self.ask("POST", f"/sms/optouts:{what}" + VERSION, document)
        assert status == 200 and answer["value"][0]["httpStatusCode"] == 200, (status, answer)
        return answer["value"][0].get("isOptedOut")

    def close(self):
        self.connection.close()


class SmsWriter(threading.Thread):
    """One client with a sender of its own, so that what it is told does not depend on the others."""

    _numbers = iter(range(1000000, 10000000))

    def __init__(self, server, seed, stop):
        super().__init__(daemon=True)
        self.server, self.random, self.stop = server, random.Random(seed), stop
        self.sender = self.number("1425")
        self.sent, self.acknowledged, self.wrong = [], 0, None
        self.optouts = {}    # recipient → opted out or not, as acknowledged
        self.unsure = set()  # recipients whose last change had no answer

    @classmethod
    def number(cls, prefix):
        return f"+{prefix}{next(cls._numbers)}"

    def send(self, sender, recipients, codes):
        sms = Sms(sender, recipients, codes)
        self.sent.append(sms)
        self.client.send(sms)
        self.acknowledged += 1

    def plain(self):
        n = self.random.choice((1, 1, 2, 5))
        self.send(self.sender, [self.number("1206") for _ in range(n)], [DELIVERED] * n)

    def mixed(self):
        self.send(self.sender, [self.number("1206"), FAILS, self.number("1206")], [DELIVERED, FAILED, DELIVERED])

    def repeat(self):
        if self.sent:
            self.client.send(self.random.choice(self.sent[-20:]))
            self.acknowledged += 1

    def change(self, what):
        known = [to for to in self.optouts if to not in self.unsure]
        to = self.random.choice(known) if known and self.random.random() < 0.5 else self.number("1206")
        self.unsure.add(to)
        self.client.optouts(what, self.sender, to)
        self.unsure.discard(to)
        self.optouts[to] = what == "add"
        self.acknowledged += 1

    def to_a_known_one(self):
        known = [to for to in self.optouts if to not in self.unsure]
        if known:
            to = self.random.choice(known)
            self.send(self.sender, [to], [OPTED_OUT if self.optouts[to] else DELIVERED])

    def stopped(self):
        self.send(self.number("1833"), [STOP], [DELIVERED])

    def step(self):
        do = self.random.choices(
            (self.plain, self.mixed, self.repeat, lambda: self.change("add"), lambda: self.change("remove"),
             self.to_a_known_one, self.stopped), (50, 6, 10, 10, 5, 10, 5))[0]
        do()

    def run(self):
        self.client = Client(self.server)
        try:
            while not self.stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass  # the server is gone
        except AssertionError as why:
            self.wrong = why
        finally:
            self.client.close()


class Receiver(Webhook):
    """Outlives the server. Keeps each event by id, and every outcome that was told under that id. Refuses one delivery in
    a hundred, which has to come again later."""

    def __init__(self):
        super().__init__()
        self.lock, self.random = threading.Lock(), random.Random(1)
        self.outcomes, self.inbound, self.refused, self.wrong = {}, {}, 0, []
        self.take = self.keep

    def keep(self, handler, got):
        with self.lock:
            if self.requests[0].kind != VALIDATION:
                self.wrong.append("an event before the handshake")
            refuse = self.random.random() < 0.01
            self.refused += refuse
            for event in [] if refuse else got.events():
                self.keep_one(event)
        handler.reply(500 if refuse else 200)

    def keep_one(self, event):
        data = event["data"]
        if event["id"] != data["messageId"]:
            self.wrong.append(f"an event is named otherwise than its message: {event['id']}")
        if event["eventType"] == REPORT:
            self.outcomes.setdefault(event["id"], set()).add(
                (data["deliveryStatus"], data["deliveryStatusDetails"][:4], data["tag"]))
        elif event["eventType"] == RECEIVED:
            self.inbound.setdefault("+" + data["to"].lstrip("+"), set()).add(event["id"])

    def seen(self):
        with self.lock:
            return dict(self.outcomes), dict(self.inbound), list(self.wrong)
