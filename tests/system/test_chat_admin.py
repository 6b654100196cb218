"""/admin/chat: what the owner of a resource sees of threads and messages, and that it is noted."""

import time
import urllib.parse
import uuid

import pytest
from chat import Person, identifier, until

AT = "/admin/chat/threads"


def ask(server, target, status=200, method="GET", **options):
    answer = server.signed(method, AT + target, **options)
    assert answer.status == status, answer
    return answer.json() if answer.body else None


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


@pytest.fixture
def pair(server):
    return Person(server), Person(server)


def test_a_thread_is_shown_with_who_is_in_it(server, pair):
    anna, ben = pair
    thread = anna.create("Lunch", ben, metadata={"k": "v"},
                         retentionPolicy={"kind": "threadCreationDate", "deleteThreadAfterDays": 30})
    shown = ask(server, thread.at)
    own = thread.call("GET").json()
    assert {name: shown[name] for name in own} == own
    assert shown["participantCount"] == 2 and shown["lastMessageReceivedOn"]
    assert [p["communicationIdentifier"] for p in shown["participants"]] == [identifier(anna.id), identifier(ben.id)]
    assert server.admin("GET", AT + thread.at).json() == shown


def test_threads_are_listed_newest_first_page_by_page(server, pair):
    anna, ben = pair
    threads = [anna.create(f"t{i}", ben) for i in range(5)]
    ids = [thread.id for thread in reversed(threads)]
    assert [item["id"] for item in ask(server, "?limit=5")["value"]] == ids
    page, seen = ask(server, "?limit=2"), []
    while len(seen) < 5:
        seen += [item["id"] for item in page["value"]]
        page = len(seen) < 5 and server.signed("GET", "/" + page["nextLink"].split("/", 3)[3]).json()
    assert seen[:5] == ids
    since = quoted(threads[2].id)
    assert [item["id"] for item in ask(server, f"?since={since}")["value"]] == ids[:2]
    assert ask(server, "?since=2100-01-01T00:00:00Z")["value"] == []


def test_threads_of_one_user_also_those_that_he_left(server, pair):
    anna, ben = pair
    here, left = anna.create("here", ben), anna.create("left", ben)
    anna.create("without him")
    left.remove(ben)
    first = ask(server, f"?user={quoted(ben.id)}&limit=1")
    assert [item["id"] for item in first["value"]] == [left.id] and "user=" in first["nextLink"]
    rest = server.signed("GET", "/" + first["nextLink"].split("/", 3)[3]).json()
    assert [item["id"] for item in rest["value"]] == [here.id] and "nextLink" not in rest
    for wrong in ("nobody", "8:acs:x", quoted("8:acs:11111111-1111-1111-1111-111111111111_" + "1" * 36)):
        ask(server, f"?user={wrong}", 400)


def test_messages_are_listed_and_waited_for(server, pair):
    anna, ben = pair
    thread = anna.create("talk", ben)
    first = thread.send("one", senderDisplayName="Anna")
    second = thread.by(ben).send("two")
    page = ask(server, f"{thread.at}/messages?limit=2")
    assert [item["id"] for item in page["value"]] == [second, first]
    assert page["value"][1] == thread.message(first)
    rest = server.signed("GET", "/" + page["nextLink"].split("/", 3)[3]).json()
    assert [item["type"] for item in rest["value"]] == ["topicUpdated", "participantAdded"]
    assert [item["id"] for item in ask(server, f"{thread.at}/messages?since={first}")["value"]] == [second]
    assert ask(server, f"{thread.at}/messages?since={second}&wait=50ms")["value"] == []
    began = time.monotonic()
    assert ask(server, f"{thread.at}/messages?wait=30s&count=2&limit=10")["value"] and time.monotonic() - began < 20


def test_deleting_is_by_nobody_and_for_everybody(server, pair):
    anna, ben = pair
    thread = anna.create("gone", ben)
    assert server.signed("DELETE", AT + thread.at).status == 204
    assert thread.call("GET").status == 404 and thread.by(ben).call("GET", "/messages").status == 404
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/messages")):
        ask(server, thread.at + rest, 404, method)
    assert thread.id not in [item["id"] for item in anna.threads()["value"]]


@pytest.mark.parametrize("target", ["/none", "/19%3Ax%40thread.v2", "/" + "a" * 2000, "/none/messages"])
def test_what_is_no_thread_is_not_found(server, target):
    ask(server, target, 404)


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?since=yesterday", "?after=x", "?wait=2h", "?count=x"])
def test_queries_that_make_no_sense_are_refused(server, pair, query):
    ask(server, query, 400)
    thread = pair[0].create("x")
    ask(server, f"{thread.at}/messages{query}", 400)


def test_another_resource_sees_nothing_of_it(server, pair):
    thread = pair[0].create("ours")
    other = server.new_resource(f"r{uuid.uuid4().hex[:12]}")
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/messages")):
        answer = server.signed(method, AT + thread.at + rest, key=other.primary, host=other.host(server.http_port))
        assert answer.status == 404, answer
    answer = server.signed("GET", AT, key=other.primary, host=other.host(server.http_port))
    assert answer.json() == {"value": []}
    theirs = Person(server, of=other).create("theirs")
    assert server.admin("GET", f"{AT}?resource={other.name}").json()["value"][0]["id"] == theirs.id
    ask(server, theirs.at, 404)
    assert thread.call("GET").status == 200


def test_users_are_not_owners(server, pair):
    thread = pair[0].create("mine")
    for target in ("", thread.at, thread.at + "/messages"):
        assert pair[0].call("GET", AT + target).status in (401, 403, 404)


def test_looks_and_deletions_are_noted_without_texts(server, pair):
    thread = pair[0].create("noted")
    thread.send("a text that no log may hold")
    ask(server, f"{thread.at}/messages")
    server.signed("DELETE", AT + thread.at)
    until(lambda: "chat.messages.read" in server.log() and "chat.thread.deleted" in server.log())
    assert "a text that no log" not in server.log() and thread.id not in server.log()
