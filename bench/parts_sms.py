"""What is measured of text messages: sends, look-ups, carriers, webhooks. See parts.py."""

import datetime
import json
import os
import random
import statistics
from email.utils import formatdate

import rig
from report import Row, ratio_row, spread

SEND = "/sms?api-version=2026-01-23"
REPORT = "/deliveryReports/{}?api-version=2026-01-23"
SENDER = "+18005550100"
TEXT = "Your code is 123456. It is valid for ten minutes; nobody else will ask for it."
MANY = 100  # recipients of a large request
AT_ONCE = 256  # connections, where each commit is waited for
FRESH = {1: 60_000, MANY: 2_500}  # requests made ready for a slice, by recipients: more than it can use
# Reports come after the measurement, and nothing is refused for being too much.
QUIET = ("--sms-sim-delay", "3600s", "--sms-queue-max", "1000000000")
SHOWN = 200_000  # ids of the large store that are looked up
REPEATS = 1_000_000


def fresh_id() -> str:
    h = os.urandom(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


class Sends(rig.Requests):
    """Requests that were never sent: each has its own repeatability ids, as the SDKs' have, or none."""

    def __init__(self, ours: rig.Ours, recipients: int = 1, repeatable: bool = True, count: int = 0, sender: str = SENDER):
        super().__init__(ours, "POST", [SEND])
        self.recipients, self.repeatable, self.sender = recipients, repeatable, sender
        self.count = count or FRESH[recipients]

    def bodies(self):
        date = formatdate(usegmt=True)
        head, tail = json.dumps({"from": self.sender, "smsRecipients": ["*"], "message": TEXT, "smsSendOptions": {
            "enableDeliveryReport": True, "tag": "bench"}}, separators=(",", ":")).split('"*"')
        numbers = [f"+1425555{i:04}" for i in range(self.recipients)]
        for _ in range(self.count):
            yield (head + ",".join(
                f'{{"to":"{n}","repeatabilityRequestId":"{fresh_id()}","repeatabilityFirstSent":"{date}"}}'
                if self.repeatable else f'{{"to":"{n}"}}' for n in numbers) + tail).encode()

    def sign_all(self, host: str) -> None:
        sign = rig.signer(self.ours.server.primary, host)
        with open(self.path, "wb") as out:
            for body in self.bodies():
                request = sign(self.method, SEND, body)
                out.write(request)
        self.length = len(request)

    def file(self, tls: bool = False):
        if self.repeatable:
            self.signed_at = -rig.SIGNATURE_LASTS_S
        return super().file(tls)


def sent(ours: rig.Ours, sends: Sends, **options) -> dict:
    """A slice of sends; its rate is that of recipients."""
    got = ours.load(sends, status=202, **options)
    assert not sends.repeatable or got["next"] <= sends.count, "too few requests were made ready"
    return {**got, "rate": got["rate"] * sends.recipients, "cpu_us": got["cpu_us"] / sends.recipients}


def text_of(r: dict) -> str:
    return f"{r['rate'] / 1000:.1f} k/s, {r['cpu_us']:.2f} µs"


def rates(got: list[dict]) -> list[float]:
    return [r["rate"] for r in got]


def least_row(what: str, got: list[dict], least: float) -> Row:
    """An aim in recipients per second."""
    median = statistics.median(rates(got))
    return Row(what, text_of(rig.medians(got)), "", None, spread(rates(got)), f"≥ {least / 1000:g} k/s", median >= least)


# ---- sends ----

def sms_send(bench: rig.Rig):
    """Durable at 202."""
    ours, without = bench.ours(args=QUIET), bench.ours("callgate-nosync", args=QUIET)
    one, same, bare = Sends(ours), Sends(without), Sends(ours, repeatable=False)
    f, a, u, b = bench.interleave(
        bench.syncs_per_second,
        lambda: sent(ours, one, connections=AT_ONCE, slice_s=1),
        lambda: sent(without, same, connections=AT_ONCE, slice_s=1),
        lambda: sent(ours, bare, connections=AT_ONCE, slice_s=1))
    aims = [min(4 * x, 0.5 * y["rate"]) for x, y in zip(f, u)]
    yield ratio_row(f"durable POST /sms at {AT_ONCE} connections, 1 recipient with a fresh id, against min(4 f, 0.5 u)",
                    text_of(rig.medians(a)), f"{statistics.median(aims) / 1000:.1f} k/s",
                    [x["rate"] / y for x, y in zip(a, aims)], 1.0)
    yield Row("f: 4 KiB write and fdatasync per second", f"{statistics.median(f):.0f} /s", "", None, spread(f))
    yield Row("u: the same without waiting for the disk", text_of(rig.medians(u)), "", None, spread(rates(u)))
    yield Row("the same send without an id", text_of(rig.medians(b)), "", None, spread(rates(b)))
    bench.done(without)
    many, bare = Sends(ours, MANY), Sends(ours, MANY, repeatable=False)
    a, b = bench.interleave(lambda: sent(ours, many, slice_s=1), lambda: sent(ours, bare, slice_s=1))
    yield least_row(f"durable POST /sms, {MANY} recipients with fresh ids, recipients", a, 20_000)
    yield Row("the same without ids, recipients", text_of(rig.medians(b)), "", None, spread(rates(b)))
    bench.done(ours)


# ---- a large store ----

def wire_id(line: str) -> str:
    ms, id = line.split()
    when = datetime.datetime.fromtimestamp(int(ms) / 1000, datetime.timezone.utc)
    return f"Outgoing_{when:%Y%m%d%H%M%S}{id}"


def with_messages(bench: rig.Rig, count: int, repeats: int = 0):
    """A server with that many messages; ids of some."""
    ours = bench.ours(args=QUIET)
    owner = ours.server.new_user()[0].removeprefix("8:acs:").split("_")[0]
    bench.done(ours)
    ids = [wire_id(line) for line in bench.seed(ours.data, "messages", owner, count, SHOWN).splitlines()]
    if repeats:
        bench.seed(ours.data, "repeats", owner, repeats)
    return bench.ours(data=ours.data, args=QUIET), ids


def sms_store(bench: rig.Rig):
    few, ids_few = with_messages(bench, 1000)
    many, ids_many = with_messages(bench, bench.messages)
    name = f"{bench.messages:,} stored messages"
    hot = random.Random(1).sample(ids_many, min(1000, len(ids_many)))
    anywhere = random.Random(2).sample(ids_many, len(ids_many))
    asked = [rig.Requests(ours, "GET", [REPORT.format(id) for id in ids])
             for ours, ids in ((few, ids_few), (many, hot), (many, anywhere))]
    place = iter(range(0, 1 << 40, 150_000))
    base, hots, randoms = bench.interleave(
        lambda: few.load(asked[0]), lambda: many.load(asked[1]),
        lambda: many.load(asked[2], first=next(place)))
    for what, got in (("1,000 hot ones", hots), ("uniformly random", randoms)):
        yield ratio_row(f"GET /deliveryReports/{{id}} at {name}, {what}, against 1,000", text_of(rig.medians(got)),
                        text_of(rig.medians(base)), [x["rate"] / y["rate"] for x, y in zip(got, base)], 0.9)
    for recipients in (1, MANY):
        pairs = [(few, Sends(few, recipients)), (many, Sends(many, recipients))]
        base, got = bench.interleave(*(lambda s=s, r=r: sent(s, r, connections=AT_ONCE, slice_s=1) for s, r in pairs))
        yield ratio_row(f"POST /sms at {name}, recipients in {recipients}, against 1,000", text_of(rig.medians(got)),
                        text_of(rig.medians(base)), [x["rate"] / y["rate"] for x, y in zip(got, base)], 0.9)
    bench.done(few, many)


def sms_repeats(bench: rig.Rig):
    """What many ids of the last day cost."""
    few, _ = with_messages(bench, 1000)
    many, _ = with_messages(bench, 1000, REPEATS)
    for recipients in (1, MANY):
        pairs = [(few, Sends(few, recipients)), (many, Sends(many, recipients))]
        base, got = bench.interleave(*(lambda s=s, r=r: sent(s, r, connections=AT_ONCE, slice_s=1) for s, r in pairs))
        what = f"POST /sms at {REPEATS:,} repeatability ids of the last day, recipients in {recipients}"
        if recipients == MANY:
            yield least_row(what, got, 20_000)
        yield ratio_row(what + ", against none", text_of(rig.medians(got)), text_of(rig.medians(base)),
                        [x["rate"] / y["rate"] for x, y in zip(got, base)])
    bench.done(few, many)


ALL = {"sms_send": sms_send, "sms_store": sms_store, "sms_repeats": sms_repeats}
