"""Slow attacks: a thousand connections that send heads or bodies in drops, or read in drops, must not
keep a fresh request waiting. Source: wire/http §1."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))

from echo_server import WAIT_S, EchoServer, ask, read_all, split_answers  # noqa: E402

SLOW = 1000
RUN_S = 20  # heads and bodies are cut off after 10; a busy machine tells it later
P99_MAX_S = float(os.environ.get("SLOW_P99_MS", "50")) / 1000
FRESH = b"GET /fresh HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

# How each attack starts, and the drop that follows every second.
ATTACKS = {
    "head": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X-A: y\r\n"),
    "body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x"),
    "read": (b"GET /stream?n=2000&size=5000 HTTP/1.1\r\nHost: a\r\n\r\n", b""),
}


# ---- the attacker, a process of its own ----

async def be_slow(port, name, number, ended):
    """One connection that sends, or reads, next to nothing."""
    start, drop = ATTACKS[name]
    await asyncio.sleep(number / SLOW)
    opened = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2048)
        writer.write(start)
        end = asyncio.create_task(reader.read() if drop else asyncio.sleep(RUN_S - 1.5))
        while not end.done() and time.monotonic() < opened + RUN_S - 1.5:
            await asyncio.wait([end], timeout=1)
            if drop:
                writer.write(drop)
                await writer.drain()
            else:
                await reader.read(1)
        end.cancel()
        writer.close()
    except ConnectionError:
        pass
    ended.append((name, time.monotonic() - opened))


async def attack(port):
    ended, names = [], list(ATTACKS)
    await asyncio.gather(*(be_slow(port, names[i % len(names)], i, ended) for i in range(SLOW)))
    return ended


def attack_as_process(port):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    os.nice(5)
    print(json.dumps(asyncio.run(attack(port))))


# ---- the judge ----

def be_fresh(server, until):
    """A well-behaved client: a connection, a request, an answer, again."""
    times = []
    while time.monotonic() < until:
        started = time.perf_counter()
        with server.connect() as sock:
            sock.sendall(FRESH)
            data, _ = read_all(sock)
        times.append(time.perf_counter() - started)
        assert split_answers(data)[0].status == 200
        time.sleep(0.01)
    return sorted(times)


def test_slow_connections_do_not_delay_others():
    server = EchoServer("-q", tls=False)
    attacker = subprocess.Popen([sys.executable, __file__, str(server.ports["plain"])],
                                stdout=subprocess.PIPE)
    try:
        started = time.monotonic()
        while ask(server, "/figures").json()["open"] < SLOW * 0.9:
            assert time.monotonic() < started + 8, "the attack did not come about"  # they are cut off after 10
            time.sleep(0.1)
        times = be_fresh(server, started + RUN_S - 2)
        ended = json.loads(attacker.communicate(timeout=RUN_S + WAIT_S)[0])
    finally:
        attacker.kill()
        attacker.wait()
        server.stop()
    p99 = times[len(times) * 99 // 100]
    assert len(times) > 100 and p99 < P99_MAX_S, f"p99 {p99 * 1000:.1f} ms of {len(times)}"
    cut = [age for name, age in ended if name in ("head", "body") and age < RUN_S - 1.5]
    assert len(cut) > SLOW * 0.6, "heads and bodies in drops are cut off"
    assert min(cut) > 9.5, "but not before their time"


if __name__ == "__main__":
    attack_as_process(int(sys.argv[1]))
