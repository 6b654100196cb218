"""The official Event Grid library reads what webhooks get: alone and in batches, in both schemas."""

import time

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, SystemEventNames
from chat import Person, until
from sms import SENDER, sent_id
from subscribing import CLOUD, GRID, PATH, REPORT, SMS, eventually, subscribe
from support import KEPT, installed
from webhook import DELETION, VALIDATION, Webhook

ECHO = "+19995553246"


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


def test_the_library_is_the_one_that_is_judged_by():
    for name, wanted in KEPT["packages"].items():
        assert installed(name) == wanted


def test_names_of_system_events():
    assert SystemEventNames.AcsSmsReceivedEventName == SMS
    assert SystemEventNames.AcsSmsDeliveryReportReceivedEventName == REPORT


def test_a_validation_is_an_event_grid_event(server, hook):
    subscribe(server, "validated", hook)
    (got,) = hook.wait(1, VALIDATION)
    event = EventGridEvent.from_dict(got.json()[0])
    assert event.event_type == SystemEventNames.EventGridSubscriptionValidationEventName
    assert event.data["validationCode"] and event.data_version == "1"
    assert server.signed("DELETE", f"{PATH}/validated").status == 204
    (got,) = hook.wait(1, DELETION)
    assert EventGridEvent.from_dict(got.json()[0]).event_type == SystemEventNames.EventGridSubscriptionDeletedEventName


@pytest.mark.parametrize("batch", [1, 10])
def test_reports_and_messages_in_the_event_grid_schema(server, hook, batch):
    subscribe(server, "grid", hook, schema=GRID, maxEventsPerBatch=batch)
    id = sent_id(server, ECHO, tag="a tag")
    eventually(server, "grid", "Delivered", 2)
    events = {event.event_type: event for event in map(EventGridEvent.from_dict, hook.events())}
    report, received = events[REPORT], events[SMS]
    assert report.id == id and report.data["deliveryStatus"] == "Delivered" and report.data["tag"] == "a tag"
    assert report.subject == f"/phonenumber/{SENDER[1:]}" and report.metadata_version == "1"
    assert abs(received.event_time.timestamp() - time.time()) < 60
    assert received.data["message"] == "hello" and received.data["from"] == ECHO[1:]
    assert server.signed("DELETE", f"{PATH}/grid").status == 204


@pytest.mark.parametrize("batch", [1, 10])
def test_reports_and_messages_in_cloud_events(server, hook, batch):
    subscribe(server, "cloud", hook, schema=CLOUD, maxEventsPerBatch=batch)
    id = sent_id(server, ECHO)
    eventually(server, "cloud", "Delivered", 2)
    events = {event.type: event for event in map(CloudEvent.from_dict, hook.events())}
    assert events[REPORT].id == id and events[REPORT].specversion == "1.0" and not events[REPORT].extensions
    assert events[SMS].data["message"] == "hello"
    assert abs(events[SMS].time.timestamp() - time.time()) < 60
    single = [got for got in hook.of() if batch == 1]
    assert all(CloudEvent.from_json(got.raw).data for got in single)
    assert server.signed("DELETE", f"{PATH}/cloud").status == 204


CHAT = {name.value for name in SystemEventNames if name.name.startswith("AcsChat")}


@pytest.mark.parametrize("schema", [GRID, CLOUD])
def test_every_type_of_chat(server, hook, schema):
    name = f"chat-{schema.lower().replace('_', '-')}"
    subscribe(server, name, hook, schema=schema, maxEventsPerBatch=100)
    anna, ben, cleo = (Person(server) for _ in range(3))
    thread = anna.create("Lunch", ben)
    id = thread.send("hello", metadata={"k": "v"}, senderDisplayName="Anna")
    thread.edit(id, content="hello again")
    thread.delete(id)
    thread.change(topic="Dinner")
    thread.add(cleo)
    thread.remove(cleo)
    assert thread.call("DELETE").status == 204
    read = EventGridEvent.from_dict if schema == GRID else CloudEvent.from_dict
    kind = (lambda event: event.event_type) if schema == GRID else (lambda event: event.type)
    events = until(lambda: (found := [read(e) for e in hook.events()]) and len({kind(e) for e in found}) == 16 and found)
    assert {kind(event) for event in events} <= CHAT
    for event in events:
        assert event.subject.startswith(f"thread/{thread.id}/") and event.data["threadId"] == thread.id
    received = next(e for e in events if kind(e) == SystemEventNames.AcsChatMessageReceivedEventName)
    assert received.data["messageBody"] == "hello" and received.data["metadata"] == {"k": "v"}
    assert received.data["recipientId"] == ben.id and received.data["version"] == int(id)
    assert server.signed("DELETE", f"{PATH}/{name}").status == 204
