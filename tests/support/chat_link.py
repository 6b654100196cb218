"""Many users of chat in one process: kept connections that speak HTTP by hand, and what a request is made of."""

import asyncio
import json
import time
import urllib.parse

VERSION = "api-version=2025-03-15"
PATCH = "application/merge-patch+json"
SLACK_MS = 50  # between the server's clock, as a request samples it, and ours


def now_ms() -> int:
    return int(time.time() * 1000)


def identifier(raw: str) -> dict:
    return {"rawId": raw, "communicationUser": {"id": raw}}


def thread_path(thread: str, more: str = "", query: str = "") -> str:
    return f"/chat/threads/{urllib.parse.quote(thread, safe='')}{more}?{query + '&' if query else ''}{VERSION}"


class Said:
    """An answer, and between which times of ours the server must have thought of it."""

    def __init__(self, status: int, headers: dict, body: bytes, sent: int):
        self.status, self.headers, self.body = status, headers, body
        self.low, self.high = sent - SLACK_MS, now_ms() + SLACK_MS

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:400].decode(errors='replace')}>"


class Link:
    """One connection; one request at a time. Opened with the first one, and again when it has been lost."""

    def __init__(self, port: int, token: str | None = None):
        self.port, self.token = port, token
        self.reader = self.writer = None

    async def ask(self, method: str, target: str, document=None, headers: dict | None = None, token=None) -> Said:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        body = b"" if document is None else json.dumps(document).encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: localhost:{self.port}",
                 f"Authorization: Bearer {token or self.token}", f"Content-Length: {len(body)}"]
        if body:
            lines.append(f"Content-Type: {PATCH if method == 'PATCH' else 'application/json'}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        sent = now_ms()
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        return await self._answer(sent)

    async def _answer(self, sent: int) -> Said:
        top = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = top.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines}
        length = int(headers.get("content-length", 0))
        body = await self.reader.readexactly(length) if length else b""
        return Said(int(status.split()[1]), headers, body, sent)

    async def pages(self, target: str, between=None) -> list:
        """Every item of a list, page by page as the links lead. `between` runs after the first page, with its items."""
        items, first = [], True
        while target:
            said = await self.ask("GET", target)
            assert said.status == 200, f"GET {target}: {said}"
            page = said.json()
            items += page["value"]
            target = self.path_of(page.get("nextLink"))
            if first and between and target:
                await between(items)
            first = False
        return items

    def path_of(self, link: str | None) -> str | None:
        """A link leads to the server as the client named it."""
        if link is None:
            return None
        there = f"http://localhost:{self.port}/"
        assert link.startswith(there), f"a link elsewhere: {link}"
        return link[len(there) - 1:]

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def make_users(server, scopes: list[tuple]) -> list[tuple[str, str]]:
    """(raw id, token) of new users, one for each set of scopes."""
    return [server.new_user(one) for one in scopes]


class Ended(Exception):
    """A feed that the server, or the network, has ended; with the close code, or None."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"{code} {reason}")
        self.code = code


class Feed:
    """One connection to /realtime, written from RFC 6455 and wire/realtime: no library's opinion between."""

    def __init__(self, port: int, token: str):
        self.port, self.token = port, token
        self.reader = self.writer = None

    async def open(self, cursor: str | None = None) -> "Feed":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        self.writer.write((f"GET /realtime HTTP/1.1\r\nHost: localhost:{self.port}\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                           f"dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {self.token}\r\n\r\n").encode())
        try:
            top = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as gone:
            raise Ended() from gone
        assert top.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in top, top
        self.say({"type": "hello", **({"cursor": cursor} if cursor else {})})
        return self

    def say(self, document):
        self._frame(0x81, json.dumps(document).encode())

    def _frame(self, first: int, payload: bytes):
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self.writer.write(bytes([first]) + length + b"\0\0\0\0" + payload)  # the mask of zeros is a mask

    async def hear(self) -> dict:
        """The next thing that is told; Ended."""
        try:
            while True:
                first, length = await self.reader.readexactly(2)
                if length == 126:
                    length = int.from_bytes(await self.reader.readexactly(2), "big")
                elif length == 127:
                    length = int.from_bytes(await self.reader.readexactly(8), "big")
                payload = await self.reader.readexactly(length)
                if first == 0x81:
                    return json.loads(payload)
                if first == 0x88:
                    raise Ended(int.from_bytes(payload[:2], "big"), payload[2:].decode())
                assert first == 0x89, f"a frame of kind {first:x}"
                self._frame(0x8A, payload)
        except (asyncio.IncompleteReadError, OSError) as gone:
            raise Ended() from gone

    def drop(self):
        """Without a goodbye."""
        if self.writer is not None:
            self.writer.transport.abort()
