"""The realtime channel of chat as the official client speaks it, by hand: allocation, handshake, packets over a WebSocket
or over polled requests."""

import json
import re
import urllib.parse
import uuid

MARK = "\ufffd"
CONNECTED = '5:1::{"name":"trouter.connected","args":[{"ttl":86400,"dur":"5"}]}'
SECONDS = 20
VERSION = "api-version=2025-03-15"


def utf16_len(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def frame(packets: list[str]) -> bytes:
    """A body of several packets."""
    return "".join(f"{MARK}{utf16_len(one)}{MARK}{one}" for one in packets).encode()


def packets_of(body: bytes) -> list[str]:
    """The packets of a body, taken apart from the protocol's description, not by our C."""
    text = body.decode()
    if not text.startswith(MARK):
        return [text] if text else []
    units, found = text.encode("utf-16-le"), []
    while units:
        head = re.match(f"{MARK}(\\d+){MARK}", units.decode("utf-16-le", errors="ignore"))
        start = 2 * head.end()
        end = start + 2 * int(head[1])
        found.append(units[start:end].decode("utf-16-le"))
        units = units[end:]
    return found


class Client:
    """One tab of a user. Steps may be left out or repeated."""

    def __init__(self, server, token: str, epid: str | None = None, host: str | None = None, secure: bool = False):
        self.server, self.token, self.secure = server, token, secure
        self.epid = epid or str(uuid.uuid4())
        self.host = host or f"localhost:{server.https_port if secure else server.http_port}"
        self.socket = None
        self.pending: list[str] = []

    def headers(self) -> dict:
        return {"Host": self.host, **({"X-Skypetoken": self.token} if self.token else {})}

    def ask(self, method: str, target: str, body: bytes = b"", headers: dict | None = None, connection=None):
        return self.server.send(method, target, {**self.headers(), **(headers or {})}, body, connection, self.secure)

    def allocate(self):
        answer = self.ask("POST", f"/v4/a?cor_id={uuid.uuid4()}&con_num=1700000000000_0&epid={self.epid}",
                          headers={"Content-Type": "text/plain"})
        assert answer.status == 200, answer
        self.allocation = answer.json()
        return self

    def query(self) -> str:
        """As the client writes it: pasted together, hardly escaped."""
        given = "&".join(f"{name}={value}" for name, value in self.allocation["connectparams"].items())
        return (f"{given}&v=v4&tc=%7B%22cv%22:%222023.45.01%22,%22ua%22:%22TeamsCDL%22,%22hr%22:%22%22,%22v%22:%22x/1+2%22%7D"
                f"&timeout=40&auth=true&epid={self.epid}&userActivity=%7B%22state%22:%22active%22%7D"
                f"&ccid={self.allocation['ccid']}&dom=app.example&cor_id=a.b&con_num=1700000000000_1")

    def handshake(self):
        answer = self.ask("GET", f"/socket.io/1/?{self.query()}&t=1700000000000")
        assert answer.status == 200, answer
        self.sid, *rest = answer.body.decode().split(":")
        assert rest == ["70", "70", "websocket,xhr-polling"]
        return self

    def ready(self):
        return self.allocate().handshake()

    # -- over a WebSocket --

    def open(self):
        from websockets.sync.client import connect  # nothing else here needs it

        scheme, more = ("wss", {"ssl": self.server.tls()}) if self.secure else ("ws", {})
        self.socket = connect(f"{scheme}://{self.host}/socket.io/1/websocket/{self.sid}?{self.query()}",
                              max_size=None, max_queue=None, compression=None, origin="https://app.example", **more)
        return self

    def online(self):
        """All steps, up to trouter.connected."""
        self.ready().open()
        assert self.packet() == "1::"
        assert self.packet() == CONNECTED
        return self

    def packet(self, seconds: float = SECONDS) -> str:
        return self.socket.recv(timeout=seconds)

    def say(self, packet: str):
        self.socket.send(packet)

    def close(self):
        if self.socket:
            self.socket.close()

    def push(self, seconds: float = SECONDS) -> dict:
        """The next push, answered; its body as an object under "event"."""
        return self.taken(self.packet(seconds))

    def taken(self, packet: str) -> dict:
        assert packet.startswith("3:::"), packet
        push = json.loads(packet[4:])
        self.say(f'3:::{{"id":{push["id"]},"status":200,"headers":{{}},"body":""}}')
        return {**push, "event": json.loads(push["body"])}

    def nothing(self) -> bool:
        """Nothing is on its way to it: a ping is answered first."""
        self.say('5:77+::{"name":"ping"}')
        return self.packet() == '6:::77+["pong"]'

    # -- over polled requests --

    def poll(self, connection=None):
        return self.ask("GET", f"/socket.io/1/xhr-polling/{self.sid}?{self.query()}&t=1", connection=connection)

    def post(self, *packets: str, connection=None):
        body = packets[0].encode() if len(packets) == 1 else frame(list(packets))
        return self.ask("POST", f"/socket.io/1/xhr-polling/{self.sid}?{self.query()}&t=1", body,
                        {"Content-Type": "text/plain; charset=UTF-8"}, connection)

    def polled(self, connection=None) -> str:
        """The next packet, over as many polls as it takes."""
        while not self.pending:
            answer = self.poll(connection)
            assert answer.status == 200, answer
            self.pending = packets_of(answer.body)
        return self.pending.pop(0)


class Person:
    """A user who uses chat's REST operations."""

    def __init__(self, server, scopes=("chat",)):
        self.server = server
        self.id, self.token = server.new_user(scopes)

    def tab(self, **more) -> Client:
        return Client(self.server, self.token, **more)

    def call(self, method: str, target: str, document=None, status: int = 200):
        answer = self.server.bearer(method, f"/chat/threads{target}{'&' if '?' in target else '?'}{VERSION}", self.token,
                                    document)
        assert answer.status == status, answer
        return answer.json() if answer.body else None

    def thread(self, *others: "Person", topic: str = "t") -> str:
        people = [{"communicationIdentifier": {"rawId": one.id}} for one in others]
        made = self.call("POST", "", {"topic": topic, "participants": people}, 201)
        return urllib.parse.quote(made["chatThread"]["id"], safe="")

    def send(self, thread: str, content: str, **more) -> str:
        return self.call("POST", f"/{thread}/messages", {"content": content, **more}, 201)["id"]
