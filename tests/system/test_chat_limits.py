"""The documented limits of chat, which hold with limits = azure alone (chat §2.9)."""

import pytest
from chat import Person, error_of, identifier, participant, path


@pytest.fixture(scope="module")
def limited():
    from callgate_server import Server
    from fixtures import well_ended

    running = Server("--limits", "azure").start()
    yield running
    well_ended(running)


def refused_after(n: int, call, name: str):
    """Exactly so many calls pass; the next is refused in the words of the contract."""
    for at in range(n):
        answer = call()
        assert answer.status < 300, (at, answer)
    answer = call()
    error = error_of(answer, 429, "TooManyRequests", "Rate limit exceeded.")
    assert error["target"] == name
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_threads(limited):
    me, other = Person(limited), Person(limited)
    made = []

    def create():
        answer = me.call("POST", path(), {"topic": "t"})
        if answer.status == 201:
            made.append(answer.json()["chatThread"]["id"])
        return answer

    refused_after(10, create, "create thread: 10 in 10 s per user")
    assert other.create()  # limits are of one user
    refused_after(50, lambda: me.call("GET", path("/" + made[0])), "get thread: 50 in 10 s per user")
    refused_after(50, lambda: me.call("GET", path()), "list threads: 50 in 10 s per user")
    refused_after(10, lambda: me.call("DELETE", path("/" + (made.pop() if made else "x"))), "delete thread: 10 in 10 s per user")


def test_a_thread_is_shared_by_its_members(limited):
    me, other = Person(limited), Person(limited)
    thread = me.create("t", other)
    turns = [0]

    def change():
        turns[0] += 1
        return thread.by((me, other)[turns[0] % 2]).call("PATCH", "", {"topic": str(turns[0])})

    refused_after(5, change, "update thread: 5 in 10 s per thread")
    id = thread.send()
    for _ in range(8):
        thread.by(other).send()
    refused_after(1, lambda: thread.call("PATCH", f"/messages/{id}", {"content": "x"}),
                  "send, edit and delete message: 10 in 10 s per thread")
    assert thread.call("DELETE", f"/messages/{id}").status == 429
    assert me.create("t").send()  # another thread has its own


def test_participants(limited):
    me, other = Person(limited), Person(limited)
    thread = me.create("t")
    calls = [0]

    def swap():
        calls[0] += 1
        if calls[0] % 2:
            return thread.call("POST", "/participants/:add", {"participants": [participant(other.id)]})
        return thread.call("POST", "/participants/:remove", identifier(other.id))

    refused_after(10, swap, "add and remove participants: 10 in 10 s per thread")
    refused_after(10, lambda: thread.call("GET", "/participants"),
                  "list participants: 10 in 10 s per user and thread")


def test_reading(limited):
    me, other = Person(limited), Person(limited)
    thread = me.create("t", other)
    id = thread.send()
    refused_after(50, lambda: thread.call("GET", f"/messages/{id}"), "get message: 50 in 10 s per user and thread")
    refused_after(50, lambda: thread.call("GET", "/messages"), "list messages: 50 in 10 s per user and thread")
    assert thread.by(other).call("GET", "/messages").status == 200
    refused_after(5, lambda: thread.call("GET", "/readReceipts"),
                  "list read receipts: 5 in 10 s per user and thread")
    refused_after(10, lambda: thread.call("POST", "/readReceipts", {"chatMessageId": id}),
                  "send read receipt: 10 in 10 s per user and thread")
    refused_after(5, lambda: thread.call("POST", "/typing"), "typing: 5 in 10 s per user and thread")
    refused_after(5, lambda: thread.by(other).call("POST", "/typing"), "typing: 5 in 10 s per user and thread")


def test_strangers_use_up_nothing(limited):
    me, stranger = Person(limited), Person(limited)
    thread = me.create("t")
    for _ in range(20):
        assert thread.by(stranger).call("POST", "/messages", {"content": "x"}).status == 403
    assert thread.send()


def test_a_factor(fresh_server):
    server = fresh_server("--limits", "azure", "--limits-factor", "2")
    me = Person(server)
    refused_after(20, lambda: me.call("POST", path(), {"topic": "t"}), "create thread: 10 in 10 s per user")


def test_no_limits_by_default(server):
    thread = Person(server).create("t")
    for _ in range(40):
        thread.send()
