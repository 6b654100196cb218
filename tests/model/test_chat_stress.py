"""Everybody at the same thread, without any order but the server's: what was acknowledged is there exactly once, in one
order for all, and who was not in said nothing."""

import asyncio
import collections
import uuid

import pytest
from chat_link import VERSION, Link, identifier, thread_path

USERS, CONNECTIONS, SENDS = 8, 3, 60


@pytest.fixture(scope="module")
def server():
    from callgate_server import Server

    running = Server().start()
    yield running
    assert running.close() == 0


@pytest.fixture(scope="module")
def users(server):
    return [server.new_user(("chat",)) for _ in range(USERS + 1)]


async def new_thread(link: Link, members, topic="all of them") -> str:
    made = await link.ask("POST", f"/chat/threads?{VERSION}", {
        "topic": topic, "participants": [{"communicationIdentifier": identifier(raw)} for raw in members]})
    assert made.status == 201, made
    return made.json()["chatThread"]["id"]


async def everything(link: Link, thread: str, size: int) -> list:
    return await link.pages(thread_path(thread, "/messages", f"maxPageSize={size}"))


class Hammer:
    """One connection of one user, who sends, edits and deletes his own; `kept`: id → text, None when deleted."""

    def __init__(self, server, thread, user, number):
        self.link, self.thread, self.user, self.number = Link(server.http_port, user[1]), thread, user[0], number
        self.kept, self.changes = {}, 0

    async def ask(self, method, more, document=None, wanted=204):
        said = await self.link.ask(method, thread_path(self.thread, more), document)
        assert said.status == wanted, said
        return said

    async def run(self):
        for i in range(SENDS):
            text = f"{self.number}/{i}"
            made = (await self.ask("POST", "/messages", {"content": text}, 201)).json()["id"]
            assert made not in self.kept, "one id twice"
            self.kept[made] = text
            self.changes += 1
            if i % 5 == 1:
                await self.ask("PATCH", f"/messages/{made}", {"content": text + " edited"})
                self.kept[made] = text + " edited"
                self.changes += 1
            if i % 7 == 3:
                await self.ask("DELETE", f"/messages/{made}")
                self.kept[made] = None
                self.changes += 1
            if i % 10 == 4:
                await self.ask("POST", "/readReceipts", {"chatMessageId": made}, 200)
                await self.ask("POST", "/typing", None, 200)
            if i % 15 == 5:
                self.is_orderly(await everything(self.link, self.thread, 50))
        self.link.close()

    def is_orderly(self, listed):
        """While others write: strictly descending, nothing twice, all of one's own there as one left it."""
        seqs, ids = [int(one["sequenceId"]) for one in listed], [one["id"] for one in listed]
        assert seqs == sorted(set(seqs), reverse=True), "not strictly descending"
        assert len(set(ids)) == len(ids), "a message twice in one list"
        found = {one["id"]: one for one in listed}
        for made, text in self.kept.items():
            assert found[made]["content"]["message"] == (text or ""), (found[made], text)


def is_whole(listed, kept, changes):
    """At the end: each once, as it was left; the numbers are used up to the last one."""
    ids, seqs = [one["id"] for one in listed], [int(one["sequenceId"]) for one in listed]
    assert len(set(ids)) == len(ids) and len(set(seqs)) == len(seqs)
    assert max(seqs) == changes, "each change has a number of its own, and there is no other"
    told = {one["id"]: one["content"]["message"] for one in listed if one["type"] == "text"}
    assert told == {made: text or "" for made, text in kept.items()}
    assert all(("deletedOn" in one) == (kept[one["id"]] is None) for one in listed if one["type"] == "text")


def test_all_write_to_one_thread(server, users):
    async def play():
        links = [Link(server.http_port, token) for _, token in users]
        thread = await new_thread(links[0], [raw for raw, _ in users])
        hammers = [Hammer(server, thread, user, f"{i}-{c}") for i, user in enumerate(users[:USERS]) for c in range(CONNECTIONS)]
        await asyncio.gather(*(one.run() for one in hammers))
        kept = {made: text for one in hammers for made, text in one.kept.items()}
        assert len(kept) == USERS * CONNECTIONS * SENDS, "two messages have one id"
        lists = [await everything(link, thread, size) for link, size in zip(links, (200, 199, 100, 64, 50, 23, 10, 7, 200))]
        assert all(one == lists[0] for one in lists), "not the same order for everybody and every size of page"
        is_whole(lists[0], kept, 2 + sum(one.changes for one in hammers))
        receipts = await links[0].pages(thread_path(thread, "/readReceipts"))
        assert len(receipts) == USERS
        for link in links:
            link.close()

    asyncio.run(play())


def test_who_is_added_and_removed_while_he_writes_said_nothing_outside(server, users):
    """What he was told is accepted stands between his coming and his going."""
    guest, token = users[USERS]

    async def write(thread, stop, accepted):
        link = Link(server.http_port, token)
        while not stop.is_set():
            said = await link.ask("POST", thread_path(thread, "/messages"), {"content": f"guest {len(accepted)}"})
            assert said.status in (201, 403), said
            if said.status == 201:
                accepted.append(said.json()["id"])
        link.close()

    async def porter(thread, stop):
        link = Link(server.http_port, users[0][1])
        for _ in range(40):
            said = await link.ask("POST", thread_path(thread, "/participants/:add"),
                                  {"participants": [{"communicationIdentifier": identifier(guest)}]})
            assert said.status == 201 and said.json() == {}, said
            await asyncio.sleep(0.01)
            said = await link.ask("POST", thread_path(thread, "/participants/:remove"), identifier(guest))
            assert said.status == 204, said
        stop.set()
        link.close()

    async def play():
        owner = Link(server.http_port, users[0][1])
        thread = await new_thread(owner, [users[1][0]])
        stop, accepted = asyncio.Event(), []
        await asyncio.gather(porter(thread, stop), *(write(thread, stop, accepted) for _ in range(4)))
        listed = sorted(await everything(owner, thread, 200), key=lambda one: int(one["id"]))
        inside, said_by_him = False, []
        for one in listed:
            if one["type"].startswith("participant"):
                about = [person["communicationIdentifier"]["rawId"] for person in one["content"]["participants"]]
                if guest in about:
                    inside = one["type"] == "participantAdded"
            elif one.get("senderCommunicationIdentifier", {}).get("rawId") == guest:
                assert inside, f"message {one['id']} was accepted from outside"
                said_by_him.append(one["id"])
        assert sorted(accepted) == sorted(said_by_him) and accepted, "what was acknowledged is what is there"
        owner.close()

    asyncio.run(play())


def test_both_add_the_same_person_and_he_comes_once(server, users):
    async def play():
        links = [Link(server.http_port, token) for _, token in users[:4]]
        for _ in range(15):
            thread = await new_thread(links[0], [raw for raw, _ in users[:4]])
            asked = {"participants": [{"communicationIdentifier": identifier(users[5][0])}]}
            said = await asyncio.gather(*(one.ask("POST", thread_path(thread, "/participants/:add"), asked) for one in links))
            assert all(one.status == 201 for one in said), said
            kinds = collections.Counter(one["type"] for one in await everything(links[0], thread, 50))
            assert kinds == {"participantAdded": 2, "topicUpdated": 1}, kinds
            said = await asyncio.gather(*(one.ask("POST", thread_path(thread, "/participants/:remove"), identifier(users[5][0]))
                                          for one in links))
            assert sorted(one.status for one in said) == [204, 404, 404, 404], said
        for link in links:
            link.close()

    asyncio.run(play())


def test_a_creation_that_is_repeated_at_once_makes_one_thread(server, users):
    async def play():
        links = [Link(server.http_port, users[0][1]) for _ in range(8)]
        for i in range(10):
            header = {"repeatability-request-id": str(uuid.uuid4())}
            said = await asyncio.gather(*(one.ask("POST", f"/chat/threads?{VERSION}", {"topic": f"once {i}"}, header) for one in links))
            assert {one.status for one in said} == {201}, said
            assert len({one.json()["chatThread"]["id"] for one in said}) == 1
        listed = [one["topic"] for one in await links[0].pages(f"/chat/threads?{VERSION}")]
        assert [listed.count(f"once {i}") for i in range(10)] == [1] * 10
        for link in links:
            link.close()

    asyncio.run(play())


def test_a_thread_that_is_deleted_under_everybodys_hands_is_gone_for_all(server, users):
    """Every answer is one of before or one of after, never a mixture."""
    async def hammer(link, thread):
        last = []
        while True:
            said = await link.ask("POST", thread_path(thread, "/messages"), {"content": "x"})
            last.append(said.status)
            if said.status != 201:
                assert said.status == 404, said
                return last

    async def play():
        links = [Link(server.http_port, token) for _, token in users]
        thread = await new_thread(links[0], [raw for raw, _ in users])

        async def delete():
            await asyncio.sleep(0.2)
            said = await asyncio.gather(*(one.ask("DELETE", thread_path(thread)) for one in links[6:]))
            assert sorted(one.status for one in said) == [204, 404, 404], said

        await asyncio.gather(delete(), *(hammer(one, thread) for one in links[:6]))
        for link in links:
            assert (await link.ask("GET", thread_path(thread))).status == 404
            assert thread not in [one["id"] for one in await link.pages(f"/chat/threads?{VERSION}")]
            link.close()

    asyncio.run(play())
