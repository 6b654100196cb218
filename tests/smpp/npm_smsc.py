"""npm's smpp as the carrier: started, told what to do, and asked what it saw."""

import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 30
GONE = re.compile("ECONNRESET|EPIPE")  # we left, as a test wants it
ACCOUNT = {"systemId": "gate", "password": "s3cretpw"}


class NpmSmsc:
    """`events`: what it told, in order. `certificate`: a file with it and one with its key, for TLS."""

    def __init__(self, *certificate: Path):
        self.certificate = certificate
        self.events: list[dict] = []
        self.changed = threading.Condition()
        self.orders = itertools.count(1)
        self.port = 0
        self.start()

    def start(self):
        """Again on the port that it had."""
        seen = len(self.events)
        self.process = subprocess.Popen(
            ["node", Path(__file__).with_name("smsc.js"), str(self.port), *map(str, self.certificate)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self.port = self.wait("listening", since=seen)[0]["port"]

    def _read(self, output):
        for line in output:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def of(self, kind: str, since: int = 0) -> list[dict]:
        return [one for one in self.events[since:] if one["event"] == kind]

    def wait(self, kind: str, count: int = 1, since: int = 0, seconds: float = SECONDS) -> list[dict]:
        """The events of that kind, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.of(kind, since)) >= count, seconds), \
                f"{len(self.of(kind, since))} of {count} {kind}: {self.events}"
            return self.of(kind, since)

    def order(self, order: str, **more) -> dict:
        """Has it done; what it told of that."""
        n = next(self.orders)
        with self.changed:
            self.process.stdin.write(json.dumps({"n": n, "order": order, **more}) + "\n")
            self.process.stdin.flush()
            assert self.changed.wait_for(lambda: any(one.get("n") == n for one in self.events), SECONDS), self.events
            return next(one for one in self.events if one.get("n") == n)

    def deliver(self, source: str, destination: str, message, **more) -> int:
        """A message from a phone; the status of our answer."""
        return self.order("deliver", pdu={
            "source_addr": source.lstrip("+"), "source_addr_ton": 1, "source_addr_npi": 1,
            "destination_addr": destination.lstrip("+"), "destination_addr_ton": 1, "destination_addr_npi": 1,
            "short_message": message, **more})["status"]

    def deliver_all(self, source: str, destination: str, parts: list) -> list[int]:
        """The parts of a message, each (what, more), one behind the other; they are answered together."""
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(lambda part: self.deliver(source, destination, part[0], **part[1]), parts))

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def close(self):
        self.thaw()
        self.process.stdin.close()
        self.process.wait(10)
        wrong = [one for one in self.of("error") if not GONE.search(one["problem"])]
        assert not wrong, wrong


def wait_until(holds, seconds: float = SECONDS):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
