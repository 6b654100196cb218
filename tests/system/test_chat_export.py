"""GET /admin/users/{id}:export: what is kept of chat about a user, and about him alone."""

import json

import pytest
from chat import Person, identifier


def export(server, person: Person) -> list[dict]:
    answer = server.signed("GET", f"/admin/users/{person.id}:export")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/x-ndjson"), answer
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def of_kind(lines: list[dict], kind: str) -> list[dict]:
    return [line for line in lines if line["kind"] == kind]


@pytest.fixture
def pair(server):
    return Person(server), Person(server)


def test_a_user_without_chat_is_one_line(server, pair):
    lines = export(server, pair[0])
    assert [line["kind"] for line in lines] == ["user"] and lines[0]["user"]["id"] == pair[0].id


def test_of_a_deleted_user_what_is_left_is_told(server, pair):
    assert server.signed("DELETE", f"/admin/users/{pair[0].id}").status == 204
    [line] = export(server, pair[0])
    assert line["user"]["id"] == pair[0].id and line["user"]["deletedOn"]


def test_it_tells_of_threads_receipts_and_what_he_sent(server, pair):
    anna, ben = pair
    thread = anna.create("Lunch", ben)
    others = thread.by(ben)
    sent = [thread.send("one \u00fc"), thread.send("two")]
    other = others.send("not hers")
    thread.edit(sent[0], content="one, edited")
    thread.delete(sent[1])
    assert thread.call("POST", "/readReceipts", {"chatMessageId": other}).status == 200
    lines = export(server, anna)
    assert [line["kind"] for line in lines[:2]] == ["user", "chatThread"]
    told = of_kind(lines, "chatThread")
    assert len(told) == 1
    assert told[0]["thread"] == thread.call("GET").json()
    assert told[0]["participant"]["communicationIdentifier"] == identifier(anna.id)
    assert "leftOn" not in told[0]
    receipts = of_kind(lines, "chatReadReceipt")
    assert [(r["threadId"], r["chatMessageId"]) for r in receipts] == [(thread.id, other)]
    messages = {line["message"]["id"]: line["message"] for line in of_kind(lines, "chatMessage")}
    assert other not in messages
    assert messages[sent[0]]["content"]["message"] == "one, edited" and messages[sent[0]]["editedOn"]
    assert messages[sent[1]]["deletedOn"]
    assert not of_kind(export(server, ben), "chatReadReceipt")
    assert [line["message"]["id"] for line in of_kind(export(server, ben), "chatMessage")] == [other]


def test_it_tells_of_threads_that_he_left_and_not_of_deleted_ones(server, pair):
    anna, ben = pair
    left, deleted = anna.create("Left", ben), anna.create("Deleted", ben)
    left.by(ben).send("before I go")
    left.remove(ben)
    left.change(topic="Not his any more", metadata={"k": "v"})
    assert deleted.call("DELETE").status == 204
    lines = export(server, ben)
    [told] = of_kind(lines, "chatThread")
    assert told["thread"]["id"] == left.id and told["leftOn"]
    assert told["thread"]["topic"] == "Left" and "metadata" not in told["thread"]
    assert [line["message"]["content"]["message"] for line in of_kind(lines, "chatMessage")] == ["before I go"]


def test_more_than_a_piece_comes_whole_and_in_order(server, pair):
    anna, ben = pair
    threads = [anna.create(f"Thread {n}", ben) for n in range(3)]
    sent = {thread.id: [thread.send(f"{n}: " + "x" * 20000) for n in range(15)] for thread in threads}
    for thread in threads:
        thread.by(ben).send("not hers")
    sent[threads[1].id] += [threads[1].send(f"short {n}") for n in range(250)]
    lines = export(server, anna)
    told = {}
    for line in of_kind(lines, "chatMessage"):
        if line["message"]["type"] == "text":
            told.setdefault(line["threadId"], []).append(line["message"]["id"])
    assert told == sent
    at = None  # each thread's lines follow the thread's own
    for line in lines[1:]:
        if line["kind"] == "chatThread":
            at = line["thread"]["id"]
        else:
            assert line["threadId"] == at
