"""Users of chat who write as fast as they are answered, and remember what was acknowledged; and feeds that come back with
their cursor."""

import asyncio
import itertools
import random
import uuid

from chat_link import VERSION, Ended, Feed, Link, identifier, thread_path

_numbers = itertools.count(1)
LOST = (OSError, asyncio.IncompleteReadError)


class Chat:
    """A thread that one user alone changes. `unsure`: the change that had no answer, and what it may have done."""

    def __init__(self, topic):
        self.topic, self.repeat, self.id = topic, str(uuid.uuid4()), None
        self.messages, self.members, self.read = {}, set(), None  # id → text, None when deleted
        self.changes, self.unsure = 2, None


class Writer:
    """One user with threads of his own, and a seat in the hall, where everybody talks."""

    def __init__(self, user, guests, hall, seed):
        self.raw, self.token = user
        self.guests, self.hall, self.random = guests, hall, random.Random(seed)
        self.chats, self.said, self.acknowledged, self.wrong = [], {}, 0, None  # said: text → id in the hall, None: no answer

    async def ask(self, method, target, document=None, headers=None, wanted=204):
        said = await self.link.ask(method, target, document, headers)
        assert said.status == wanted, f"{method} {target}: {said}, wanted {wanted}"
        self.acknowledged += 1
        return said.json() if said.body else None

    def text(self):
        return f"{self.raw[-12:]} {next(_numbers)}"

    async def create(self):
        chat = Chat(self.text())
        chat.unsure = ("create",)
        self.chats.append(chat)
        await self.make(chat)

    async def make(self, chat):
        """Also again: it is one thread."""
        made = await self.ask("POST", f"/chat/threads?{VERSION}", {"topic": chat.topic},
                              {"repeatability-request-id": chat.repeat}, 201)
        assert chat.id in (None, made["chatThread"]["id"]), "a repeated request made another thread"
        chat.id, chat.unsure, chat.members = made["chatThread"]["id"], None, {self.raw}

    async def change(self, chat, unsure, method, more, document=None, wanted=204, counts=1):
        chat.unsure = unsure
        said = await self.ask(method, thread_path(chat.id, more), document, None, wanted)
        chat.unsure = None
        chat.changes += counts
        return said

    async def send(self, chat):
        text = self.text()
        made = await self.change(chat, ("send", text), "POST", "/messages", {"content": text}, 201)
        chat.messages[made["id"]] = text

    async def edit(self, chat):
        living = [one for one, text in chat.messages.items() if text is not None]
        if living:
            which, text = self.random.choice(living), self.text()
            await self.change(chat, ("edit", which, text), "PATCH", f"/messages/{which}", {"content": text})
            chat.messages[which] = text

    async def erase(self, chat):
        living = [one for one, text in chat.messages.items() if text is not None]
        if living:
            which = self.random.choice(living)
            await self.change(chat, ("erase", which), "DELETE", f"/messages/{which}")
            chat.messages[which] = None

    async def add(self, chat):
        absent = [one for one in self.guests if one not in chat.members]
        if absent:
            who = self.random.choice(absent)
            await self.change(chat, ("add", who), "POST", "/participants/:add",
                              {"participants": [{"communicationIdentifier": identifier(who)}]}, 201)
            chat.members.add(who)

    async def remove(self, chat):
        others = sorted(chat.members - {self.raw})
        if others:
            who = self.random.choice(others)
            await self.change(chat, ("remove", who), "POST", "/participants/:remove", identifier(who))
            chat.members.discard(who)

    async def rename(self, chat):
        topic = self.text()
        await self.change(chat, ("rename", topic), "PATCH", "", {"topic": topic})
        chat.topic = topic

    async def receipt(self, chat):
        newer = [one for one in chat.messages if chat.read is None or int(one) > int(chat.read)]
        if newer:
            which = self.random.choice(newer)
            await self.change(chat, ("read", which), "POST", "/readReceipts", {"chatMessageId": which}, 200, 0)
            chat.read = which

    async def speak(self):
        text = self.text()
        self.said[text] = None
        self.said[text] = (await self.ask("POST", thread_path(self.hall, "/messages"), {"content": text}, None, 201))["id"]

    async def step(self):
        known = [chat for chat in self.chats[-3:] if chat.unsure is None]
        if not known or self.random.random() < 0.05:
            await self.create()
        elif self.random.random() < 0.3:
            await self.speak()
        else:
            do = self.random.choices((self.send, self.edit, self.erase, self.add, self.remove, self.rename, self.receipt),
                                     (10, 4, 2, 2, 2, 1, 3))[0]
            await do(self.random.choice(known))

    async def run(self, port):
        self.link = Link(port, self.token)
        try:
            while True:
                await self.step()
        except LOST:
            pass  # the server is gone
        except AssertionError as why:
            self.wrong = why
        finally:
            self.link.close()


class Listener:
    """A feed of one user that outlives servers: every message that it is told of, in the order of the telling."""

    def __init__(self, user):
        self.token, self.cursor, self.told, self.readies, self.wrong = user[1], None, {}, 0, None

    def begin(self, port):
        """A task of the running loop."""
        self.ready = asyncio.Event()
        return asyncio.create_task(self.run(port))

    async def run(self, port):
        feed = Feed(port, self.token)
        try:
            await feed.open(self.cursor)
            while True:
                self.take(await feed.hear())
        except (Ended, *LOST):
            pass
        except (AssertionError, KeyError) as why:
            self.wrong = why
        finally:
            feed.drop()

    def take(self, told):
        kind = told["type"]
        assert kind != "resync", f"the cursor {self.cursor} can't be followed: {told}"
        if "cursor" in told:
            assert kind == "ready" or self.cursor is None or int(told["cursor"]) > int(self.cursor), f"not in order: {told}"
            self.cursor = told["cursor"]
        if kind == "ready":
            self.readies += 1
            self.ready.set()
        elif kind == "chatMessageReceived":
            self.told.setdefault(told["threadId"], []).append(told["message"]["id"])
