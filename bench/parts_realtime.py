"""What is measured of realtime: how fast a message reaches those who listen, and what one who listens costs. See
parts.py."""

import json
import select
import socket
import statistics
import sys
import uuid

import rig
import trouter
from chat import Person, participant, path
from report import Row, limit_row, quotients, ratio_row

SIZES = (2, 250)  # people of the thread that is held against NATS: all of them listen, the sender too
MANY = (20, 50)  # threads, and people of each
RATE = 100  # messages per second, of all threads together: the frames are many times as many
SENDERS = 16  # requests of the sender that may be under way at that rate
MOST_OF_ONE_REQUEST = 200  # people that may be added by one
AT_ONCE = 256  # messages under way where nothing else limits them
TEXT = "#0000000000 Your code is valid for ten minutes; nobody else will ask for it."
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HELLO = b'\x81\x90\0\0\0\0{"type":"hello"}'
IDLE_MOST_KB = 4


class Threads:
    """A server with so many threads, each of so many people who listen; the first of each sends."""

    def __init__(self, bench: rig.Rig, count: int, size: int, program: str = "callgate"):
        self.bench, self.count = bench, count
        self.commits = bench.work / f"commits-{uuid.uuid4().hex[:8]}"
        self.commits.write_bytes(bytes(8))
        self.ours = bench.ours(program, environment={"LD_PRELOAD": str(bench.build / "bench" / "commits.so"),
                                                     "BENCH_COMMITS": str(self.commits)})
        groups = [self.make_group(size) for _ in range(count)]
        self.requests = [request for _, request in groups]
        self.tokens = bench.work / f"tokens-{uuid.uuid4().hex[:8]}"
        self.tokens.write_text("".join(f"{token}\n" for tokens, _ in groups for token in tokens))

    def make_group(self, size: int) -> tuple[list[str], bytes]:
        """The tokens of a thread's people, and one message of the first's, ready to be sent."""
        people = [Person(self.ours.server) for _ in range(size)]
        made = people[0].call("POST", path(), {"topic": "bench"})
        thread = made.json()["chatThread"]["id"].replace(":", "%3A")
        for at in range(1, size, MOST_OF_ONE_REQUEST):
            some = [participant(p.id) for p in people[at:at + MOST_OF_ONE_REQUEST]]
            added = people[0].call("POST", path(f"/{thread}/participants/:add"), {"participants": some})
            assert added.status == 201, added
        body = json.dumps({"content": TEXT}).encode()
        head = (f"POST {path(f'/{thread}/messages')} HTTP/1.1\r\nHost: localhost:{self.ours.server.http_port}\r\n"
                f"Authorization: Bearer {people[0].token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        return [p.token for p in people], head.encode() + body

    def load(self, senders: int, rate: float = 0, **options) -> dict:
        """So many connections that send, each with one request under way."""
        file = self.bench.work / "messages"
        file.write_bytes(b"".join(self.requests[i % self.count] for i in range(senders)))
        return self.bench.fan("ws_load", self.ours, self.ours.server.http_port,
                              **{"rate": rate, "groups": self.count, "tokens": self.tokens, "requests": file,
                                 "length": len(self.requests[0]), **options})

    def at_rate(self) -> dict:
        return self.load(max(SENDERS, self.count), RATE, commits=self.commits)

    def at_full_speed(self) -> dict:
        return self.load(AT_ONCE)

    def unheard(self) -> dict:
        """The same while nobody listens."""
        return self.load(AT_ONCE, tokens="/dev/null")


class Subjects:
    """The same with NATS: a subject for each thread, one connection that publishes to it."""

    def __init__(self, bench: rig.Rig, nats: rig.Nats, count: int, size: int, octets: int):
        self.bench, self.nats, self.octets = bench, nats, octets
        self.count, self.size = count, size

    def load(self, window: int, rate: float = 0) -> dict:
        return self.bench.fan("nats_load", self.nats, self.nats.port, rate=rate, groups=self.count,
                              listeners=self.count * self.size, octets=self.octets, window=window)

    def at_rate(self) -> dict:
        return self.load(SENDERS, RATE)

    def at_full_speed(self) -> dict:
        return self.load(max(1, AT_ONCE // self.count))


def us(results: list[dict], key: str) -> list[float]:
    return [r[key] for r in results]


def message_us(results: list[dict]) -> list[float]:
    """The server's CPU time per message."""
    return [r["busy"] / r["rate"] * 1e6 for r in results]


def times(results: list[dict], key: str) -> str:
    return f"{statistics.median(us(results, key)) / 1000:.3f} ms"


def speed(results: list[dict]) -> str:
    return (f"{statistics.median(us(results, 'frame_rate')) / 1000:.0f} k/s, "
            f"{statistics.median(us(results, 'busy')):.0%} busy")


def against_nats(bench: rig.Rig, nats: rig.Nats, count: int, size: int, aims: bool):
    what = f"1 sender to {size}" if count == 1 else f"{count} senders to {size} each"
    ours, without = Threads(bench, count, size), Threads(bench, count, size, "callgate-nosync")
    octets = ours.load(1, RATE, slice=0.2)["octets"]
    theirs = Subjects(bench, nats, count, size, octets)
    a, b, u = bench.interleave(ours.at_rate, theirs.at_rate, lambda: without.load(max(SENDERS, count), RATE))
    for part in ("p99", "p50"):
        behind, seen = f"behind_{part}_us", f"seen_{part}_us"
        yield ratio_row(f"{what}, {RATE} messages/s, committed to seen, {part}", times(a, behind), times(b, seen),
                        quotients(us(a, behind), us(b, seen)), most=2 if aims and part == "p99" else None)
    for part in ("p99", "p50"):
        seen = f"seen_{part}_us"
        yield ratio_row(f"the same from the POST, without waiting for the disk, {part}", times(u, seen), times(b, seen),
                        quotients(us(u, seen), us(b, seen)))
    yield Row("the same from the POST, durable, p50; p99", times(a, "seen_p50_us"), times(a, "seen_p99_us"))
    a, b, u = bench.interleave(ours.at_full_speed, theirs.at_full_speed, ours.unheard)
    yield ratio_row(f"{what}, full speed, frames of {octets} octets", speed(a), speed(b),
                    quotients(us(a, "frame_rate"), us(b, "frame_rate")), least=0.5 if aims else None)
    yield ratio_row("the same, CPU per frame", f"{statistics.median(us(a, 'cpu_us')):.2f} µs",
                    f"{statistics.median(us(b, 'cpu_us')):.2f} µs", quotients(us(b, "cpu_us"), us(a, "cpu_us")))
    heard = [with_it - without_it for with_it, without_it in zip(message_us(a), message_us(u))]
    yield ratio_row("what a message's frames add to its CPU when nobody hears it, against NATS's whole message",
                    f"{statistics.median(heard):.2f} µs", f"{statistics.median(message_us(b)):.2f} µs",
                    quotients(message_us(b), heard))
    bench.done(ours.ours, without.ours)


def realtime(bench: rig.Rig):
    """Against NATS core pub/sub on the same core."""
    nats = bench.nats()
    for size in SIZES:
        yield from against_nats(bench, nats, 1, size, aims=True)
    yield from against_nats(bench, nats, *MANY, aims=False)
    bench.done(nats)


# ---- those who only wait ----

class Tab(trouter.Client):
    """A tab of the official client, up to its session id; all of them ask over one connection."""

    def __init__(self, server, token: str, connection):
        super().__init__(server, token)
        self.connection = connection
        self.ready()

    def ask(self, *args, **more):
        return super().ask(*args, **{"connection": self.connection, **more})


def connected(ours: rig.Ours) -> socket.socket:
    return socket.create_connection(("127.0.0.1", ours.server.http_port))


def hear(s: socket.socket, *marks: bytes) -> None:
    """Reads until all of that has come."""
    heard = b""
    while not all(mark in heard for mark in marks):
        some = s.recv(65536)
        assert some, heard
        heard += some


def upgraded(ours: rig.Ours, target: str, headers: str = "") -> socket.socket:
    s = connected(ours)
    s.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{headers}\r\n".encode())
    return s


def listener(ours: rig.Ours, token: str) -> socket.socket:
    """On /realtime, up to `ready`."""
    s = upgraded(ours, "/realtime", f"Authorization: Bearer {token}\r\n")
    hear(s, b"HTTP/1.1 101 ", b"\r\n\r\n")
    s.sendall(HELLO)
    hear(s, b'"ready"')
    return s


def trouter_socket(ours: rig.Ours, tab: Tab) -> socket.socket:
    s = upgraded(ours, f"/socket.io/1/websocket/{tab.sid}?{tab.query()}")
    hear(s, b"HTTP/1.1 101 ", b"trouter.connected")
    return s


def parked_poll(ours: rig.Ours, tab: Tab) -> socket.socket:
    """A session over polled requests whose poll has nothing to tell."""
    s = connected(ours)
    poll = (f"GET /socket.io/1/xhr-polling/{tab.sid}?{tab.query()}&t=1 HTTP/1.1\r\n"
            f"Host: localhost:{ours.server.http_port}\r\n\r\n").encode()
    s.sendall(poll)
    hear(s, b"\r\n\r\n", b"1::")
    s.sendall(poll)
    hear(s, b"trouter.connected")
    s.sendall(poll)
    return s


def all_quiet(held: list[socket.socket]) -> bool:
    waiting = select.poll()
    for s in held:
        waiting.register(s, select.POLLIN)
    return not waiting.poll(0)


def octets_of_each(bench: rig.Rig, ours: rig.Ours, open_one, whose: list) -> float:
    """Resident memory of one, when all of them are there and nothing happens."""
    open_one(ours, whose.pop()).close()
    before = ours.resident()
    held = [open_one(ours, one) for one in whose]
    assert ours.server.signed("GET", "/admin/whoami").status == 200  # what came before it was read too
    each = (ours.resident() - before) / len(held)
    if not all_quiet(held):
        sys.exit("Those who wait heard something: it took too long to make so many.")
    for s in held:
        s.close()
    bench.done(ours)
    return each


def some_users(bench: rig.Rig, count: int) -> tuple[rig.Ours, list[str]]:
    """A server, and a token of each of so many users."""
    ours = bench.ours()
    owner = ours.server.new_user()[0].removeprefix("8:acs:").split("_")[0]
    bench.done(ours)
    users = rig.fill_users(ours.data, owner, count)
    ours = bench.ours(data=ours.data)
    connection = ours.server.connect()
    answers = [ours.server.signed("POST", f"/identities/{user}/:issueAccessToken?api-version=2023-10-01",
                                  {"scopes": ["chat"]}, connection=connection) for user in users]
    return ours, [answer.json()["token"] for answer in answers]


def idle(bench: rig.Rig):
    """Each of a user of its own, without threads."""
    count = min(10_000, bench.users // 20)
    for what, open_one in (("an idle listener on /realtime", listener),
                           ("an idle WebSocket of the official client", trouter_socket),
                           ("a session of the official client that polls, with its parked poll", parked_poll)):
        ours, whose = some_users(bench, count + 1)
        if open_one is not listener:
            connection = ours.server.connect()
            whose = [Tab(ours.server, token, connection) for token in whose]
        each = octets_of_each(bench, ours, open_one, whose)
        yield limit_row(f"memory of {what}, plain, of {count:,}", each / 1000, "KB", IDLE_MOST_KB)


ALL = {"realtime": realtime, "realtime_idle": idle}
