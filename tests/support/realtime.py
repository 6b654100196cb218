"""A client of /realtime, by a WebSocket library that others wrote."""

import json
import socket

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

WAIT_S = 20


class Ear:
    """One connection: what it heard is in `events`, by then without pongs."""

    def __init__(self, server, person=None, cursor=None, header=False, hello=True, host=None, token=None,
                 epoch=None):
        token = token or (person.token if person else None)
        headers = {"Authorization": f"Bearer {token}"} if header else {}
        address = host or f"localhost:{server.http_port}"
        self.socket = connect(f"ws://{address}/realtime", additional_headers=headers, compression=None, max_size=None,
                              open_timeout=WAIT_S, sock=socket.create_connection(("127.0.0.1", server.http_port)))
        self.events, self.ready, self.resync = [], None, None
        if hello:
            self.say({"type": "hello", **({} if header else {"token": token}), **({"cursor": cursor} if cursor else {}),
                      **({"epoch": epoch} if epoch else {})})
            self.until_ready()

    def say(self, frame) -> "Ear":
        self.socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))
        return self

    def next(self, timeout=WAIT_S) -> dict:
        return json.loads(self.socket.recv(timeout))

    def until_ready(self):
        while not self.ready:
            frame = self.next()
            if frame["type"] == "ready":
                self.ready = frame
            elif frame["type"] == "resync":
                self.resync = frame
            else:
                self.events.append(frame)

    def hear(self, n: int) -> list[dict]:
        """Until it has heard so many events in all."""
        while len(self.events) < n:
            self.events.append(self.next())
        return self.events

    def hear_until(self, matches) -> list[dict]:
        while not (self.events and matches(self.events[-1])):
            self.events.append(self.next())
        return self.events

    def hears_nothing(self):
        """What was committed before is told before the answer to a ping that was sent behind it."""
        self.say({"type": "ping"})
        frame = self.next()
        assert frame == {"type": "pong"}, frame

    @property
    def cursor(self) -> str:
        """Of what it has heard last."""
        kept = [e["cursor"] for e in self.events if "cursor" in e]
        return kept[-1] if kept else self.ready["cursor"]

    def end(self) -> tuple[int, str]:
        """Code and reason of the server's close; nothing else may come before it."""
        try:
            frame = self.socket.recv(WAIT_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason
        raise AssertionError(f"not closed, but told {frame}")

    def close(self):
        self.socket.close()
