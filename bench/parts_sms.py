"""What is measured of text messages: sends, look-ups, carriers, webhooks. See parts.py."""

import datetime
import functools
import json
import os
import random
import signal
import statistics
import sys
import time
from email.utils import formatdate
from urllib.parse import quote, urlencode

import rig
from report import Row, quotients, ratio_row, ratios, spread

sys.path.insert(0, str(rig.ROOT / "tests" / "kannel"))

import kannel  # noqa: E402

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


def against(what: str, got: list[dict], base: list[dict], least: float | None = None):
    """Rows for both figures of a comparison with the same server under another condition."""
    got_cpu, base_cpu = (f"{rig.medians(x)['cpu_us']:.2f} µs" for x in (got, base))
    yield ratio_row(what, text_of(rig.medians(got)), text_of(rig.medians(base)), ratios(got, base), least)
    yield ratio_row(what + ", CPU", got_cpu, base_cpu, ratios(got, base, "cpu_us"))


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
                    quotients(rates(a), aims), 1.0)
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
        yield from against(f"GET /deliveryReports/{{id}} at {name}, {what}, against 1,000", got, base, 0.9)
    for recipients in (1, MANY):
        pairs = [(few, Sends(few, recipients)), (many, Sends(many, recipients))]
        base, got = bench.interleave(*(lambda s=s, r=r: sent(s, r, connections=AT_ONCE, slice_s=1) for s, r in pairs))
        yield from against(f"POST /sms at {name}, recipients in {recipients}, against 1,000", got, base, 0.9)
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
        yield from against(what + ", against none", got, base)
    bench.done(few, many)


# ---- what goes out ----

def queue_messages(ours: rig.Ours, sender: str, count: int) -> str:
    """Sends so many messages; the id of the last one."""
    numbers = [{"to": f"+1425555{i:04}"} for i in range(MANY)]
    body = {"from": sender, "smsRecipients": numbers, "message": TEXT, "smsSendOptions": {"enableDeliveryReport": True}}
    for _ in range(count // MANY):
        answer = ours.server.signed("POST", SEND, body)
        assert answer.status == 202, answer
    return answer.json()["value"][-1]["messageId"]


def until(what: str, holds, seconds: float = 120):
    """The first true value of `holds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def has_ended(ours: rig.Ours, id: str) -> bool:
    return ours.server.signed("GET", REPORT.format(id)).status == 200


def made(ours: rig.Ours, target: str, document: dict):
    answer = ours.server.admin("PUT", target, document)
    assert answer.status in (200, 201), answer
    return answer.json()


def released(peer: rig.Peer, queue, count: int) -> dict:
    """What the peer counts from when it stops holding its answers back, until it has `count` items."""
    peer.tell("h")
    queue()
    peer.tell("g")
    return until(f"{count} items", lambda: (c := peer.counts())["items"] >= count and c)


def flow_row(what: str, unit: str, got: list[float], least: float | None = None) -> Row:
    median = statistics.median(got)
    aim = {} if least is None else {"aim": f"≥ {least:.0f} /s", "met": median >= least}
    return Row(what, f"{median:.0f} {unit}/s", "", None, spread(got), **aim)


def outflow(bench: rig.Rig) -> int:
    """Messages of one slice."""
    return 10_000 if bench.slice_s >= 1 else 1000


# ---- webhooks ----

def sms_events(bench: rig.Rig):
    count = outflow(bench)
    sides = []
    for batch in (1, 100):
        ours, hook = bench.ours(args=("--sms-sim-delay", "0s")), bench.peer("hook")
        made(ours, "/admin/events/subscriptions/bench", {"endpoint": f"http://127.0.0.1:{hook.port}/",
                                                        "maxEventsPerBatch": batch})
        until("the handshake", lambda: ours.server.admin(
            "GET", "/admin/events/subscriptions/bench").json()["provisioningState"] == "Succeeded")
        sides.append((ours, hook))

    def slice_of(ours: rig.Ours, hook: rig.Peer) -> dict:
        def queue():
            last = queue_messages(ours, SENDER, count)
            until("all reports", lambda: has_ended(ours, last))
        before = cpu_seconds(ours.pid)
        got = released(hook, queue, count)
        return {**got, "cpu_us": (cpu_seconds(ours.pid) - before) / count * 1e6}

    alone, batched = bench.interleave(*(functools.partial(slice_of, *side) for side in sides))
    for what, got in (("one event each", alone), ("up to 100 events each", batched)):
        each = statistics.median(g["items"] / g["requests"] for g in got)
        yield flow_row(f"webhook deliveries to one receiver, {what} ({each:.0f} found together)", "events",
                       [g["items"] / g["seconds"] for g in got])
    yield Row("CPU time from the send of a message to its delivered event, one / up to 100 each",
              " / ".join(f"{statistics.median(g['cpu_us'] for g in got):.0f} µs" for got in (alone, batched)), "")
    bench.done(*(x for side in sides for x in side))


def cpu_seconds(pid: int) -> float:
    return sum(rig.user_and_kernel_ticks(pid)) / os.sysconf("SC_CLK_TCK")


# ---- SMPP ----

def sms_smpp(bench: rig.Rig):
    count = outflow(bench)
    for window in (10, 100):
        ours, smsc = bench.ours(), bench.peer("smsc")
        made(ours, "/admin/sms/transports/bench", {"kind": "smpp", "host": "127.0.0.1", "port": smsc.port,
                                                  "systemId": "bench", "password": "bench", "window": window})
        made(ours, f"/admin/sms/senders/{quote(SENDER)}", {"transport": "bench"})
        last = queue_messages(ours, SENDER, MANY)
        until("the first messages", lambda: has_ended(ours, last))

        def slice_of() -> dict:
            before = cpu_seconds(ours.pid)

            def queue():
                nonlocal last
                last = queue_messages(ours, SENDER, count)
            got = released(smsc, queue, count)
            until("the last report", lambda: has_ended(ours, last))
            assert got["requests"] == count, got
            return {**got, "cpu_us": (cpu_seconds(ours.pid) - before) / count * 1e6}

        got, = bench.interleave(slice_of)
        yield flow_row(f"messages by SMPP with their receipts, window {window} (CPU from the send to the end: "
                       f"{statistics.median(g['cpu_us'] for g in got):.0f} µs)", "messages",
                       [count / g["seconds"] for g in got])
        bench.done(ours, smsc)


# ---- Kannel ----

class Kannel(kannel.Kannel):
    """Kannel with fakesmsc behind it, all on the server's core; `pause` holds its front."""

    def __init__(self, bench: rig.Rig):
        super().__init__(bench.new_directory("kannel"))

    def _run(self, name: str, *command):
        with rig.on_core(rig.SERVER_CORE):
            return super()._run(name, *command)

    def configuration(self, inbound_url: str) -> str:
        return super().configuration(inbound_url).replace("log-level = 0", "log-level = 3")

    def close(self) -> None:
        self.stop()


class KannelRequests(rig.Unsigned):
    """What the transport asks of Kannel, asked without us."""

    def __init__(self, ours: rig.Ours, box: Kannel, report_port: int):
        report = f"http://127.0.0.1:{report_port}/?type=%d&text=%A"
        query = urlencode({"username": kannel.USER, "password": kannel.PASSWORD, "from": SENDER, "to": "+14255550123",
                           "coding": 0, "charset": "UTF-8", "smsc": "fake1", "dlr-mask": 31, "dlr-url": report, "text": TEXT})
        super().__init__(ours, "GET", f"/cgi-bin/sendsms?{query}")


def sms_kannel(bench: rig.Rig):
    """Kannel on one core in both runs, whoever drives it on the other."""
    count = outflow(bench) // 4
    box, hook = Kannel(bench), bench.peer("hook")
    bench.open.append(box)
    box.start("http://127.0.0.1:9/")
    ours = bench.ours(core=rig.LOAD_CORE)
    made(ours, "/admin/sms/transports/bench", {"kind": "kannel", "url": box.sendsms, "username": kannel.USER,
                                              "password": kannel.PASSWORD, "smsc": "fake1"})
    made(ours, f"/admin/sms/senders/{quote(SENDER)}", {"transport": "bench"})
    smsbox = next(p for p in box.processes if "smsbox" in p.args)

    def by_us() -> float:
        smsbox.send_signal(signal.SIGSTOP)
        try:
            last = queue_messages(ours, SENDER, count)
        finally:
            smsbox.send_signal(signal.SIGCONT)
        start = time.monotonic()
        until("the last report", lambda: has_ended(ours, last))
        return count / (time.monotonic() - start)

    requests = KannelRequests(ours, box, hook.port)

    def directly() -> float:
        hook.tell("hg")
        start = time.monotonic()
        got = bench.load(box.sendsms_port, smsbox.pid, requests.file(), requests.length, connections=32, status=202,
                         warm_s=0)
        sent = got["next"]  # those that were under way at the end too; each has two reports: accepted, delivered
        until("Kannel's reports", lambda: hook.counts()["requests"] >= 2 * sent - 64)
        return sent / (time.monotonic() - start)

    through, direct = bench.interleave(by_us, directly)
    least = min(0.9 * statistics.median(direct), 4000)
    yield flow_row("messages through Kannel to the end, Kannel on one core", "messages", through, least)
    yield flow_row("Kannel driven directly, to the last report", "messages", direct)
    yield ratio_row("through us against directly", "", "", quotients(through, direct))
    bench.done(ours, box, hook)


ALL = {"sms_send": sms_send, "sms_store": sms_store, "sms_repeats": sms_repeats, "sms_events": sms_events,
       "sms_smpp": sms_smpp, "sms_kannel": sms_kannel}
