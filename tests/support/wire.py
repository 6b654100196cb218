"""Requests by hand: signatures with every part in one's own spelling, and sockets without a library."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
from email.utils import formatdate

USUAL = ("x-ms-date", "host", "x-ms-content-sha256")


def content_hash(body: bytes = b"") -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def spelled(key: str, method: str, target: str, host: str, body: bytes = b"", *, names=USUAL, signed_target=None,
            signed_host=None, date=None, hashed=None, extra=None, wire_host=None) -> dict:
    """Headers of a request whose string to sign may differ from what is sent."""
    date = formatdate(usegmt=True) if date is None else date
    values = {"x-ms-date": date, "date": date, "host": host if signed_host is None else signed_host,
              "x-ms-content-sha256": content_hash(body) if hashed is None else hashed, **(extra or {})}
    signed = ";".join(values[name.lower()] for name in names)
    text = f"{method}\n{target if signed_target is None else signed_target}\n{signed}"
    sent = {"Host": wire_host or host, "x-ms-content-sha256": values["x-ms-content-sha256"],
            "Authorization": f"HMAC-SHA256 SignedHeaders={';'.join(names)}&Signature={mac(key, text)}"}
    if any(name.lower() == "x-ms-date" for name in names):
        sent["x-ms-date"] = date
    if any(name.lower() == "date" for name in names):
        sent["Date"] = date
    sent.update(extra or {})
    return sent


def head(method: str, target: str, headers: dict, body: bytes | None = None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class Wire:
    """One connection. send(octets), then receive() for each answer; None when the peer has closed."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, timeout: float = 30, address="127.0.0.1"):
        self.socket = socket.create_connection((address, port), timeout)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.kept = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets: bytes):
        self.socket.sendall(octets)
        return self

    def more(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.kept += piece
        return bool(piece)

    def receive(self):
        while b"\r\n\r\n" not in self.kept:
            if not self.more():
                return None
        top, self.kept = self.kept.split(b"\r\n\r\n", 1)
        status, *lines = top.decode("latin-1").split("\r\n")
        headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines}
        length = int(headers.get("content-length", 0))
        while len(self.kept) < length and self.more():
            pass
        body, self.kept = self.kept[:length], self.kept[length:]
        return Reply(int(status.split()[1]), headers, body, top)


class Reply:
    def __init__(self, status, headers, body, top):
        self.status, self.headers, self.body, self.top = status, headers, body, top

    def json(self):
        return json.loads(self.body)

    def octets(self) -> bytes:
        """All that was sent, but for what differs between any two answers."""
        dull = ("date:", "ms-cv:", "x-processing-time:", "x-ms-request-id:")
        lines = [line for line in self.top.decode("latin-1").split("\r\n") if not line.lower().startswith(dull)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"
