"""Runs the net room's echo server, and speaks raw HTTP to servers."""

import json
import os
import pathlib
import select
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAIT_S = 8  # no single exchange of the tests takes longer


def find_echo_server():
    """The executable: ECHO_SERVER, or in the build directory."""
    named = os.environ.get("ECHO_SERVER")
    if named:
        return named
    build = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
    return str(build / "tests/unit/net/echo_server")


def make_certificate(folder, name):
    """A self-signed certificate for localhost: (certificate path, key path)."""
    cert, key = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class EchoServer:
    """The echo server as a child process, on ports of its own."""

    def __init__(self, *options, lanes=2, tls=True):
        self.folder = tempfile.TemporaryDirectory()
        self.socket_path = f"{self.folder.name}/admin.sock"
        self.log_path = f"{self.folder.name}/log"
        command = [find_echo_server(), "-l", str(lanes), "-u", f"unix:{self.socket_path}", *options]
        if tls:
            first = make_certificate(self.folder.name, "first")
            second = make_certificate(self.folder.name, "second")
            command += ["-c", first[0], "-k", first[1], "-C", second[0], "-K", second[1]]
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"the echo server did not start: {self.log_text()}")
        self.ports = json.loads(line)

    def log_text(self):
        with open(self.log_path, "rb") as f:
            return f.read()

    def saw(self, marker):
        """Whether a request with that text in its target was served."""
        return marker in self.log_text()

    def connect(self, kind="plain", host="127.0.0.1"):
        if kind == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(WAIT_S)
            sock.connect(self.socket_path)
            return sock
        sock = socket.create_connection((host, self.ports["tls" if kind == "tls" else kind]),
                                        timeout=WAIT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return wrap_tls(sock) if kind == "tls" else sock

    def stop(self):
        """Ends it; its exit status tells whether a sanitizer had something to say."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "did not end"
        self.log.close()
        if status != 0:
            raise AssertionError(f"exit {status}: {self.log_text()[-4000:].decode('latin-1')}")
        self.folder.cleanup()


def wrap_tls(sock, **settings):
    """TLS without checking the certificate, which is not what these tests are about."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        if name == "alpn":
            context.set_alpn_protocols(value)
        else:
            setattr(context, name, value)
    return context.wrap_socket(sock, server_hostname="localhost")


def read_all(sock, wait_s=WAIT_S):
    """Octets until the end: (octets, True when the peer closed in time)."""
    data, deadline = b"", time.monotonic() + wait_s
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return data, False
        sock.settimeout(left)
        try:
            part = sock.recv(65536)
        except (TimeoutError, socket.timeout):
            return data, False
        except (ConnectionError, ssl.SSLError):
            return data, True
        if not part:
            return data, True
        data += part


class Answer:
    def __init__(self, status, headers, body, raw_head):
        self.status, self.headers, self.body, self.raw_head = status, headers, body, raw_head

    def json(self):
        return json.loads(self.body)


def unchunk(data):
    parts, at = [], 0
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        at = end + 2 + size + 2
        if len(data) < at:
            raise ValueError("a chunk is cut")
        if size == 0:
            return b"".join(parts), data[at:]
        parts.append(data[end + 2:at - 2])


def split_answers(data, heads_only=False):
    """The answers in a stream of octets; interim ones (1xx) are left out."""
    answers = []
    while data:
        head, mark, rest = data.partition(b"\r\n\r\n")
        assert mark, f"an answer is cut: {data[:200]!r}"
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        headers = {k.lower(): v.strip()
                   for k, _, v in (line.decode("latin-1").partition(":") for line in lines[1:])}
        if status < 200:
            data = rest
            continue
        body = b""
        if heads_only or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            body, rest = unchunk(rest)
        elif "content-length" in headers:
            size = int(headers["content-length"])
            assert len(rest) >= size, "a body is cut"
            body, rest = rest[:size], rest[size:]
        else:
            body, rest = rest, b""
        answers.append(Answer(status, headers, body, head))
        data = rest
    return answers


def read_answers(sock, count, wait_s=WAIT_S):
    """Reads until `count` answers are whole."""
    data, parsed_at, deadline = b"", 0, time.monotonic() + wait_s
    while time.monotonic() < deadline:
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        part = sock.recv(1 << 20)
        assert part, f"closed after {data[:300]!r}"
        data += part
        if len(data) < parsed_at * 1.1 and select.select([sock], [], [], 0.05)[0]:
            continue  # long answers are not looked at with every part
        parsed_at = len(data)
        try:
            answers = split_answers(data)
        except (AssertionError, ValueError):
            continue
        if len(answers) >= count:
            return answers
    raise AssertionError(f"only {data[:300]!r}")


def ask(server, target, kind="plain", host="127.0.0.1", method="GET", lines=""):
    """One request on a connection of its own."""
    with server.connect(kind, host) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     f"{lines}\r\n".encode())
        data, _ = read_all(sock)
    return split_answers(data, heads_only=method == "HEAD")[0]
