"""Deleting a user: he leaves every thread, and what he said, his name and his receipts go with him (chat §2.10)."""

import concurrent.futures
import json
import time
import uuid

import pytest
from chat import Person, identifier, participant, until
from realtime import Ear
from subscribing import PATH, subscribe
from test_chat_events import Told
from webhook import Webhook

WIRE, ADMIN = "/identities/{}?api-version=2023-10-01", "/admin/users/{}"


def delete(server, who: Person, route: str = WIRE):
    assert server.signed("DELETE", route.format(who.id)).status == 204


def ids_in(thread) -> list[str]:
    return [one["communicationIdentifier"]["rawId"] for one in thread.page("participants")["value"]]


def export(server, who: Person) -> list[dict]:
    answer = server.signed("GET", f"/admin/users/{who.id}:export")
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def forgotten(server, who: Person) -> bool:
    """Whether nothing is kept of him but that he was there."""
    return [line["kind"] for line in export(server, who)] == ["user"]


@pytest.mark.parametrize("route", (WIRE, ADMIN))
def test_he_leaves_and_what_he_said_goes(server, route):
    anna, ben = Person(server), Person(server)
    thread = anna.create("Lunch", participant(ben.id, "Ben", metadata={"seat": "window"}))
    his = thread.by(ben)
    sent, other = his.send("mine", senderDisplayName="Ben", metadata={"k": "v"}), thread.send("hers")
    gone = his.send("taken back", senderDisplayName="Ben")
    his.delete(gone)
    assert his.call("POST", "/readReceipts", {"chatMessageId": other}).status == 200
    assert thread.page("readReceipts")["value"]
    delete(server, ben, route)
    assert ben.call("GET", "/chat/threads?api-version=2025-03-15").status == 401
    until(lambda: forgotten(server, ben))
    assert ids_in(thread) == [anna.id]
    message = thread.message(sent)
    assert message["content"]["message"] == "" and message["deletedOn"]
    assert message["senderCommunicationIdentifier"] == identifier(ben.id)
    assert "senderDisplayName" not in message and "metadata" not in message
    assert "senderDisplayName" not in thread.message(gone)
    assert thread.message(other)["content"]["message"] == "hers"
    assert thread.page("readReceipts")["value"] == []
    texts = json.dumps(thread.all())
    assert "Ben" not in texts and "window" not in texts and "mine" not in texts


def test_he_leaves_by_himself_as_lists_tell_it(server):
    anna, ben = Person(server), Person(server)
    thread = anna.create("Lunch", participant(ben.id, "Ben"))
    delete(server, ben)
    until(lambda: forgotten(server, ben))
    newest = thread.page()["value"][0]
    assert newest["type"] == "participantRemoved"
    assert newest["content"]["initiatorCommunicationIdentifier"] == identifier(ben.id)
    assert [one["communicationIdentifier"] for one in newest["content"]["participants"]] == [identifier(ben.id)]
    [added] = [one for one in thread.all() if one["type"] == "participantAdded"]
    told = {one["communicationIdentifier"]["rawId"]: one for one in added["content"]["participants"]}
    assert told.keys() == {anna.id, ben.id} and "displayName" not in told[ben.id]


def test_the_others_hear_of_it_in_order(server):
    anna, ben = Person(server), Person(server)
    threads = [anna.create(f"Thread {n}", ben) for n in range(3)]
    sent = {thread.id: [thread.by(ben).send(text) for text in ("one", "two")] for thread in threads}
    ear, own = Ear(server, anna), Ear(server, ben)
    delete(server, ben)
    assert own.end()[0] == 4401
    heard = ear.hear(9)
    for thread in threads:
        told = [event for event in heard if event["threadId"] == thread.id]
        assert [event["type"] for event in told] == ["participantsRemoved", *["chatMessageDeleted"] * 2]
        assert told[0]["removedByCommunicationIdentifier"] == identifier(ben.id)
        assert [event["message"]["id"] for event in told[1:]] == sent[thread.id]
        assert all(event["message"]["content"] == {"message": ""} for event in told[1:])
    assert [event["type"] for event in heard[:3]] == ["participantsRemoved"] * 3  # from all, before his messages go
    until(lambda: forgotten(server, ben))
    ear.hears_nothing()


def test_webhooks_are_told_as_if_he_had_left(server):
    anna, ben, cleo = (Person(server) for _ in range(3))
    thread = anna.create("Lunch", participant(ben.id, "Ben"), cleo)
    sent = thread.by(ben).send("mine", senderDisplayName="Ben")
    name = f"c-{uuid.uuid4().hex[:12]}"
    with Webhook() as hook:
        subscribe(server, name, hook)
        try:
            delete(server, ben)
            told = Told(hook, thread)
            told.wait(6)
            [removed] = told.of("ChatThreadParticipantRemoved")
            assert removed["data"]["removedByCommunicationIdentifier"]["rawId"] == ben.id
            person = removed["data"]["participantRemoved"]
            assert person["participantCommunicationIdentifier"]["rawId"] == ben.id and person["displayName"] == ""
            each = told.of("ChatParticipantRemovedFromThreadWithUser")
            assert {one["data"]["recipientCommunicationIdentifier"]["rawId"] for one in each} == {anna.id, cleo.id}
            [gone] = told.of("ChatMessageDeletedInThread")
            assert gone["data"]["messageId"] == sent and gone["data"]["senderDisplayName"] == ""
            assert len(told.of("ChatMessageDeleted")) == 2
            assert len(told.all()) == 6
        finally:
            server.signed("DELETE", f"{PATH}/{name}")


def test_threads_that_he_had_left_are_seen_to_as_well(server):
    anna, ben = Person(server), Person(server)
    thread = anna.create("Left", participant(ben.id, "Ben"))
    sent = thread.by(ben).send("before I go")
    thread.remove(ben)
    count = len(thread.all())
    delete(server, ben)
    until(lambda: forgotten(server, ben))
    assert thread.message(sent)["content"]["message"] == ""
    assert len(thread.all()) == count and "Ben" not in json.dumps(thread.all())


def test_an_empty_thread_stays_and_a_deleted_one_does_not_hinder(server):
    anna, ben = Person(server), Person(server)
    alone, deleted = ben.create("alone"), anna.create("deleted", ben)
    assert deleted.call("DELETE").status == 204
    delete(server, ben)
    until(lambda: forgotten(server, ben))
    answer = server.signed("GET", f"/admin/chat/threads/{alone.at[1:]}")
    assert answer.status == 200 and answer.json()["participants"] == [], answer


def test_his_external_id_goes_with_him(server):
    name = f"ext-{uuid.uuid4().hex}"
    made = server.signed("POST", "/admin/users", {"externalId": name}).json()
    assert server.signed("DELETE", f"/admin/users/{made['id']}").status == 204
    [line] = [json.loads(one) for one in
              server.signed("GET", f"/admin/users/{made['id']}:export").body.decode().splitlines()]
    assert line["user"]["deletedOn"] and name not in json.dumps(line)


def test_in_many_threads_with_many_messages_all_is_seen_to(server):
    """More threads, and more messages in one, than one step takes."""
    anna, ben = Person(server), Person(server)
    threads = [anna.create(f"Thread {n}", ben) for n in range(150)]
    sent = [threads[7].by(ben).send(f"text {n}") for n in range(150)]
    kept = threads[7].send("hers")
    delete(server, ben)
    until(lambda: forgotten(server, ben))
    assert all(ids_in(thread) == [anna.id] for thread in threads)
    messages = {one["id"]: one for one in threads[7].all() if one["type"] == "text"}
    assert all(messages[id]["content"]["message"] == "" for id in sent) and messages[kept]["content"]["message"] == "hers"


def test_a_kill_in_the_midst_is_made_good_at_start(fresh_server):
    server = fresh_server()
    anna, ben = Person(server), Person(server)
    threads = [anna.create(f"Thread {n}", participant(ben.id, "Ben")) for n in range(100)]
    for thread in threads[:40]:
        thread.by(ben).send("mine")
    delete(server, ben)
    for _ in range(5):
        server.kill()
        server.start()
    until(lambda: forgotten(server, ben))
    for thread in threads:
        listed = thread.all()
        assert ids_in(thread) == [anna.id]
        assert [one["type"] for one in listed].count("participantRemoved") == 1
        assert "mine" not in json.dumps(listed) and "Ben" not in json.dumps(listed)


def test_who_lives_again_leaves_nothing_more(fresh_server):
    """A seed brings him back while his leaving is under way; who is deleted after him is seen to after him."""
    server = fresh_server("--chat-mark-active")
    anna = Person(server)

    def seed(document) -> int:
        return server.admin("POST", "/admin/seed", document).status

    def revive(guid: str):
        """As soon as he is dead."""
        end = time.monotonic() + 30
        while seed({"users": [{"id": guid}]}) != 201:
            assert time.monotonic() < end

    def active(who) -> int:
        return sum(one["isActive"] for one in who.threads(maxPageSize=200)["value"])

    for _ in range(20):
        ben, cleo = Person(server), Person(server)
        guids = [one.id.rsplit("_", 1)[1] for one in (anna, ben)]
        thread = {"topic": "Lunch", "participants": [{"user": guid} for guid in guids]}
        assert seed({"chat": {"threads": [thread] * 20}}) == 201
        anna.create("another", cleo)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            back = pool.submit(revive, guids[1])
            delete(server, ben)
            back.result()
        ben = ben.with_scopes("chat")
        left = active(ben)
        delete(server, cleo)
        until(lambda: forgotten(server, cleo))
        assert active(ben) == left


def test_a_user_of_the_same_guid_in_another_resource_stays(fresh_server):
    server = fresh_server()
    assert server.admin("POST", "/admin/resources", {"name": "second"}).status == 201
    anna, ben = Person(server), Person(server)
    own = anna.create("own", ben)
    own.by(ben).send("his")
    [resource] = [one["id"] for one in server.admin("GET", "/admin/resources").json()["value"] if one["name"] == "second"]
    twin = f"8:acs:{resource}_{ben.id.rsplit('_', 1)[1]}"
    assert server.admin("POST", "/admin/users?resource=second", {"id": twin}).status == 201
    assert server.admin("DELETE", f"/admin/users/{twin}?resource=second").status == 204
    lone = Person(server)
    other = anna.create("other", lone)
    delete(server, lone)
    until(lambda: forgotten(server, lone))
    assert ids_in(other) == [anna.id]
    assert ids_in(own) == [anna.id, ben.id] and own.by(ben).send("still here")
