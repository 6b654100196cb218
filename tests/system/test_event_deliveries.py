"""Events of text messages on their way to webhooks: bodies, headers, filters, batches, retries, crashes, dead letters."""

import json
import time

import pytest
import webhook
from sms import SENDER, SOMEBODY, final_report, send, sent_id
from subscribing import (CLOUD, GRID, PATH, REPORT, SMS, advance, error, eventually, listed, noted, put, settled,
                         subscribe)
from webhook import DELETION, Webhook, answer

NOW = "--sms-sim-delay", "0s"
ECHO = "+19995553246"


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


@pytest.fixture
def quick(fresh_server):
    """A server whose messages end at once."""
    return fresh_server(*NOW)


@pytest.fixture(scope="module")
def shared():
    from callgate_server import Server
    from fixtures import well_ended
    one = Server(*NOW).start()
    yield one
    well_ended(one)


def topic_ends(topic: str) -> bool:
    return "/providers/microsoft.communication/communicationservices/default" in topic.lower()


# -- what comes --


def test_a_delivery_report_in_the_event_grid_schema(shared, hook):
    subscribe(shared, "grid", hook, includedEventTypes=[REPORT])
    id = sent_id(shared, tag="my tag")
    (got,) = hook.wait(1)
    assert got.method == "POST" and got.headers["content-type"] == "application/json; charset=utf-8"
    told = {name: value for name, value in got.headers.items() if name.startswith("aeg-")}
    assert told == {"aeg-event-type": "Notification", "aeg-subscription-name": "GRID", "aeg-delivery-count": "0",
                    "aeg-data-version": "1.0", "aeg-metadata-version": "1", "aeg-output-event-id": id}
    (event,) = got.json()
    assert list(event) == ["id", "topic", "subject", "data", "eventType", "dataVersion", "metadataVersion",
                           "eventTime"]
    assert event["id"] == id and topic_ends(event["topic"])
    assert event["subject"] == "/phonenumber/" + SENDER[1:]
    assert event["eventType"] == REPORT and event["dataVersion"] == "1.0" and event["metadataVersion"] == "1"
    assert len(event["eventTime"]) == len("2026-11-23T15:00:00Z")
    data = event["data"]
    assert data["messageId"] == id and data["from"] == SENDER[1:] and data["to"] == SOMEBODY
    assert data["deliveryStatus"] == "Delivered" and data["tag"] == "my tag"
    assert data["deliveryAttempts"][0]["segmentsSucceeded"] == 1
    shared.signed("DELETE", f"{PATH}/grid")


def test_a_delivery_report_in_cloud_events(shared, hook):
    subscribe(shared, "cloud", hook, schema=CLOUD, includedEventTypes=[REPORT])
    id = sent_id(shared)
    (got,) = hook.wait(1)
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["aeg-metadata-version"] == "1.0" and "aeg-data-version" not in got.headers
    assert got.headers["origin"] == "eventgrid.azure.net"
    event = got.json()
    assert list(event) == ["id", "source", "subject", "data", "type", "time", "specversion"]
    assert event["id"] == id and event["type"] == REPORT and event["specversion"] == "1.0"
    assert topic_ends(event["source"]) and len(event["time"]) == len("2026-11-23T15:00:00.0000000Z")
    shared.signed("DELETE", f"{PATH}/cloud")


def test_static_headers_and_the_query_go_along(shared, hook):
    made = put(shared, "along", hook.url + "?code=a%2Fb", headers={"X-A": "b", "Authorization": "Bearer x"})
    assert made.status == 201, made
    settled(shared, "along", "Succeeded")
    sent_id(shared)
    (got,) = hook.wait(1)
    assert got.target == "/events?code=a%2Fb" and got.headers["x-a"] == "b"
    assert got.headers["authorization"] == "Bearer x"
    shared.signed("DELETE", f"{PATH}/along")


def test_filters(shared):
    with Webhook() as all_, Webhook() as received, Webhook() as mine, Webhook() as nobody:
        subscribe(shared, "all", all_)
        subscribe(shared, "received", received, includedEventTypes=[SMS.upper()])
        subscribe(shared, "mine", mine, subjectBeginsWith="/PHONENUMBER/1", subjectEndsWith=SENDER[-4:])
        subscribe(shared, "nobody", nobody, subjectEndsWith="/" + SENDER[-4:])
        sent_id(shared, ECHO)
        types = sorted(event["eventType"] for got in all_.wait(2) for event in got.events())
        assert types == sorted([SMS, REPORT])
        (got,) = received.wait(1)
        (event,) = got.events()
        assert event["eventType"] == SMS and event["data"]["message"] == "hello"
        assert event["subject"] == "/phonenumber/" + SENDER[1:] and event["data"]["from"] == ECHO[1:]
        assert event["data"]["segmentCount"] == 1 and event["id"].startswith("Incoming_")
        assert len(mine.wait(2)) == 2
        assert nobody.of() == [] and listed(shared, "nobody") == []
        for name in ("all", "received", "mine", "nobody"):
            shared.signed("DELETE", f"{PATH}/{name}")


def test_nothing_comes_before_consent(quick, hook):
    hook.handshake = answer(200)
    put(quick, "early", hook.url)
    url = settled(quick, "early", "AwaitingManualAction")["validationUrl"]
    final_report(quick, sent_id(quick))
    assert quick.send("GET", url[url.index("/events/"):]).status == 200
    later = sent_id(quick)
    assert [event["id"] for got in hook.wait(1) for event in got.events()] == [later]


def test_an_update_loses_no_event(quick, hook):
    subscribe(quick, "moved", hook)
    hook.handshake = answer(503)
    put(quick, "moved", hook.url, maxDeliveryAttempts=5)
    waiting = sent_id(quick)
    (item,) = eventually(quick, "moved", "Pending")
    assert hook.of() == [] and item["eventId"] == waiting and item["attempts"] == 0
    hook.handshake = webhook.agree
    advance(quick, "6s")
    assert hook.wait(1)[0].events()[0]["id"] == waiting
    eventually(quick, "moved", "Delivered")


def test_batches(quick, hook):
    subscribe(quick, "batch", hook, maxEventsPerBatch=10, preferredBatchSizeInKilobytes=1024)
    hook.take = answer(503)
    sent_id(quick)
    eventually(quick, "batch", "Pending")
    hook.wait(1)
    hook.take = answer(200)
    numbers = [f"+1425555{i:04d}" for i in range(30)]
    ids = {item["messageId"] for item in send(quick, *numbers)}
    deliveries = eventually(quick, "batch", "Delivered", 30)
    assert {item["eventId"] for item in deliveries} == ids
    bodies = [got.json() for got in hook.of()[1:]]
    assert all(isinstance(body, list) and len(body) <= 10 for body in bodies)
    assert sorted(event["id"] for body in bodies for event in body) == sorted(ids)
    assert len(bodies) < 30


def test_batches_of_cloud_events(quick, hook):
    subscribe(quick, "batch", hook, schema=CLOUD, maxEventsPerBatch=100)
    send(quick, *[f"+1425555{i:04d}" for i in range(20)])
    eventually(quick, "batch", "Delivered", 20)
    for got in hook.of():
        assert got.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
        assert isinstance(got.json(), list)


def test_an_allowed_rate_is_kept_to(quick, hook):
    hook.handshake = answer(200, WebHook_Allowed_Origin="*", WebHook_Allowed_Rate="120")
    subscribe(quick, "slow", hook, schema=CLOUD)
    send(quick, *[f"+1425555{i:04d}" for i in range(5)])
    times = [got.at for got in hook.wait(5)]
    assert times[-1] - times[0] >= 4 * 0.5 - 0.2


# -- outcomes --


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_what_is_success(shared, hook, status):
    name = f"ok-{status}"
    subscribe(shared, name, hook, includedEventTypes=[REPORT])
    hook.take = answer(status)
    sent_id(shared)
    (item,) = eventually(shared, name, "Delivered")
    assert item["attempts"] == 1 and item["lastOutcome"] == "Delivered" and "nextAttemptOn" not in item
    assert len(hook.of()) == 1
    shared.signed("DELETE", f"{PATH}/{name}")


@pytest.mark.parametrize("status,outcome", [(400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"),
                                            (413, "RequestEntityTooLarge")])
def test_what_is_not_tried_again(shared, hook, status, outcome):
    name = f"dead-{status}"
    subscribe(shared, name, hook, includedEventTypes=[REPORT])
    hook.take = answer(status)
    sent_id(shared)
    (item,) = eventually(shared, name, "DeadLettered")
    assert (item["attempts"], item["lastOutcome"], item["deadLetterReason"]) == (1, outcome, outcome)
    assert len(hook.of()) == 1
    shared.signed("DELETE", f"{PATH}/{name}")


FAILURES = {
    "404": (answer(404), "NotFound", 300), "408": (answer(408), "RequestTimeout", 120),
    "503": (answer(503), "Busy", 30), "500": (answer(500), "InternalServerError", 10), "429": (answer(429), "Busy", 10),
    "205": (answer(205), "UnexpectedSuccessStatus", 10), "redirect": (webhook.redirect_to("/x"), "RedirectNotFollowed", 10),
    "moved for good": (webhook.redirect_to("/x", 308), "RedirectNotFollowed", 10),
    "endless failure": (webhook.endless(500), "InternalServerError", 10), "close": (webhook.close, "SocketError", 10),
    "reset": (webhook.reset, "SocketError", 10), "nonsense": (webhook.nonsense, "SocketError", 10),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_what_is_tried_again_and_when(shared, hook, kind):
    what, outcome, wait = FAILURES[kind]
    name = "again-" + kind.replace(" ", "-")
    subscribe(shared, name, hook, includedEventTypes=[REPORT])
    hook.take = what
    sent_id(shared)
    hook.wait(1)
    item = noted(shared, name, 1)
    assert item["lastOutcome"] == outcome and item["state"] == "Pending"

    def seconds(text):
        from datetime import datetime
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    assert wait <= seconds(item["nextAttemptOn"]) - seconds(item["lastAttemptOn"]) <= wait * 1.06
    # a connection that was kept may be dead: libcurl then takes another one, once
    assert len(hook.of()) <= (2 if kind in ("close", "reset") else 1), "redirects are not followed"
    shared.signed("DELETE", f"{PATH}/{name}")


def test_success_whose_body_does_not_end_is_success(shared, hook):
    subscribe(shared, "endless", hook, includedEventTypes=[REPORT])
    hook.take = webhook.endless(200)
    sent_id(shared)
    (item,) = eventually(shared, "endless", "Delivered")
    assert item["attempts"] == 1
    shared.signed("DELETE", f"{PATH}/endless")


def test_it_comes_again_when_the_clock_says_so(quick, hook):
    subscribe(quick, "again", hook)
    hook.then = [answer(500), answer(503)]
    id = sent_id(quick)
    noted(quick, "again", 1)
    advance(quick, "11s")
    assert hook.wait(2)[1].headers["aeg-delivery-count"] == "1"
    noted(quick, "again", 2)
    advance(quick, "32s")
    last = hook.wait(3)[2]
    assert last.headers["aeg-delivery-count"] == "2" and last.events()[0]["id"] == id
    (item,) = eventually(quick, "again", "Delivered")
    assert item["attempts"] == 3


def test_the_last_attempt_leaves_a_dead_letter(fresh_server, hook, tmp_path):
    quick = fresh_server(*NOW, "--events-dead-letter-dir", str(tmp_path))
    subscribe(quick, "dead", hook, maxDeliveryAttempts=2)
    hook.take = answer(503)
    id = sent_id(quick)
    assert noted(quick, "dead", 1)["state"] == "Pending"
    advance(quick, "1m")
    (item,) = eventually(quick, "dead", "DeadLettered")
    assert (item["attempts"], item["lastOutcome"], item["deadLetterReason"]) == (2, "Busy",
                                                                                   "MaxDeliveryAttemptsExceeded")
    (letter,) = listed(quick, "dead", "deadletters")
    event = letter["deadLetter"]
    assert event["id"] == id and event["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"
    assert event["deliveryAttempts"] == 2 and event["lastDeliveryOutcome"] == "Busy"
    assert event["publishTime"] and event["lastDeliveryAttemptTime"]
    (file,) = tmp_path.iterdir()
    assert file.name == f"dead-{letter['id']}.json" and file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == [event]

    hook.take = answer(200)
    again = quick.signed("POST", f"{PATH}/dead/deadletters:replay", {"ids": [letter["id"]]})
    assert again.status == 202 and again.json() == {"replayed": 1}, again
    assert hook.wait(3)[2].headers["aeg-delivery-count"] == "0"
    eventually(quick, "dead", "Delivered")
    assert listed(quick, "dead", "deadletters") == []
    error(quick.signed("POST", f"{PATH}/dead/deadletters:replay", {"ids": [letter["id"]]}), 409, "Conflict")


def test_dead_letters_of_cloud_events_are_in_lower_case(shared, hook):
    subscribe(shared, "lower", hook, schema=CLOUD, includedEventTypes=[REPORT])
    hook.take = answer(401)
    sent_id(shared)
    eventually(shared, "lower", "DeadLettered")
    (letter,) = listed(shared, "lower", "deadletters")
    event = letter["deadLetter"]
    assert event["deadletterreason"] == "Unauthorized" and event["deliveryattempts"] == 1
    assert event["lastdeliveryoutcome"] == "Unauthorized" and event["specversion"] == "1.0"
    shared.signed("DELETE", f"{PATH}/lower")


def test_time_to_live(quick, hook):
    subscribe(quick, "short", hook, eventTimeToLiveInMinutes=1)
    hook.take = answer(500)
    sent_id(quick)
    assert noted(quick, "short", 1)["state"] == "Pending"
    advance(quick, "2m")
    (item,) = eventually(quick, "short", "DeadLettered")
    assert (item["attempts"], item["deadLetterReason"]) == (1, "TimeToLiveExceeded")


def test_all_dead_letters_are_replayed(quick, hook):
    subscribe(quick, "many", hook)
    hook.take = answer(400)
    for i in range(3):
        send(quick, *[f"+1425555{i}{j:03d}" for j in range(100)])
    eventually(quick, "many", "DeadLettered", 300)
    page = quick.signed("GET", f"{PATH}/many/deadletters?limit=200").json()
    assert len(page["value"]) == 200
    rest = quick.signed("GET", page["nextLink"][page["nextLink"].index(PATH):]).json()["value"]
    ids = [item["id"] for item in page["value"] + rest]
    assert len(set(ids)) == 300 and ids == sorted(ids, reverse=True)
    hook.take = answer(200)
    replayed = quick.cli("event", "replay", "many", "--all", "--json")
    assert json.loads(replayed.stdout) == {"replayed": 300}, replayed
    eventually(quick, "many", "Delivered", 300)
    assert listed(quick, "many", "deadletters") == []


def test_the_log_of_deliveries_waits(quick, hook):
    subscribe(quick, "waits", hook)
    assert listed(quick, "waits", query="?wait=100ms") == []
    first = sent_id(quick)
    (item,) = listed(quick, "waits", query="?wait=20s")
    assert item["eventId"] == first and item["subject"] == "/phonenumber/" + SENDER[1:]
    sent_id(quick)
    (newer,) = listed(quick, "waits", query=f"?wait=20s&since={item['id']}")
    assert newer["id"] > item["id"]
    eventually(quick, "waits", "Delivered", 2)


def test_a_dead_endpoint_is_left_alone(quick, hook):
    subscribe(quick, "alone", hook)
    hook.take = answer(500)
    send(quick, *[f"+1425555{i:04d}" for i in range(40)])
    hook.wait(10)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        time.sleep(0.1)
    calls = len(hook.of())
    assert calls < 30, "most of them were never tried"
    sent_id(quick, "+14255559999")
    hook.take = answer(200)
    advance(quick, "11m")
    eventually(quick, "alone", "Delivered", 41)


# -- stops and crashes --


def test_what_a_crash_cut_off_comes_again(quick, hook):
    subscribe(quick, "crash", hook)
    hook.take = webhook.silent
    id = sent_id(quick)
    hook.wait(1)
    quick.kill()
    hook.take = answer(200)
    quick.start()
    assert hook.wait(2)[1].events()[0]["id"] == id
    (item,) = eventually(quick, "crash", "Delivered")
    assert item["attempts"] == 1, "the one that was cut off is not known"


def test_a_stop_under_load_loses_nothing(quick, hook):
    subscribe(quick, "load", hook)
    numbers = [f"+1425555{i:04d}" for i in range(100)]
    ids = {item["messageId"] for _ in range(3) for item in send(quick, *numbers)}
    hook.wait(20)
    assert quick.stop() == 0
    quick.start()
    eventually(quick, "load", "Delivered", 300)
    came = [event["id"] for event in hook.events()]
    assert set(came) == ids
    assert len(came) <= 300 + 16, "only those whose answer was not noted came twice"


def test_kills_under_load_lose_nothing(quick, hook):
    subscribe(quick, "kills", hook)
    ids = set()
    for round in range(3):
        ids |= {item["messageId"] for item in send(quick, *[f"+142555{round}{i:04d}" for i in range(100)])}
        hook.wait(10 + 60 * round)
        quick.kill()
        quick.start()
    eventually(quick, "kills", "Delivered", 300, timeout=60)
    assert {event["id"] for event in hook.events()} == ids


def test_a_deleted_subscription_gets_nothing_more(quick, hook):
    subscribe(quick, "gone", hook)
    hook.take = answer(500)
    sent_id(quick)
    hook.wait(1)
    assert quick.signed("DELETE", f"{PATH}/gone").status == 204
    hook.wait(1, DELETION)
    advance(quick, "1h")
    with Webhook() as other:
        subscribe(quick, "other", other)
        id = sent_id(quick)
        assert other.wait(1)[0].events()[0]["id"] == id
    assert len(hook.of()) == 1


def test_schemas_do_not_mix(quick, hook):
    with Webhook() as second:
        subscribe(quick, "one", hook, schema=GRID)
        subscribe(quick, "two", second, schema=CLOUD)
        id = sent_id(quick)
        assert hook.wait(1)[0].json()[0]["id"] == id and second.wait(1)[0].json()["id"] == id


def test_events_stay_in_their_resource(quick, hook):
    blue = quick.new_resource("blue")
    subscribe(quick, "mine", hook)
    host = blue.host(quick.http_port)
    sent = quick.signed("POST", "/sms?api-version=2026-01-23",
                        {"from": SENDER, "message": "hi", "smsRecipients": [{"to": SOMEBODY}],
                         "smsSendOptions": {"enableDeliveryReport": True}}, key=blue.primary, host=host)
    assert sent.status == 202, sent
    id = sent_id(quick)
    assert [event["id"] for event in hook.wait(1)[0].events()] == [id]
    eventually(quick, "mine", "Delivered")
    assert len(hook.of()) == 1


def test_no_text_and_no_number_gets_into_the_log(quick, hook):
    subscribe(quick, "quiet", hook)
    hook.then = [answer(500)]
    sent_id(quick, ECHO, text="the secret word")
    hook.wait(2)
    log = quick.log()
    assert "the secret word" not in log and ECHO[1:] not in log and hook.url not in log
