"""Events of chat at a webhook: what is told to whom, in both schemas, in order, and by retention."""

import uuid

import pytest
from chat import Person, identifier, metric, participant, until
from subscribing import CLOUD, GRID, PATH, advance, listed, subscribe
from webhook import Webhook

P = "Microsoft.Communication."
USER = {"ChatMessageReceived", "ChatMessageEdited", "ChatMessageDeleted", "ChatThreadCreatedWithUser",
        "ChatThreadWithUserDeleted", "ChatThreadPropertiesUpdatedPerUser", "ChatParticipantAddedToThreadWithUser",
        "ChatParticipantRemovedFromThreadWithUser"}
THREAD = {"ChatMessageReceivedInThread", "ChatMessageEditedInThread", "ChatMessageDeletedInThread", "ChatThreadCreated",
          "ChatThreadDeleted", "ChatThreadPropertiesUpdated", "ChatThreadParticipantAdded",
          "ChatThreadParticipantRemoved"}


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


@pytest.fixture
def name(server):
    one = f"c-{uuid.uuid4().hex[:12]}"
    yield one
    server.signed("DELETE", f"{PATH}/{one}")


class Told:
    """What a webhook got of one thread, once there is so much."""

    def __init__(self, hook, thread):
        self.hook, self.thread = hook, thread

    def all(self) -> list[dict]:
        return [event for event in self.hook.events() if event["data"].get("threadId") == self.thread.id]

    def wait(self, count: int) -> list[dict]:
        return until(lambda: (found := self.all()) and len(found) >= count and found)

    def of(self, type: str) -> list[dict]:
        return [event for event in self.all() if (event.get("eventType") or event["type"]) == P + type]


def test_a_message_to_ten_makes_one_event_and_nine(server, hook, name):
    people = [Person(server) for _ in range(10)]
    thread = people[0].create("ten", *people[1:])
    subscribe(server, name, hook)
    id = thread.send("hello", senderDisplayName="Anna", metadata={"k": "v"})
    told = Told(hook, thread)
    events = told.wait(10)
    assert len(events) == 10
    assert len({event["id"] for event in events}) == 10 and all(uuid.UUID(event["id"]) for event in events)
    assert all(event["dataVersion"] == "1.0" and event["metadataVersion"] == "1" for event in events)
    assert len({event["data"]["transactionId"] for event in events}) == 1
    (one,) = told.of("ChatMessageReceivedInThread")
    at = f"thread/{thread.id}/sender/{people[0].id}"
    assert one["subject"] == at
    assert {**one["data"], "transactionId": ""} == {
        "messageBody": "hello", "messageId": id, "metadata": {"k": "v"}, "senderDisplayName": "Anna",
        "senderCommunicationIdentifier": identifier(people[0].id), "composeTime": one["data"]["composeTime"],
        "type": "Text", "version": id, "transactionId": "", "threadId": thread.id}
    each = told.of("ChatMessageReceived")
    assert {event["subject"] for event in each} == {f"{at}/recipient/{person.id}" for person in people[1:]}
    for event in each:
        data = event["data"]
        assert data["version"] == int(id) and data["senderId"] == people[0].id
        assert data["recipientCommunicationIdentifier"] == identifier(data["recipientId"])


@pytest.mark.parametrize("schema", [GRID, CLOUD])
def test_the_life_of_a_thread_makes_every_type(server, hook, name, schema):
    anna, ben, cleo = (Person(server) for _ in range(3))
    subscribe(server, name, hook, schema=schema, maxEventsPerBatch=100)
    thread = anna.create("Lunch", participant(anna.id, "Anna"), participant(ben.id, "Ben"))
    id = thread.send("one", type="html")
    thread.edit(id, content="two")
    thread.delete(id)
    thread.change(topic="Dinner")
    thread.add(participant(cleo.id, "Cleo"))
    thread.remove(ben)
    thread.call("POST", "/typing", {})
    thread.by(cleo).call("POST", "/readReceipts", {"chatMessageId": id})
    assert thread.call("DELETE").status == 204
    told = Told(hook, thread)
    events = told.wait(18)
    kind, when = ("eventType", "eventTime") if schema == GRID else ("type", "time")
    types = [event[kind].removeprefix(P) for event in events]
    assert set(types) == USER | THREAD
    assert len(events) == 18, types  # 8 of the thread; of users one each, but two when somebody comes or leaves
    assert all(len(event[when].split(".")[1]) == len("1234567Z") for event in events)
    if schema == CLOUD:
        assert all(event["specversion"] == "1.0" and "/providers/" in event["source"] for event in events)
    (created,) = told.of("ChatThreadCreatedWithUser")
    assert created["data"]["recipientId"] == ben.id and created["data"]["createdBy"] == anna.id
    assert created["data"]["properties"] == {"topic": "Lunch"}
    assert created["data"]["members"] == [{"displayName": "Anna", "memberId": anna.id},
                                          {"displayName": "Ben", "memberId": ben.id}]
    assert created["data"]["participants"] == [
        {"displayName": "Anna", "participantCommunicationIdentifier": identifier(anna.id)},
        {"displayName": "Ben", "participantCommunicationIdentifier": identifier(ben.id)}]
    assert told.of("ChatMessageReceivedInThread")[0]["data"]["type"] == "RichText/Html"
    (edited,) = told.of("ChatMessageEdited")
    assert edited["data"]["messageBody"] == "two" and edited["data"]["editTime"]
    (deleted,) = told.of("ChatMessageDeletedInThread")
    assert "messageBody" not in deleted["data"] and "metadata" not in deleted["data"] and deleted["data"]["deleteTime"]
    added = told.of("ChatParticipantAddedToThreadWithUser")
    assert {event["subject"] for event in added} == {
        f"thread/{thread.id}/participantAdded/{cleo.id}/recipient/{person.id}" for person in (ben, cleo)}
    assert all("recipientId" not in event["data"] for event in added)
    removed = told.of("ChatParticipantRemovedFromThreadWithUser")
    assert {event["subject"].rsplit("/", 1)[1] for event in removed} == {ben.id, cleo.id}
    assert removed[0]["data"]["participantRemoved"]["displayName"] == "Ben"
    (gone,) = told.of("ChatThreadWithUserDeleted")
    assert gone["data"]["deletedBy"] == anna.id and gone["data"]["recipientId"] == cleo.id


def test_a_batch_has_the_order_of_what_happened(server, hook, name):
    anna, ben = Person(server), Person(server)
    thread = anna.create("order", ben)
    subscribe(server, name, hook, includedEventTypes=[P + "ChatMessageReceivedInThread"], maxEventsPerBatch=1000)
    ids = [(thread if i % 2 else thread.by(ben)).send(f"{i}") for i in range(40)]
    events = Told(hook, thread).wait(40)
    came = [event["data"]["messageId"] for event in events]
    assert sorted(came) == sorted(ids) and ids == sorted(ids)
    for got in hook.of():
        batch = [event["data"]["messageId"] for event in got.events()]
        assert batch == sorted(batch)


def test_filters_choose_a_thread_a_recipient_and_a_type(server, hook, name):
    anna, ben, cleo = (Person(server) for _ in range(3))
    thread = anna.create("filters", ben, cleo)
    subscribe(server, name, hook, includedEventTypes=[P + "ChatMessageReceived"],
              subjectBeginsWith=f"thread/{thread.id}", subjectEndsWith=f"recipient/{ben.id}")
    anna.create("another", ben).send("no")
    thread.send("yes")
    told = Told(hook, thread)
    (event,) = told.wait(1)
    assert event["data"]["messageBody"] == "yes" and hook.events() == [event]


def test_who_caused_it_is_not_told_and_who_left_is(server, hook, name):
    anna, ben = Person(server), Person(server)
    thread = anna.create("leaving", ben)
    subscribe(server, name, hook)
    thread.by(ben).remove(ben)
    told = Told(hook, thread)
    told.wait(2)
    (event,) = told.of("ChatParticipantRemovedFromThreadWithUser")
    assert event["subject"].endswith(f"/recipient/{anna.id}")
    assert event["data"]["removedByCommunicationIdentifier"] == identifier(ben.id)


def test_what_is_repeated_or_changes_nothing_is_not_told(server, hook, name):
    anna, ben = Person(server), Person(server)
    subscribe(server, name, hook)
    again = {"repeatability-request-id": str(uuid.uuid4())}
    thread = anna.create("once", ben, headers=again)
    assert anna.create("once", ben, headers=again).id == thread.id
    thread.add(ben)
    thread.change()
    thread.send("last")
    told = Told(hook, thread)
    told.wait(4)
    assert sorted(event["eventType"].removeprefix(P) for event in told.all()) == [
        "ChatMessageReceived", "ChatMessageReceivedInThread", "ChatThreadCreated", "ChatThreadCreatedWithUser"]


def test_retention_tells_all_and_names_nobody(fresh_server, hook, name):
    server = fresh_server()
    anna, ben = Person(server), Person(server)
    thread = anna.create("short", ben, retentionPolicy={"kind": "threadCreationDate", "deleteThreadAfterDays": 30})
    subscribe(server, name, hook)
    advance(server, "721h")
    told = Told(hook, thread)
    events = told.wait(3)
    assert len(events) == 3
    (gone,) = told.of("ChatThreadDeleted")
    assert set(gone["data"]) == {"deleteTime", "createTime", "version", "transactionId", "threadId"}
    each = told.of("ChatThreadWithUserDeleted")
    assert {event["data"]["recipientId"] for event in each} == {anna.id, ben.id}
    assert all("deletedBy" not in event["data"] for event in each)


def test_two_hundred_who_come_at_once_are_told_in_portions(server, hook, name):
    """49,800 events for each subscription, of which one recipient's are asked for."""
    anna, ben = Person(server), Person(server)
    thread = anna.create("crowd", ben, *(participant(server.new_user()[0]) for _ in range(48)))
    subscribe(server, name, hook, includedEventTypes=[P + "ChatParticipantAddedToThreadWithUser"],
              subjectEndsWith=f"recipient/{ben.id}", maxEventsPerBatch=100)
    crowd = [server.new_user()[0] for _ in range(200)]
    before = metric(server, "store_commits_total")
    thread.add(*(participant(id, "Somebody", metadata={"k": "v" * 500}) for id in crowd))
    events = Told(hook, thread).wait(200)
    assert metric(server, "store_commits_total") - before > 49_800 / 500
    assert len({event["id"] for event in events}) == len(events) == 200
    assert {event["subject"] for event in events} == {
        f"thread/{thread.id}/participantAdded/{id}/recipient/{ben.id}" for id in crowd}
    assert all(event["data"]["recipientCommunicationIdentifier"] == identifier(ben.id)
               and event["data"]["threadId"] == thread.id for event in events)
    items = until(lambda: (found := listed(server, name, query="?limit=1000"))
                  and all(item["state"] == "Delivered" for item in found) and found)
    assert {item["eventId"] for item in items} == {event["id"] for event in events} and len(items) == 200
