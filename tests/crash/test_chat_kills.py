"""kill -9 at random moments in the midst of conversations: what was acknowledged is there exactly once and in order, its
numbers are used up without gaps, and a feed that comes back with its cursor has missed nothing and hears nothing twice."""

import asyncio
import os
import random
import sqlite3
from pathlib import Path

import pytest
from callgate_server import Server
from chat_link import VERSION, Link, identifier, thread_path

from chat_writers import Listener, Writer

KILLS = int(os.environ.get("CALLGATE_KILLS", "200"))
SEED = int(os.environ.get("CALLGATE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
WRITERS, GUESTS, LISTENERS = 6, 3, 3
PER_SERVER = 25  # then a new data directory, so that checks stay short
PATIENCE = int(os.environ.get("CALLGATE_PATIENCE", "60"))


class Scene:
    """A server's people and the hall, through all of its lives."""

    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.writers_users = [server.new_user(("chat",)) for _ in range(WRITERS)]
        self.guests = [server.new_user(("chat",))[0] for _ in range(GUESTS)]
        listeners = [server.new_user(("chat",)) for _ in range(LISTENERS)]
        self.hall = asyncio.run(self.make_hall([raw for raw, _ in self.writers_users + listeners]))
        self.writers, self.spoken, self.old = [], {}, []  # spoken: text → id, None when there was no answer
        self.listeners = [Listener(user) for user in listeners + self.writers_users[:1]]
        self.acknowledged = self.checked = self.talk = 0

    async def make_hall(self, people):
        link = Link(self.server.http_port, self.writers_users[0][1])
        made = await link.ask("POST", f"/chat/threads?{VERSION}", {
            "topic": "the hall", "participants": [{"communicationIdentifier": identifier(raw)} for raw in people]})
        link.close()
        assert made.status == 201, made
        return made.json()["chatThread"]["id"]

    async def life(self):
        """Load, and a kill in the midst of it."""
        port = self.server.http_port
        feeds = [one.begin(port) for one in self.listeners]
        if self.random.random() < 0.7 or not all(one.cursor for one in self.listeners):  # else it dies while they are coming back
            await asyncio.wait_for(asyncio.gather(*(one.ready.wait() for one in self.listeners)), PATIENCE)
        self.writers = [Writer(user, self.guests, self.hall, self.random.random()) for user in self.writers_users]
        tasks = [asyncio.create_task(one.run(port)) for one in self.writers]
        await asyncio.sleep(self.random.uniform(0.005, 0.25))
        self.server.kill()
        await asyncio.wait_for(asyncio.gather(*tasks, *feeds), PATIENCE)
        for one in (*self.writers, *self.listeners):
            assert one.wrong is None, one.wrong
        self.acknowledged += sum(one.acknowledged for one in self.writers)

    async def check(self):
        for writer in self.writers:
            writer.link = Link(self.server.http_port, writer.token)
            for chat in writer.chats:
                await check_chat(writer, chat)
            self.checked += len(writer.chats)
            assert not self.spoken.keys() & writer.said.keys()
            self.spoken.update(writer.said)
        for writer, chat in self.random.sample(self.old, min(5, len(self.old))):
            writer.link = Link(self.server.http_port, writer.token)
            await check_chat(writer, chat)
            writer.link.close()
        for writer in self.writers:
            self.old += [(writer, chat) for chat in writer.chats]
            writer.link.close()

    async def check_hall(self):
        """Everything that was said, once, in one order; and the feeds have heard just that."""
        link = Link(self.server.http_port, self.writers_users[0][1])
        listed = await link.pages(thread_path(self.hall, "/messages", "maxPageSize=200"))
        link.close()
        assert [int(one["sequenceId"]) for one in listed] == list(range(len(listed), 0, -1)), "numbers with gaps"
        said = [one for one in reversed(listed) if one["type"] == "text"]
        ids = [one["id"] for one in said]
        assert [int(one) for one in ids] == sorted({int(one) for one in ids}), "ids out of order, or twice"
        found = {}
        for one in said:
            assert found.setdefault(one["content"]["message"], one["id"]) == one["id"], f"twice in the hall: {one}"
        assert found.keys() <= self.spoken.keys(), "said by nobody"
        for text, known in self.spoken.items():
            assert known is None or found.get(text) == known, f"{text!r} was acknowledged as {known}, and is {found.get(text)}"
        await self.all_heard(ids)
        self.talk = len(ids)

    async def all_heard(self, ids):
        feeds = [one.begin(self.server.http_port) for one in self.listeners]
        try:
            await asyncio.wait_for(asyncio.gather(*(one.ready.wait() for one in self.listeners)), PATIENCE)
            for one in self.listeners:
                assert one.wrong is None, one.wrong
                heard = one.told.get(self.hall, [])
                assert heard == ids, f"a feed heard {len(heard)} of {len(ids)}: {first_difference(heard, ids)}"
        finally:
            for task in feeds:
                task.cancel()
            await asyncio.gather(*feeds, return_exceptions=True)


def first_difference(heard, ids):
    at = next((i for i, pair in enumerate(zip(heard, ids)) if pair[0] != pair[1]), min(len(heard), len(ids)))
    return f"from place {at} on {heard[at:at + 3]}, should be {ids[at:at + 3]}"


async def check_chat(writer, chat):
    """A thread as its only writer was told; the one change without an answer is there whole, or not at all."""
    if chat.id is None:
        await writer.make(chat)
        listed = await writer.link.pages(f"/chat/threads?maxPageSize=200&{VERSION}")
        assert [one["topic"] for one in listed].count(chat.topic) == 1, "one request made two threads"
    listed = await writer.link.pages(thread_path(chat.id, "/messages", "maxPageSize=200"))
    members = {one["communicationIdentifier"]["rawId"] for one in await writer.link.pages(thread_path(chat.id, "/participants"))}
    receipts = await writer.link.pages(thread_path(chat.id, "/readReceipts"))
    topic = (await writer.link.ask("GET", thread_path(chat.id))).json()["topic"]
    told = {one["id"]: None if "deletedOn" in one else one["content"]["message"] for one in reversed(listed) if one["type"] == "text"}
    read = receipts[0]["chatMessageId"] if receipts else None
    settle(chat, told, members, topic, read)
    assert told == chat.messages, f"messages are {told}, should be {chat.messages}"
    assert members == chat.members, f"participants are {members}, should be {chat.members}"
    assert (topic, read) == (chat.topic, chat.read), f"{(topic, read)}, should be {(chat.topic, chat.read)}"
    seqs = [int(one["sequenceId"]) for one in listed]
    assert seqs == sorted(set(seqs), reverse=True), f"numbers that are not one for each message: {seqs}"
    assert seqs[0] == chat.changes, f"the last number is {seqs[0]}, there were {chat.changes} changes"
    by_id = [one["id"] for one in sorted(listed, key=lambda one: int(one["id"])) if one["type"] == "text"]
    assert by_id == list(chat.messages), "not in the order in which they were acknowledged"


def settle(chat, told, members, topic, read):
    """Of the change without an answer: whether it happened."""
    kind, *what = chat.unsure or (None,)
    done, counts = False, 1
    if kind == "send":
        new = [one for one, text in told.items() if text == what[0] and one not in chat.messages]
        assert len(new) <= 1, "one request, two messages"
        done = bool(new)
        chat.messages.update({one: what[0] for one in new})
    elif kind == "edit" and told.get(what[0]) == what[1]:
        done, chat.messages[what[0]] = True, what[1]
    elif kind == "erase" and told.get(what[0], "") is None:
        done, chat.messages[what[0]] = True, None
    elif kind in ("add", "remove") and (what[0] in members) == (kind == "add"):
        done = True
        chat.members ^= {what[0]}
    elif kind == "rename" and topic == what[0]:
        done, chat.topic = True, topic
    elif kind == "read" and read == what[0]:
        done, counts, chat.read = True, 0, read
    chat.changes += counts if done else 0
    chat.unsure = None


def nothing_is_half_made(store: Path):
    """Of the rows themselves."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.parametrize("round", range((KILLS + PER_SERVER - 1) // PER_SERVER))
def test_chat_kills(round):
    kills = min(PER_SERVER, KILLS - round * PER_SERVER)
    print(f"CALLGATE_SEED={SEED} round {round}: {kills} kills")
    server = Server().start()
    scene = None
    try:
        scene = Scene(server, SEED + round)
        for _ in range(kills):
            asyncio.run(scene.life())
            server.start()
            asyncio.run(scene.check())
            asyncio.run(scene.check_hall())
        assert server.stop() == 0
        nothing_is_half_made(Path(server.data) / "callgate.db")
    finally:
        if scene:
            print(f"{scene.acknowledged} acknowledged writes, {scene.checked} threads checked, {scene.talk} messages in the hall, "
                  f"{sum(one.readies for one in scene.listeners)} times a feed was ready")
        server.close()
    assert scene.acknowledged > kills and scene.talk > kills, "there was load"
