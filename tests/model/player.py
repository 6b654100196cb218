"""Users of chat who do what comes into their heads, and know what must come of it.

Each user is a task with a connection of his own. What concerns one thread happens one after another (the test holds
its lock), what concerns different threads at the same time: so the model of a thread is exact, and the server is
busy. A list of threads runs into changes of other users; what stood still meanwhile is compared."""

import asyncio
import json
import random
import time
import uuid
from collections import deque

from chat_link import Link, Said, VERSION, identifier, thread_path
from listener import Event, Listener
from reference import NEVER, Member, Thread, When, merged

UNKNOWN_THREAD = "19:" + "A" * 43 + "1@thread.v2"
WORDS = ("Grüße", "naïve", "x < y & z", "\"quoted\"", "\\back", "emoji 🎈👩‍👩‍👧", "line\nbreak", "日本語", "tab\t", "100%41", "<b>no</b>")
LIVING = 40      # threads
PATIENCE = 60    # seconds
MESSAGES = 300   # then a thread is deleted sooner than others
CHAT, JOIN, LIMITED = "chat", "chat.join", "chat.join.limited"


def iso(ms: int) -> str:
    """With milliseconds: whole seconds are for what the server says."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


class Wrong(AssertionError):
    """What was wrong, and what was done to the thread before."""


class World:
    """What all users share."""

    def __init__(self, server, seed: int, users: int):
        self.port, self.random = server.http_port, random.Random(seed)
        scopes = [(CHAT,)] * (users // 2) + [(JOIN,)] * (users // 4) + [(LIMITED,)] * (users - users // 2 - users // 4)
        self.users = [Actor(self, i, *server.new_user(one), one[0]) for i, one in enumerate(scopes)]
        self.ghost, _ = server.new_user()
        assert server.signed("DELETE", f"/identities/{self.ghost}?api-version=2023-10-01").status == 204
        other = server.new_resource("elsewhere")
        made = server.signed("POST", "/identities?api-version=2023-10-01", {}, key=other.primary,
                             host=other.host(server.http_port))
        self.foreign = made.json()["identity"]["id"]
        self.threads, self.done, self.number = [], 0, 0
        self.counts, self.creating = {}, 0
        # two feeds for some, as of two devices
        self.feeds = {one.raw: [Listener(self.port, one.link.token) for _ in range(1 + one.index % 2)] for one in self.users}

    def count(self, what: str):
        self.done += 1
        self.counts[what] = self.counts.get(what, 0) + 1

    def text(self) -> str:
        self.number += 1
        return f"{self.random.choice(WORDS)} {self.number}"

    def listeners(self) -> list[Listener]:
        return [one for several in self.feeds.values() for one in several]

    def tell(self, thread: Thread, users, event: Event):
        """These must be told."""
        for user in users:
            for one in self.feeds[user]:
                one.expect(thread.id, event)

    async def play(self, operations: int):
        hearing = [asyncio.create_task(one.run()) for one in self.listeners()]
        await asyncio.wait_for(asyncio.gather(*(one.ready.wait() for one in self.listeners())), PATIENCE)
        playing = asyncio.gather(*(one.run(operations) for one in self.users), self.disturb(operations))
        await asyncio.wait([playing, *hearing], return_when=asyncio.FIRST_COMPLETED)
        for task in hearing:
            if task.done():
                await task
        await playing
        await self.all_heard()
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)

    async def disturb(self, operations: int):
        """Connections die, and come back with what they have heard last."""
        while self.done < operations:
            await asyncio.sleep(0.05)
            self.random.choice(self.listeners()).feed.drop()

    async def all_heard(self):
        end = time.monotonic() + PATIENCE
        while any(one.open_ends() for one in self.listeners()):
            assert time.monotonic() < end, [one.open_ends()[:1000] for one in self.listeners() if one.open_ends()]
            await asyncio.sleep(0.05)


class Room:
    """A thread of the model with its lock, and what was done to it."""

    def __init__(self, thread: Thread, repeat: str | None):
        self.thread, self.repeat = thread, repeat
        self.lock, self.turns, self.log = asyncio.Lock(), 0, deque(maxlen=40)

    def about(self) -> str:
        return f"thread {self.thread.id}, its last requests:\n  " + "\n  ".join(self.log)

    def still(self):
        """None while somebody is at it."""
        return None if self.lock.locked() else self.turns


class Actor:
    def __init__(self, world: World, index: int, raw: str, token: str, scope: str):
        self.world, self.index, self.raw, self.scope = world, index, raw, scope
        self.link, self.random = Link(world.port, token), world.random
        self.room = None

    # -- asking, and what must come of it --

    async def ask(self, method: str, target: str, document=None, headers=None) -> Said:
        said = await self.link.ask(method, target, document, headers)
        if self.room:
            what = "" if document is None else json.dumps(document, ensure_ascii=False)[:200]
            self.room.log.append(f"user {self.index} ({self.scope}) {method} {target} {what} -> {said}"[:600])
        return said

    def refusal(self, scopes=(CHAT, JOIN, LIMITED), reading=False):
        """The status that the caller's scope and place in the thread are worth; None when he may."""
        t = self.room.thread
        if self.scope not in scopes:
            return 403
        if t.deleted:
            return 404
        if self.raw in t.members or (reading and self.raw in t.former):
            return None
        return 403

    @staticmethod
    def expect(said: Said, *statuses: int):
        assert said.status in statuses, f"{said}, wanted {statuses}"
        if said.status >= 400:
            error = said.json()["error"]
            codes = {400: "BadRequest", 403: "Forbidden", 404: "NotFound"}
            assert error["code"] == codes[said.status] and error["message"], said

    async def tried(self, method, more="", document=None, *, ok=200, scopes=(CHAT, JOIN, LIMITED), reading=False,
                    query="", otherwise=None):
        """The answer of one that is served, or None. `otherwise`: what is wrong with the request itself."""
        refusal = self.refusal(scopes, reading) or otherwise
        said = await self.ask(method, thread_path(self.room.thread.id, more, query), document)
        self.expect(said, refusal or ok)
        return None if refusal else said

    # -- one after another --

    async def run(self, operations: int):
        try:
            while self.world.done < operations:
                await self.step()
        finally:
            self.link.close()

    async def step(self):
        world = self.world
        if len(world.threads) + world.creating < LIVING and self.random.random() < 0.5:
            world.creating += 1
            try:
                await self.create()
            finally:
                world.creating -= 1
            return
        if not world.threads or self.random.random() < 0.04:
            return await self.without_a_room()
        room = self.random.choice(world.threads)
        if self.random.random() < 0.9:  # outside he has little to do
            room = next((one for one in self.random.choices(world.threads, k=8) if self.raw in one.thread.members), room)
        async with room.lock:
            self.room = room
            room.turns += 1
            await self.guarded(self.random.choices(self.WHAT, self.HOW_OFTEN)[0])
            self.room = None

    async def guarded(self, do):
        room = self.room
        self.world.count(do.__name__)
        try:
            await do(self)
        except Exception as why:
            raise Wrong(f"{do.__name__} by user {self.index}: {type(why).__name__}: {why}\n{room.about()}") from why

    async def without_a_room(self):
        do = self.random.choices((Actor.threads, Actor.unknown, Actor.bad_create), (6, 1, 1))[0]
        self.world.count(do.__name__)
        await do(self)

    # -- threads --

    def somebody(self, thread: Thread | None) -> Member:
        one = Member(self.random.choice(self.world.users).raw)
        if self.random.random() < 0.5:
            one.name = self.world.text()[:40]
        if self.random.random() < 0.2:
            one.metadata = {"role": self.random.choice(("guest", "nurse"))}
        share = self.random.random()
        known = [m for m in thread.messages if m.id.known] if thread else []
        if share < 0.1:
            one.share_ms, one.share_from = 4102444800000, NEVER
        elif share < 0.35 and known:
            message, later = self.random.choice(known), self.random.randrange(2)
            one.share_ms, one.share_from = message.id.low + later, thread.messages.index(message) + later
        return one

    @staticmethod
    def asked(one: Member) -> dict:
        asked = {"communicationIdentifier": identifier(one.user)}
        if one.name:
            asked["displayName"] = one.name
        if one.metadata:
            asked["metadata"] = one.metadata
        if one.share_ms:
            asked["shareHistoryTime"] = iso(one.share_ms)
        return asked

    def people(self, thread: Thread | None, at_most: int):
        """Who is asked to come, how that is written, and who of them can't."""
        people = [self.somebody(thread) for _ in range(self.random.randrange(1, at_most + 1))]
        asked, invalid = [self.asked(one) for one in people], []
        if self.random.random() < 0.1:
            raw, code = self.random.choice(((self.world.foreign, "403"), (self.world.ghost, "404"), ("4:+14255550123", "400")))
            bad = {"rawId": raw, "phoneNumber": {"value": raw[2:]}} if code == "400" else identifier(raw)
            asked.insert(self.random.randrange(len(asked) + 1), {"communicationIdentifier": bad})
            invalid.append((code, raw))
        return people, asked, invalid

    @staticmethod
    def check_invalid(told: list | None, invalid: list):
        assert [(one["code"], one["target"]) for one in told or []] == invalid, f"invalidParticipants {told}, wanted {invalid}"
        assert all(one["message"] for one in told or [])

    def tell(self, thread, users, kind, **more):
        self.world.tell(thread, users, Event(kind, self.raw, **more))

    async def create(self):
        self.world.count("create")
        people, asked, invalid = self.people(None, 6)
        document = {"topic": self.world.text(), "participants": asked}
        metadata = {"kind": "test", "n": "1"} if self.random.random() < 0.3 else {}
        days = self.random.choice((0, 0, 0, 30, 90))
        if metadata:
            document["metadata"] = metadata
        if days:
            document["retentionPolicy"] = {"kind": "threadCreationDate", "deleteThreadAfterDays": days}
        repeat = str(uuid.UUID(int=self.random.getrandbits(128)))
        said = await self.ask("POST", f"/chat/threads?{VERSION}", document, {"repeatability-request-id": repeat})
        if self.scope != CHAT:
            return self.expect(said, 403)
        self.expect(said, 201)
        made = said.json()
        thread = Thread(made["chatThread"]["id"], self.raw, document["topic"], When(said.low, said.high))
        thread.metadata, thread.days = metadata, days
        thread.check_properties(made["chatThread"])
        self.check_invalid(made.get("invalidParticipants"), invalid)
        creator = next((one for one in people if one.user == self.raw), None) or Member(self.raw)
        thread.join([creator, *people], self.raw, said)
        thread.rename(thread.topic, self.raw, said)
        self.tell(thread, thread.members, "chatThreadCreated", people=set(thread.members), topic=thread.topic)
        self.world.threads.append(Room(thread, repeat))

    async def bad_create(self):
        bad = self.random.choice(({}, {"topic": ""}, {"topic": None}, {"topic": "x" * 251}, {"topic": 5}, {"topic": "x", "participants": 1},
                                  {"topic": "x", "participants": [{}]}, {"topic": "x", "metadata": {"a": 1}},
                                  {"topic": "x", "metadata": {"a": "x" * 1100}}, [], {"topic": "x", "retentionPolicy": {
                                      "kind": "threadCreationDate", "deleteThreadAfterDays": 29}}))
        self.expect(await self.ask("POST", f"/chat/threads?{VERSION}", bad), 403 if self.scope != CHAT else 400)

    async def repeat(self):
        """The request of his that made the thread, again with other words: the same thread, and nothing new."""
        t = self.room.thread
        if t.creator == self.raw and not t.deleted:
            said = await self.ask("POST", f"/chat/threads?{VERSION}", {"topic": "another"},
                                  {"repeatability-request-id": self.room.repeat})
            self.expect(said, 201)
            t.check_made(said.json()["chatThread"], self.raw)
        await self.messages()

    async def properties(self):
        said = await self.tried("GET")
        if said:
            self.room.thread.check_properties(said.json())

    async def update(self):
        t, document = self.room.thread, {}
        if self.random.random() < 0.6:
            document["topic"] = self.world.text()
        if self.random.random() < 0.5:
            document["metadata"] = {self.random.choice("abc"): self.random.choice(("1", "2", "", None))}
        said = await self.tried("PATCH", "", document, ok=204, scopes=(CHAT,))
        if said:
            metadata = merged(t.metadata, document.get("metadata", {}))
            changed = metadata != t.metadata or "topic" in document
            t.metadata = metadata
            if "topic" in document:
                t.rename(document["topic"], self.raw, said)
            if changed:
                self.tell(t, t.members, "chatThreadPropertiesUpdated", topic=t.topic)

    async def bad_update(self):
        bad = self.random.choice(({"topic": None}, {"topic": ""}, {"topic": "x" * 251}, {"metadata": 1}, [],
                                  {"retentionPolicy": {"kind": "never"}}))
        await self.tried("PATCH", "", bad, scopes=(CHAT,), otherwise=400)

    async def delete(self):
        t = self.room.thread
        if len(t.messages) < MESSAGES and self.random.random() < 0.7:
            return await self.messages()
        if await self.tried("DELETE", "", ok=204, scopes=(CHAT,)):
            t.deleted = True
            self.tell(t, t.members, "chatThreadDeleted")
            for do in (Actor.properties, Actor.messages, Actor.send, Actor.members, Actor.list_receipts, Actor.typing):
                await do(self)
            await self.tried("DELETE", "", ok=204, scopes=(CHAT,))
            self.world.threads.remove(self.room)

    async def threads(self):
        """Those that stood still between question and answer; of the others nothing is known."""
        world = self.world
        before = {room: room.still() for room in world.threads}
        query = self.random.choice(("", "maxPageSize=200", "maxPageSize=7", "maxPageSize=3"))
        listed = await self.link.pages(f"/chat/threads?{query + '&' if query else ''}{VERSION}")
        told = {}
        for one in listed:
            told.setdefault(one["id"], []).append(one)
        calm = [room for room, turns in before.items() if turns is not None and room.still() == turns]
        for room in calm:
            t = room.thread
            mine = self.raw in t.members or self.raw in t.former
            assert len(told.get(t.id, [])) == mine, f"thread {t.id} is listed {len(told.get(t.id, []))} times, should be {mine}"
            if mine:
                try:
                    t.check_item(told[t.id][0], self.raw)
                except AssertionError as why:
                    raise Wrong(f"{told[t.id][0]}: {why}; {room.about()}") from why
        known = {room.thread.id for room in calm}
        order = [one["lastMessageReceivedOn"] for one in listed if one["id"] in known]
        assert order == sorted(order, reverse=True), f"not the newest first: {order}"

    async def unknown(self):
        for thread in (UNKNOWN_THREAD, "19:a/b", "19:00000000000000000000000000000000@thread.v2", "x"):
            self.expect(await self.ask("GET", thread_path(thread, "/messages")), 404)
            self.expect(await self.ask("POST", thread_path(thread, "/messages"), {"content": "x"}), 404)

    # -- messages --

    async def send(self):
        t = self.room.thread
        html = self.random.random() < 0.25
        text = f"<p>{self.world.number} <b>x</b></p>" if html else self.world.text()
        document, more = {"content": text}, {}
        if html:
            document["type"] = "html"
        elif self.random.random() < 0.5:
            document["type"] = "text"
        if self.random.random() < 0.5:
            more["name"] = document["senderDisplayName"] = self.world.text()[:30]
        if self.random.random() < 0.2:
            more["metadata"] = document["metadata"] = {"tags": self.world.text(), "deliveryMode": "x"}
        said = await self.tried("POST", "/messages", document, ok=201)
        if said:
            made = t.add("html" if html else "text", self.raw, said, content={"message": text}, **more)
            made.id.see(int(said.json()["id"]), "id")
            self.tell(t, t.members, "chatMessageReceived", message=made)

    async def bad_send(self):
        bad = self.random.choice(({}, {"content": ""}, {"content": 5}, {"content": "x", "type": "topicUpdated"}, [],
                                  {"content": "x", "type": "x"}, {"content": "x", "metadata": {"a": {}}}))
        await self.tried("POST", "/messages", bad, otherwise=400)

    def some_message(self, condition=lambda one: True):
        t = self.room.thread
        mine = t.seen_by(self.raw) if self.raw in t.members or self.raw in t.former else []
        fit = [one for one in mine if one.id.known and condition(one)]
        return self.random.choice(fit[-8:] if self.random.random() < 0.7 else fit) if fit else None

    def own(self, one) -> bool:
        return one.by_user and one.sender == self.raw and not one.deleted

    def harm(self, message, done) -> int | None:
        """What changing this message is worth: `done` is the status when it is his and deleted already."""
        if not message.by_user or message.sender != self.raw:
            return 403
        return done if message.deleted else None

    async def edit(self):
        message = self.some_message(self.own) if self.random.random() < 0.7 else self.some_message()
        if message is None or (message.deleted and message.sender != self.raw):
            return await self.send()
        document = {}
        if self.random.random() < 0.7:
            document["content"] = self.world.text() if message.type == "text" else f"<i>{self.world.number}</i>"
        if self.random.random() < 0.3 or not document:
            document["metadata"] = {"tags": self.random.choice(("x", "y", "")), "more": "z"}
        said = await self.tried("PATCH", f"/messages/{message.own_id}", document, ok=204, otherwise=self.harm(message, 404))
        if said:
            self.room.thread.edit(message, said, document.get("content"), document.get("metadata"))
            self.tell(self.room.thread, self.room.thread.members, "chatMessageEdited", message=message)

    async def bad_edit(self):
        message = self.some_message(self.own)
        if message:
            bad = self.random.choice(({"content": ""}, {"content": 1}, {"metadata": 5}, []))
            await self.tried("PATCH", f"/messages/{message.own_id}", bad, otherwise=400)
        await self.tried("PATCH", "/messages/1234567890123", {"content": "x"}, otherwise=404)

    async def erase(self):
        message = self.some_message(self.own) if self.random.random() < 0.7 else self.some_message()
        if message is None:
            await self.tried("DELETE", "/messages/1234567890123", otherwise=404)
            return
        if message.deleted and message.sender != self.raw:
            return
        wrong = self.harm(message, None)
        said = await self.tried("DELETE", f"/messages/{message.own_id}", ok=204, otherwise=wrong)
        if said and not message.deleted:
            self.room.thread.erase(message, said)
            self.tell(self.room.thread, self.room.thread.members, "chatMessageDeleted", message=message)

    async def one_message(self):
        t = self.room.thread
        known = [one for one in t.messages if one.id.known]
        message = self.random.choice(known) if known and self.random.random() < 0.9 else None
        may = self.refusal(reading=True) is None
        hidden = may and (message is None or message not in t.seen_by(self.raw))
        said = await self.tried("GET", f"/messages/{message.own_id if message else 1234567890123}", reading=True,
                                otherwise=404 if hidden else None)
        if said:
            message.check(said.json())

    async def messages(self, between=None):
        t = self.room.thread
        if self.refusal(reading=True):
            await self.tried("GET", "/messages", reading=True)
            return
        start = self.some_message() if self.random.random() < 0.2 else None
        size = self.random.choice((None, 1, 2, 5, 17, 50, 200, 200, 200, 1000))
        if len(t.messages) > 50 and size in (None, 1, 2, 5):
            size = 17
        query = "&".join(([f"startTime={iso(start.id.low)}"] if start else []) + ([f"maxPageSize={size}"] if size else []))
        wanted = t.latest_first(self.raw, start)

        async def interrupted(first):
            """What comes after shows what is older than the first page, as it now is."""
            nonlocal wanted
            await between()
            shown, lowest = wanted[:len(first)], wanted[len(first) - 1].seq
            for told, message in zip(first, shown, strict=True):
                assert told["id"] == message.own_id or not message.id.known
            bound = int(first[-1]["sequenceId"])
            assert bound == lowest or lowest > bound
            wanted = [None] * len(first) + [one for one in t.latest_first(self.raw, start) if one.seq < bound]

        listed = await self.link.pages(thread_path(t.id, "/messages", query), interrupted if between else None)
        self.room.log.append(f"user {self.index} lists messages, {query}: {[one['sequenceId'] for one in listed][:60]}")
        seqs = [int(one["sequenceId"]) for one in listed]
        right = [one.seq if one else seq for one, seq in zip(wanted, seqs)]
        assert len(seqs) == len(wanted) and seqs == right, f"listed are {seqs}, should be {[one and one.seq for one in wanted]}"
        for one, told in zip(wanted, listed):
            if one:
                one.check(told)

    async def messages_with_changes(self):
        """Somebody sends, edits and deletes while a list is being read."""
        inside = [one for one in self.world.users if one.raw in self.room.thread.members and one is not self]

        async def between():
            for _ in range(2):
                other = self.random.choice(inside)
                twin = Actor(self.world, other.index, other.raw, other.link.token, other.scope)
                twin.room = self.room
                await self.random.choice((Actor.send, Actor.edit, Actor.erase))(twin)
                twin.link.close()

        if inside and self.refusal(reading=True) is None:
            await self.messages(between)

    # -- participants, receipts --

    async def members(self):
        size = self.random.choice((None, 1, 3, 200))
        if self.refusal():
            await self.tried("GET", "/participants")
            return
        skip = self.random.choice((0, 0, 1, 3)) if size == 200 else 0
        query = "&".join(([f"maxPageSize={size}"] if size else []) + ([f"skip={skip}"] if skip else []))
        listed = await self.link.pages(thread_path(self.room.thread.id, "/participants", query))
        if not skip:
            self.room.thread.check_members(listed)
        else:
            assert len(listed) == max(0, len(self.room.thread.members) - skip), f"skip={skip}: {listed}"

    async def add(self):
        t = self.room.thread
        people, asked, invalid = self.people(t, 3)
        said = await self.tried("POST", "/participants/:add", {"participants": asked}, ok=201, scopes=(CHAT, JOIN))
        if said:
            self.check_invalid(said.json().get("invalidParticipants"), invalid)
            came = {one.user for one in t.join(people, self.raw, said)}
            if came:
                self.tell(t, t.members, "participantsAdded", people=came)

    async def bad_add(self):
        bad = self.random.choice(({}, {"participants": 1}, {"participants": [{"displayName": "x"}]}, [],
                                  {"participants": [{"communicationIdentifier": {"rawId": "x", "communicationUser": {"id": "y"}}}]}))
        await self.tried("POST", "/participants/:add", bad, scopes=(CHAT, JOIN), otherwise=400)

    async def remove(self):
        t = self.room.thread
        if len(t.members) < 3 and self.random.random() < 0.8:
            return await self.add()
        who = self.random.choice(self.world.users).raw
        otherwise = None if who in t.members else 404
        said = await self.tried("POST", "/participants/:remove", identifier(who), ok=204, scopes=(CHAT, JOIN), otherwise=otherwise)
        if said:
            t.leave(who, self.raw, said)
            self.tell(t, [*t.members, who], "participantsRemoved", people={who})

    async def typing(self):
        await self.tried("POST", "/typing", self.random.choice((None, {}, {"senderDisplayName": "x"}, {"senderDisplayName": None})))

    async def read(self):
        last = self.room.thread.receipts.get(self.raw, (None,))[0]
        message = self.some_message(lambda one: not one.deleted and self.room.thread.messages.index(one) != last)
        if message is None or self.random.random() < 0.1:
            await self.tried("POST", "/readReceipts", {"chatMessageId": "1234567890123"}, otherwise=404)
            await self.tried("POST", "/readReceipts", {}, otherwise=400)
            return
        said = await self.tried("POST", "/readReceipts", {"chatMessageId": message.own_id})
        if said and self.room.thread.read(self.raw, message, said):
            others = [one for one in self.room.thread.members if one != self.raw]
            self.tell(self.room.thread, others, "readReceiptReceived", message=message)

    async def list_receipts(self):
        if self.refusal():
            await self.tried("GET", "/readReceipts")
            return
        size = self.random.choice((None, 1, 4))
        query = f"maxPageSize={size}" if size else ""
        self.room.thread.check_receipts(await self.link.pages(thread_path(self.room.thread.id, "/readReceipts", query)))

    WHAT, HOW_OFTEN = zip(*((send, 30), (bad_send, 1), (edit, 8), (bad_edit, 1), (erase, 4), (one_message, 8), (messages, 14),
                            (messages_with_changes, 2), (members, 6), (add, 4), (bad_add, 1), (remove, 3), (typing, 2), (read, 6),
                            (list_receipts, 4), (properties, 4), (update, 3), (bad_update, 1), (repeat, 1), (delete, 1)))
