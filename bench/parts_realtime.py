"""What is measured of realtime: how fast a message reaches those who listen, and what one who listens costs. See
parts.py."""

import json
import socket
import statistics
import subprocess
import sys

import rig
from chat import Person, participant, path
from report import Row, limit_row, spread

GROUP = 50  # people of a thread
LISTENERS = 1_000
RATE = 100  # messages per second, of all threads together: the frames are GROUP times as many
MANY_OF_ONE = ("--chat-connections-per-user", "10000")
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HELLO = b'\x81\x90\0\0\0\0{"type":"hello"}'
IDLE_MOST_KB = 4


def make_group(ours: rig.Ours, size: int) -> tuple[list[str], bytes]:
    """A thread of that many people: their tokens, and one message of the first's, ready to be sent."""
    people = [Person(ours.server) for _ in range(size)]
    made = people[0].call("POST", path(), {"topic": "bench", "participants": [participant(p.id) for p in people[1:]]})
    if made.status != 201:
        sys.exit(f"no thread was made: {made}")
    thread = made.json()["chatThread"]["id"].replace(":", "%3A")
    body = json.dumps({"content": "#0000000000 Your code is valid for ten minutes; nobody else will ask for it."}).encode()
    head = (f"POST {path(f'/{thread}/messages')} HTTP/1.1\r\nHost: localhost:{ours.server.http_port}\r\n"
            f"Authorization: Bearer {people[0].token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return [p.token for p in people], head.encode() + body


def ws_load(bench: rig.Rig, ours: rig.Ours, tokens, requests, rate: float) -> dict:
    (bench.work / "tokens").write_text("\n".join(tokens) + "\n")
    (bench.work / "messages").write_bytes(b"".join(requests))
    command = [bench.build / "bench" / "ws_load", "--port", ours.server.http_port, "--pid", ours.pid, "--tokens",
               bench.work / "tokens", "--requests", bench.work / "messages", "--length", len(requests[0]), "--slice",
               bench.slice_s, "--rate", rate]
    with rig.on_core(rig.LOAD_CORE):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120 + bench.slice_s)
    if done.returncode:
        sys.exit(f"ws_load failed: {done.stderr} {done.stdout}")
    return json.loads(done.stdout)


def realtime(bench: rig.Rig):
    ours = bench.ours()
    groups = [make_group(ours, GROUP) for _ in range(min(LISTENERS, bench.users // 20) // GROUP)]
    tokens, requests = [t for some, _ in groups for t in some], [request for _, request in groups]
    got = [ws_load(bench, ours, tokens, requests, RATE) for _ in range(bench.pairs)]
    lost = [g["messages"] * GROUP - g["frames"] for g in got]
    if any(lost):
        sys.exit(f"frames are missing: {lost}")
    behind = [g["behind_p99_us"] / 1000 for g in got]
    half = statistics.median(g["behind_p50_us"] / 1000 for g in got)
    whole = statistics.median(g["frame_p50_us"] / 1000 for g in got)
    yield Row(f"from a message's 201 to the frame, {len(tokens):,} listeners, p99", f"{statistics.median(behind):.2f} ms", "",
              None, spread(behind))
    yield Row("the same, p50; from its POST, p50", f"{half:.2f} ms", f"{whole:.2f} ms")
    fast = [ws_load(bench, ours, tokens, requests, 0)["frame_rate"] for _ in range(bench.pairs)]
    yield Row("frames, as fast as messages are answered", f"{statistics.median(fast):,.0f}/s", "", None, spread(fast))
    bench.done(ours)


def listener(ours: rig.Ours, token: str) -> socket.socket:
    s = socket.create_connection(("127.0.0.1", ours.server.http_port))
    s.sendall(f"GET /realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    assert s.recv(65536).startswith(b"HTTP/1.1 101 ")
    s.sendall(HELLO)
    assert b'"ready"' in s.recv(65536)
    return s


def idle(bench: rig.Rig, count: int = 10_000):
    """Listeners that have heard `ready`, and then nothing."""
    count = min(count, bench.users)
    ours = bench.ours(args=MANY_OF_ONE)
    token = Person(ours.server).token
    listener(ours, token).close()
    before = ours.resident()
    held = [listener(ours, token) for _ in range(count)]
    octets = (ours.resident() - before) / count
    for s in held:
        s.close()
    yield limit_row(f"memory of an idle listener, plain, of {count:,}", octets / 1000, "KB", IDLE_MOST_KB)
    bench.done(ours)


ALL = {"realtime": realtime, "realtime_idle": idle}
