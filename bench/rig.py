"""The bench's machinery: builds, servers on one core, load from the other, interleaved slices."""

import hashlib
import hmac
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from base64 import b64decode, b64encode
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from callgate_server import Server  # noqa: E402

SERVER_CORE, LOAD_CORE = 0, os.cpu_count() - 1
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
NATS = shutil.which("nats-server") or "/usr/sbin/nats-server"
TARGETS = ["callgate", "callgate-noauth", "callgate-nosync", "callgate-curl.so", "callgate-outbound.so", "bench/load", "bench/steps",
           "bench/micro", "bench/seed", "bench/smsc", "bench/hook", "bench/ws_load",
           "bench/nats_load", "bench/commits.so"]
SIGNATURE_LASTS_S = 120  # then requests are signed anew; the server allows 300
EMPTY_HASH = b64encode(hashlib.sha256(b"").digest()).decode()
CONNECTIONS = 64
IDENTITY_TOKEN = ("/metadata/identity/oauth2/token?api-version=2018-02-01"
                  "&resource=https%3A%2F%2Fcommunication.azure.com%2F")


def build() -> Path:
    directory = ROOT / os.environ.get("CALLGATE_BENCH_BUILD", "build-bench")
    if not (directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", directory, ROOT, "-Dbench=true"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["ninja", "-C", directory, *TARGETS], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-4000:])
    return directory


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class on_core:
    """What is started inside runs on one core."""

    def __init__(self, core: int):
        self.core = core

    def __enter__(self):
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.core})

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.before)


def signer(key: str, host: str):
    """A function that makes a signed request, dated now."""
    date, key = formatdate(usegmt=True), b64decode(key)

    def sign(method: str, target: str, body: bytes) -> bytes:
        content = b64encode(hashlib.sha256(body).digest()).decode() if body else EMPTY_HASH
        text = f"{method}\n{target}\n{date};{host};{content}".encode()
        signature = b64encode(hmac.digest(key, text, "sha256")).decode()
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return (f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nx-ms-date: {date}\r\n"
                f"x-ms-content-sha256: {content}\r\n{framing}Authorization: HMAC-SHA256 "
                f"SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}\r\n\r\n").encode() + body

    return sign


class Requests:
    """One or many ready-made signed requests of equal length in a file, signed anew when they get old."""

    def __init__(self, ours: "Ours", method: str, targets: list[str], document=None):
        self.ours, self.method, self.targets = ours, method, targets
        self.body = b"" if document is None else json.dumps(document).encode()
        self.path = ours.bench.work / f"requests-{uuid.uuid4().hex[:8]}"
        self.signed_at = -SIGNATURE_LASTS_S
        self.length = 0

    def sign_all(self, host: str) -> None:
        sign = signer(self.ours.server.primary, host)
        with open(self.path, "wb") as out:
            for target in self.targets:
                request = sign(self.method, target, self.body)
                out.write(request)
        self.length = len(request)

    def file(self, tls: bool = False) -> Path:
        if time.monotonic() - self.signed_at > SIGNATURE_LASTS_S:
            self.sign_all(f"localhost:{self.ours.server.https_port if tls else self.ours.server.http_port}")
            self.signed_at = time.monotonic()
        return self.path


class Unsigned(Requests):
    """The same without a signature: with one bearer token each (of equal length), or with a form."""

    def __init__(self, ours: "Ours", method: str, target: str, tokens: list[str] = (), form: dict | None = None):
        super().__init__(ours, method, [target])
        self.tokens, self.form = tokens, form
        self.body = urlencode(form).encode() if form else b""

    def sign_all(self, host: str) -> None:
        head = f"{self.method} {self.targets[0]} HTTP/1.1\r\nHost: {host}\r\n"
        if self.form:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(self.body)}\r\n"
        heads = [f"{head}Authorization: Bearer {token}\r\n\r\n" for token in self.tokens] or [head + "\r\n"]
        self.path.write_bytes(b"".join(h.encode() + self.body for h in heads))
        lengths = {len(h) for h in heads}
        assert len(lengths) == 1, lengths
        self.length = lengths.pop() + len(self.body)


class Ours:
    """A server of ours in a data directory of its own, with one thread on the server's core."""

    def __init__(self, bench: "Rig", program: str = "callgate", data: Path | None = None, args: tuple = (),
                 core: int = SERVER_CORE, environment: dict | None = None):
        self.bench = bench
        self.data = data or bench.new_directory("data")
        with on_core(core):
            self.server = Server("--threads", "1", "--http-idle-timeout", "3600s", *args, data=str(self.data),
                                 program=bench.build / program, environment=environment).start()
        self.pid = self.server.process.pid

    def port(self, tls: bool) -> int:
        return self.server.https_port if tls else self.server.http_port

    def requests(self, method: str, target: str, document=None) -> Requests:
        return Requests(self, method, [target], document)

    def bearer(self, target: str, *tokens: str) -> Unsigned:
        return Unsigned(self, "GET", target, list(tokens))

    def identity_token(self) -> str:
        """Of the managed identity that every development server has; with --imds alone."""
        with urlopen(Request(f"http://127.0.0.1:{self.server.imds_port}{IDENTITY_TOKEN}",
                             headers={"Metadata": "true"})) as answer:
            return json.load(answer)["access_token"]

    def load(self, requests: Requests, tls: bool = False, **options) -> dict:
        return self.bench.load(self.port(tls), self.pid, requests.file(tls), requests.length, tls=tls, **options)

    def resident(self) -> int:
        """Octets of resident memory."""
        return resident(self.pid)

    def close(self) -> None:
        self.server.stop()


class Peer:
    """A peer of the bench (peer.h) on a core."""

    def __init__(self, bench: "Rig", program: str, core: int = LOAD_CORE):
        with on_core(core):
            self.process = subprocess.Popen([bench.build / "bench" / program], stdin=subprocess.PIPE, text=True,
                                            stdout=subprocess.PIPE, bufsize=1)
        self.port = int(self.process.stdout.readline())

    def tell(self, word: str) -> None:
        self.process.stdin.write(word)
        self.process.stdin.flush()

    def counts(self) -> dict:
        self.tell("?")
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)


def user_and_kernel_ticks(pid: int) -> tuple[int, int]:
    """CPU time so far, in user space and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def resident(pid: int) -> int:
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


class Nginx:
    """Debian's nginx with one worker on the server's core, answering what ours has answered."""

    def __init__(self, bench: "Rig", answers: dict[str, tuple[dict, bytes]], certificate: Path | None = None):
        self.bench = bench
        self.directory = bench.new_directory("nginx")
        self.ports = {False: free_port(), True: free_port() if certificate else 0}
        conf = self.directory / "nginx.conf"
        conf.write_text(self.configuration(answers, certificate))
        with on_core(SERVER_CORE):
            self.process = subprocess.Popen([NGINX, "-p", self.directory, "-c", conf, "-e", self.directory / "error.log"],
                                            stderr=subprocess.DEVNULL)
        self.pid = self.worker()

    def configuration(self, answers, certificate) -> str:
        tls = "" if not certificate else (
            f"listen 127.0.0.1:{self.ports[True]} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};"
            " ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;")
        places = "\n".join(self.location(path, *answer) for path, answer in answers.items())
        return f"""
worker_processes 1; daemon off; pid {self.directory}/pid; worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
    log_format same escape=json '{{"time":"$time_iso8601","level":"info","event":"http.request",'
        '"id":"86679259-6ce5-8e4e-9429-00000006c43c","method":"$request_method","path":"$uri","status":$status,'
        '"us":$request_time,"bytes":$bytes_sent,"peer":"$remote_addr","by":"accessKey","resource":"default",'
        '"route":"$uri"}}';
    access_log {self.directory}/access.log same buffer=64k flush=1s;
    server_tokens off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 3600s;
    client_header_buffer_size 4k;
    client_body_temp_path {self.directory}; proxy_temp_path {self.directory}; fastcgi_temp_path {self.directory};
    uwsgi_temp_path {self.directory}; scgi_temp_path {self.directory};
    server {{
        listen 127.0.0.1:{self.ports[False]}; {tls}
        {places}
    }}
}}
"""

    @staticmethod
    def location(path: str, headers: dict, body: bytes) -> str:
        """The same status, type and body; header lines until the head is as long as ours."""
        own = len("Server: nginx\r\n") + len("Connection: keep-alive\r\n")
        framing = ("date", "content-type", "content-length")
        extra = [(k, v) for k, v in headers.items() if k.lower() not in framing]
        room = sum(len(k) + len(v) + 4 for k, v in extra) - own
        lines = []
        for k, v in extra:
            size = len(k) + len(v) + 4
            if room - size > 8 or room == size:
                lines.append((k, v))
                room -= size
        if room > 0:
            lines.append(("X-A", "0" * (room - 7)))
        added = " ".join(f"add_header {k} '{v}';" for k, v in lines)
        return (f"location {path} {{ default_type '{headers['Content-Type']}'; {added} "
                f"return 200 '{body.decode()}'; }}")

    def worker(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for _ in range(500):
            text = children.read_text().split() if children.exists() else []
            if text:
                try:
                    socket.create_connection(("127.0.0.1", self.ports[False]), 1).close()
                    return int(text[0])
                except OSError:
                    pass
            time.sleep(0.01)
        sys.exit("nginx does not start: " + (self.directory / "error.log").read_text()[-1000:])

    def load(self, requests: Requests, tls: bool = False, **options) -> dict:
        return self.bench.load(self.ports[tls], self.pid, requests.file(tls), requests.length, tls=tls, **options)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Nats:
    """Debian's NATS server on the server's core."""

    def __init__(self, bench: "Rig"):
        self.port = free_port()
        log = bench.new_directory("nats") / "log"
        with on_core(SERVER_CORE):  # Go takes as many threads for its work as there are cores for it
            self.process = subprocess.Popen([NATS, "-a", "127.0.0.1", "-p", str(self.port), "-l", log])
        self.pid = self.process.pid
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        sys.exit("nats-server does not start: " + (log.read_text()[-1000:] if log.exists() else ""))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Rig:
    def __init__(self, pairs: int, slice_s: float, users: int, messages: int):
        self.pairs, self.slice_s, self.users, self.messages = pairs, slice_s, users, messages
        self.load_before = os.getloadavg()[0]
        self.build = build()
        self.work = self.build / "bench-work"  # on the disk that is measured, not in memory
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        self.open = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def new_directory(self, kind: str) -> Path:
        path = self.work / f"{kind}-{uuid.uuid4().hex[:8]}"
        path.mkdir(mode=0o700)
        return path

    def ours(self, *args, **options) -> Ours:
        self.open.append(Ours(self, *args, **options))
        return self.open[-1]

    def peer(self, *args, **options) -> Peer:
        self.open.append(Peer(self, *args, **options))
        return self.open[-1]

    def nginx(self, *args, **options) -> Nginx:
        self.open.append(Nginx(self, *args, **options))
        return self.open[-1]

    def nats(self) -> Nats:
        self.open.append(Nats(self))
        return self.open[-1]

    def done(self, *servers) -> None:
        for s in servers:
            self.open.remove(s)
            s.close()

    def close(self) -> None:
        for s in self.open:
            s.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def load(self, port: int, pid: int, file: Path, length: int, tls: bool = False, connections: int = CONNECTIONS,
             status: int = 200, slice_s: float | None = None, first: int = 0, warm_s: float = 0.3) -> dict:
        command = [self.build / "bench" / "load", "--port", port, "--pid", pid, "--requests", file, "--length", length,
                   "--connections", connections, "--slice", slice_s or self.slice_s, "--status", status, "--first", first,
                   "--warm", warm_s]
        if tls:
            command.append("--tls")
        with on_core(LOAD_CORE):
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                                  timeout=60 + (slice_s or self.slice_s))
        if done.returncode:
            sys.exit(f"load failed: {done.stderr} {done.stdout}")
        return json.loads(done.stdout)

    def fan(self, program: str, server: "Ours | Nats", port: int, **options) -> dict:
        """A slice of load that fans out (fan.h)."""
        options = {"port": port, "pid": server.pid, "slice": self.slice_s, **options}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with on_core(LOAD_CORE):
            done = subprocess.run([self.build / "bench" / program, *words], capture_output=True, text=True,
                                  timeout=120 + self.slice_s)
        if done.returncode:
            sys.exit(f"{program} failed: {done.stderr} {done.stdout}")
        got = json.loads(done.stdout)
        if got["missing"]:
            sys.exit(f"{program}: frames are missing: {got}")
        return got

    def interleave(self, *slices) -> list[list]:
        """Each of `slices` (functions) once per round, the order turned round by round; their results."""
        results = [[] for _ in slices]
        for i in range(self.pairs):
            order = range(len(slices)) if i % 2 == 0 else reversed(range(len(slices)))
            for k in order:
                results[k].append(slices[k]())
        return results

    def micro(self, *names: str) -> dict:
        with on_core(SERVER_CORE):
            done = subprocess.run([self.build / "bench" / "micro", *names], capture_output=True, text=True, check=True,
                                  timeout=300)
        return json.loads(done.stdout)

    def seed(self, data: Path, *words) -> str:
        """Puts something into the store of a stopped server (seed.c); what it prints."""
        done = subprocess.run([str(w) for w in (self.build / "bench" / "seed", data, *words)], capture_output=True,
                              text=True, timeout=1200)
        if done.returncode:
            sys.exit(f"seed failed: {done.stderr}")
        return done.stdout

    def instructions(self, ours: Ours, requests: Requests) -> float | None:
        """Instructions for one request, the kernel's included; None where the machine does not count."""
        counter = subprocess.Popen(["perf", "stat", "-x", ",", "-e", "instructions", "-p", str(ours.pid)],
                                   stderr=subprocess.PIPE, text=True) if shutil.which("perf") else None
        if not counter:
            return None
        got = ours.load(requests, warm_s=0)
        counter.send_signal(signal.SIGINT)
        _, text = counter.communicate(timeout=20)
        counted = re.search(r"^(\d+),,instructions", text, re.M)
        return int(counted[1]) / got["requests"] if counted else None

    def steps(self, ours: Ours, requests: Requests, n: int = 3) -> float:
        """Instructions outside the kernel for one request, counted one by one."""
        with on_core(SERVER_CORE):
            done = subprocess.run([str(a) for a in [self.build / "bench" / "steps", ours.pid, ours.port(False),
                                                    requests.file(), n]],
                                  capture_output=True, text=True, check=True, timeout=300)
        return float(done.stdout)

    def syncs_per_second(self, seconds: float = 1.0) -> float:
        """4 KiB write and fdatasync, over and over, in a file that has its blocks already."""
        path, page = self.work / "syncs", os.urandom(4096)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(fd).st_size == 0:
                os.write(fd, bytes(4 << 20))
                os.fsync(fd)
            with on_core(SERVER_CORE):
                n, end = 0, time.monotonic() + seconds
                while time.monotonic() < end:
                    os.pwrite(fd, page, n * 4096 % (4 << 20))
                    os.fdatasync(fd)
                    n += 1
                return n / (time.monotonic() - end + seconds)
        finally:
            os.close(fd)

    @staticmethod
    def nginx_version() -> str:
        done = subprocess.run([NGINX, "-v"], capture_output=True, text=True)
        return done.stderr.strip().removeprefix("nginx version: ")

    @staticmethod
    def nats_version() -> str:
        return subprocess.run([NATS, "-v"], capture_output=True, text=True).stdout.strip()


def fill_users(data: Path, owner: str, count: int) -> list[str]:
    """Puts `count` users into the store of a stopped server; their ids."""
    now = int(time.time() * 1000)
    users = [uuid.UUID(int=(now - count + i) << 80 | 7 << 76 | 2 << 62 | hash(i * 2654435761) & (1 << 62) - 1)
             for i in range(count)]
    resource_id = uuid.UUID(owner).bytes
    db = sqlite3.connect(data / "callgate.db")
    db.executemany("INSERT INTO users VALUES (?, ?, 0, ?, 0, 0, 0, 0, NULL)",
                   ((resource_id, u.bytes, now - count + i) for i, u in enumerate(users)))
    db.execute("UPDATE users_tally SET n = n + ? WHERE state = 0", (count,))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return [f"8:acs:{owner}_{u}" for u in users]


def medians(results: list[dict]) -> dict:
    return {k: statistics.median(r[k] for r in results) for k in ("rate", "cpu_us", "busy", "p50_us", "p99_us")}
