"""A webhook receiver on a free port of the loopback: it consents, takes events, and fails in every way to order."""

import contextlib
import http.server
import json
import socket
import ssl
import struct
import tempfile
import threading
import time
from pathlib import Path

from oidc_issuer import Authority

PIECE = b" " * 65536
KIND = "aeg-event-type"
VALIDATION, NOTIFICATION, DELETION = "SubscriptionValidation", "Notification", "SubscriptionDeletion"


class Got:
    """One request that came."""

    def __init__(self, handler, body: bytes):
        self.method, self.target = handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.raw, self.at = body, time.monotonic()

    @property
    def kind(self) -> str:
        return self.headers.get(KIND, "")

    def json(self):
        return json.loads(self.raw)

    def events(self) -> list:
        body = self.json()
        return body if isinstance(body, list) else [body]

    def __repr__(self):
        return f"<{self.method} {self.target} {self.kind} {self.raw[:200]!r}>"


def consent(got: Got):
    """The right answer to both handshakes: (status, headers, body)."""
    if got.method == "OPTIONS":
        return 200, {"WebHook-Allowed-Origin": got.headers["webhook-request-origin"]}, b""
    return 200, {}, json.dumps({"validationResponse": got.events()[0]["data"]["validationCode"]}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        hook: Webhook = self.server.hook
        got = Got(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        with hook.changed:
            hook.requests.append(got)
            plan = hook.plan_for(got)
            hook.changed.notify_all()
        try:
            plan(self, got)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_OPTIONS = serve

    def reply(self, status: int, headers: dict | None = None, body: bytes = b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)


# -- what may be done with a request: functions of (handler, got) --


def agree(handler, got):
    handler.reply(*consent(got))


def answer(status: int, body: bytes = b"", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, got: handler.reply(status, named, body)


def redirect_to(place: str, status: int = 302):
    return lambda handler, got: handler.reply(status, {"Location": place})


def endless(status: int = 200):
    def run(handler, got):
        handler.send_response(status)
        handler.end_headers()
        for _ in range(4096):
            handler.wfile.write(PIECE)
    return run


def close(handler, got):
    """Not a word."""
    handler.close_connection = True


def reset(handler, got):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def silent(handler, got):
    """Holds the request until the receiver closes."""
    handler.server.hook.closing.wait(120)
    handler.close_connection = True


def drip(octets: bytes, head: bytes = b""):
    """The head at once, then an octet a second: alive, and never done in time."""
    def run(handler, got):
        handler.close_connection = True
        handler.wfile.write(head)
        for octet in octets:
            if handler.server.hook.closing.wait(1):
                return
            handler.wfile.write(bytes([octet]))
    return run


def nonsense(handler, got):
    handler.wfile.write(b"220 this is no web server\r\n\r\n")
    handler.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request, client_address):
        """On the connection's own thread: a handshake that hangs holds nobody up."""
        if self.tls:
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError as problem:
                self.hook.refused.append(str(problem))
                return
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass  # peers that leave are the tests' business


class Webhook:
    """`handshake` and `take`: what is done with validations and with all else; `then`: plans of the next ones."""

    def __init__(self, secure: bool = False):
        self.requests: list[Got] = []
        self.handshake, self.take = agree, answer(200)
        self.then: list = []
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.hook = self
        self.port = self.server.server_address[1]
        self.folder = tempfile.TemporaryDirectory(prefix="webhook-") if secure else None
        self.ca_file = None
        self.refused: list[str] = []  # handshakes of TLS that came to nothing
        if secure:
            self.authority = Authority(Path(self.folder.name))
            self.present(self.authority.issue())
            self.ca_file = str(self.authority.ca_file)
        self.url = f"{'https' if secure else 'http'}://localhost:{self.port}/events"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def present(self, certificate: Path, **members):
        """That certificate from now on, on new connections; `members` of the SSLContext."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for member, value in members.items():
            setattr(context, member, value)
        context.load_cert_chain(certificate)
        self.server.tls = context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        if self.folder:
            with contextlib.suppress(OSError):
                self.folder.cleanup()

    def plan_for(self, got: Got):
        if got.method == "OPTIONS" or got.kind == VALIDATION:
            return self.handshake
        return self.then.pop(0) if self.then else self.take

    def of(self, kind: str = NOTIFICATION) -> list[Got]:
        with self.changed:
            return [got for got in self.requests if got.kind == kind or (kind == "OPTIONS" and got.method == kind)]

    def wait(self, count: int = 1, kind: str = NOTIFICATION, timeout: float = 30) -> list[Got]:
        """The requests of that kind, once there are so many."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while len(found := [got for got in self.requests
                                if got.kind == kind or (kind == "OPTIONS" and got.method == kind)]) < count:
                left = deadline - time.monotonic()
                assert left > 0 and self.changed.wait(left) is not None and time.monotonic() < deadline, \
                    f"{len(found)} of {count} {kind}: {self.requests}"
            return found

    def events(self) -> list:
        """All events that came, in order."""
        return [event for got in self.of() for event in got.events()]
