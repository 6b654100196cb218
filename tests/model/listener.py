"""Feeds of /realtime, held against what the model says that their users must be told: thread by thread, since what happens
in two threads at the same time has no order that the test could know."""

import asyncio
import copy
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from chat_link import Ended, Feed

DELETED = "chatThreadDeleted"
FROM_ROWS = ("chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "readReceiptReceived")  # the log has no text
LOST = (Ended, OSError, asyncio.IncompleteReadError)
SETTLED_S = 2.0  # what an operation that ends so long after `ready` has done was not before it


@dataclass
class Event:
    """What must be told. `live`: what holds only of those who hear it as it happens; later comes the present text."""

    kind: str
    actor: str
    message: object = None  # as it was then
    people: set = field(default_factory=set)
    topic: str | None = None
    missable: bool = False  # it may have happened while nobody heard: then it is told from the store, if it is there yet

    def may_be_gone(self, told: dict) -> bool:
        """Missed, and its thread was taken away before it could be read: what the log keeps by itself is told all the
        same, and comes in its place."""
        about = (told.get("message") or {}).get("id") or (told.get("receipt") or {}).get("chatMessageId")
        return self.missable and self.kind in FROM_ROWS and (told["type"] != self.kind or about != self.message.own_id)

    def check(self, told: dict, live: bool):
        assert told["type"] == self.kind, f"told is {told}, should be {self}"
        if self.message is not None and self.kind != "readReceiptReceived":
            assert told["message"]["id"] == self.message.own_id, f"{told}, should be {self}"
            if live:
                self.message.check(told["message"])
        elif self.kind == "readReceiptReceived":
            receipt = told["receipt"]
            assert receipt["senderCommunicationIdentifier"]["rawId"] == self.actor, f"{told}, should be {self}"
            assert receipt["chatMessageId"] == self.message.own_id, f"{told}, should be {self}"
        else:
            self.check_thread(told, live)

    def check_thread(self, told: dict, live: bool):
        who = [value["rawId"] for name, value in told.items() if name.endswith("ByCommunicationIdentifier")]
        assert who in ([], [self.actor]), f"{told}, should be {self}"
        if self.people:
            named = {one["communicationIdentifier"]["rawId"] for one in told["participants"]}
            assert named == self.people, f"{told}, should be {self}"
        if self.topic is not None and live:
            assert told["thread"]["topic"] == self.topic, f"{told}, should be {self}"


class Listener:
    def __init__(self, port: int, token: str):
        self.port, self.token, self.feed = port, token, None
        self.wanted, self.told = {}, {}  # thread → what is not matched yet
        self.cursor, self.live, self.ready = None, False, asyncio.Event()
        self.live_since = 0.0
        self.counts, self.returns = Counter(), -1

    def expect(self, thread: str, event: Event):
        event = copy.deepcopy(event)
        event.missable = not self.live or time.monotonic() - self.live_since < SETTLED_S
        self.wanted.setdefault(thread, deque()).append(event)
        self.match(thread)

    def match(self, thread: str):
        wanted, told = self.wanted.get(thread), self.told.get(thread)
        while wanted and told:
            if told[0][0]["type"] == DELETED:
                if all(one.kind != DELETED for one in wanted):
                    return  # who deletes it has no answer yet
                while wanted[0].kind != DELETED and wanted[0].missable:  # gone with its thread before it could be read
                    wanted.popleft()
            elif wanted[0].may_be_gone(told[0][0]):
                if all(one["type"] != DELETED for one, _ in told):
                    return  # its end is told soon; if not, open_ends() tells
                self.counts["gone"] += 1
                wanted.popleft()
                continue
            wanted.popleft().check(*told.popleft())

    async def run(self):
        while True:
            self.feed, self.live = Feed(self.port, self.token), False
            try:
                await self.feed.open(self.cursor)
                self.returns += 1
                while True:
                    self.take(await self.feed.hear())
            except LOST:
                pass  # it comes back, and says what it has heard last
            finally:
                self.feed.drop()
                self.live = False
                for one in (one for queue in self.wanted.values() for one in queue):
                    one.missable = True

    def take(self, told: dict):
        kind = told["type"]
        self.counts[kind] += 1
        assert kind != "resync", f"the cursor {self.cursor} can't be followed: {told}"
        if "cursor" in told:
            late = self.cursor is not None and int(told["cursor"]) <= int(self.cursor)
            assert kind == "ready" or not late, f"told twice, or not in order, after {self.cursor}: {told}"
            self.cursor = told["cursor"]
        if kind == "ready":
            self.live, self.live_since = True, time.monotonic()
            self.ready.set()
        elif kind != "typingIndicatorReceived":
            self.told.setdefault(told["threadId"], deque()).append((told, self.live))
            self.match(told["threadId"])

    def open_ends(self) -> str:
        """What was never told, or told and never wanted; empty: nothing."""
        missing = [f"{thread} was not told {queue[0]}" for thread, queue in self.wanted.items() if queue]
        return "; ".join(missing + [f"{thread} was told {queue[0]}" for thread, queue in self.told.items() if queue])
