"""What is measured of chat: messages sent and listed by REST. See parts.py."""

import statistics
from base64 import urlsafe_b64encode
from uuid import UUID

import rig
from parts_sms import AT_ONCE, TEXT, against, rates, text_of
from report import Row, quotients, ratio_row, spread

MESSAGES = "/chat/threads/{}/messages?api-version=2025-03-15"
MANY = 1000  # threads
PAGE = 10  # messages of a listed page
FEW = 1000  # stored messages of the small store, in the same number of threads as are hot in the large one
HOT = 10  # threads


class ByToken(rig.Requests):
    """Requests of one user to many targets, with his token."""

    def __init__(self, ours: rig.Ours, token: str, method: str, targets: list[str], document=None):
        super().__init__(ours, method, targets, document)
        self.token = token

    def sign_all(self, host: str) -> None:
        framing = (f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n" if self.body else "")
        requests = [f"{self.method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {self.token}\r\n"
                    f"{framing}\r\n".encode() + self.body for target in self.targets]
        self.path.write_bytes(b"".join(requests))
        lengths = {len(r) for r in requests}
        assert len(lengths) == 1, lengths
        self.length = lengths.pop()


def wire_id(line: str) -> str:
    key, secret = (UUID(word).bytes for word in line.split())
    return f"19:{urlsafe_b64encode(key + secret).decode().rstrip('=')}1@thread.v2"


class Chat:
    """A server whose store holds so many messages in so many threads of one user."""

    def __init__(self, bench: rig.Rig, threads: int, messages: int, program: str = "callgate"):
        ours = bench.ours()
        user = ours.server.new_user()[0]
        bench.done(ours)
        resource, own = user.removeprefix("8:acs:").split("_")
        self.threads = [wire_id(line) for line in
                        bench.seed(ours.data, "chat", resource, own, threads, messages).splitlines()]
        self.ours = bench.ours(program, data=ours.data)
        answer = self.ours.server.signed("POST", f"/identities/{user}/:issueAccessToken?api-version=2023-10-01",
                                         {"scopes": ["chat"]})
        assert answer.status == 200, answer
        self.token = answer.json()["token"]
        self.sends, self.lists = self.requests(self.threads)
        self.hot_sends, self.hot_lists = self.requests(self.threads[::max(1, threads // HOT)])

    def requests(self, threads: list[str]) -> tuple[ByToken, ByToken]:
        """Sends to these threads, and lists of them."""
        targets = [MESSAGES.format(id) for id in threads]
        return (ByToken(self.ours, self.token, "POST", targets,
                        {"content": TEXT, "senderDisplayName": "Somebody", "type": "text"}),
                ByToken(self.ours, self.token, "GET", [f"{target}&maxPageSize={PAGE}" for target in targets]))

    def sent(self, requests: ByToken | None = None) -> dict:
        return self.ours.load(requests or self.sends, status=201, connections=AT_ONCE, slice_s=1)


def chat_send(bench: rig.Rig):
    """Durable at 201."""
    for threads, where in ((1, "one thread"), (MANY, f"{MANY:,} threads")):
        chat, without = Chat(bench, threads, 0), Chat(bench, threads, 0, "callgate-nosync")
        f, a, u = bench.interleave(bench.syncs_per_second, chat.sent, without.sent)
        aims = [min(8 * x, 0.5 * y["rate"]) for x, y in zip(f, u)]
        yield ratio_row(f"durable chat messages in {where} at {AT_ONCE} connections, against min(8 f, 0.5 u)",
                        text_of(rig.medians(a)), f"{statistics.median(aims) / 1000:.1f} k/s",
                        quotients(rates(a), aims), 1.0)
        yield Row("f: 4 KiB write and fdatasync per second", f"{statistics.median(f):.0f} /s", "", None, spread(f))
        yield Row("u: the same without waiting for the disk", text_of(rig.medians(u)), "", None, spread(rates(u)))
        bench.done(chat.ours, without.ours)


def chat_store(bench: rig.Rig):
    """What many stored messages cost."""
    count = min(bench.messages, 1_000_000)
    few, many = Chat(bench, HOT, FEW), Chat(bench, MANY, count)
    name = f"{count:,} stored messages in {MANY:,} threads"
    base, hot, anywhere = bench.interleave(lambda: few.ours.load(few.lists), lambda: many.ours.load(many.hot_lists),
                                           lambda: many.ours.load(many.lists))
    what = f"GET of the {PAGE} newest messages at {name}"
    yield from against(f"{what}, {HOT} hot threads, against {FEW:,} in {HOT}", hot, base, 0.9)
    yield from against(f"{what}, all threads, against {FEW:,} in {HOT}", anywhere, base)
    what = f"POST of a message at {name}"
    # One after the other: the pages that sends to all threads leave in the log are theirs to pay for.
    base, hot = bench.interleave(few.sent, lambda: many.sent(many.hot_sends))
    yield from against(f"{what}, {HOT} hot threads, against {FEW:,} in {HOT}", hot, base, 0.9)
    base, anywhere = bench.interleave(few.sent, many.sent)
    yield from against(f"{what}, all threads, against {FEW:,} in {HOT}", anywhere, base)
    bench.done(few.ours, many.ours)


ALL = {"chat_send": chat_send, "chat_store": chat_store}
