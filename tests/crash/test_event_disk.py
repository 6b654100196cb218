"""A disk that fails while webhooks are called: what is not written is not told, nothing is lost, and nothing goes out
whose outcome could not be noted."""

import threading
import time
from collections import Counter

import pytest
import webhook
from sms import send
from subscribing import REPORT, eventually, listed, put, settled, subscribe
from test_disk import create, refused_for_space, server, shim  # noqa: F401
from webhook import VALIDATION, Webhook, answer

EVENTS = 100
LANE = 16  # calls of a subscription at a time
STILL_SECONDS = 3
NUMBERS = [f"+1425555{i:04d}" for i in range(EVENTS)]


class Gate:
    """A plan that waits until it is opened, then does another one."""

    def __init__(self, then):
        self.then, self.open = then, threading.Event()

    def __call__(self, handler, got):
        self.open.wait(60)
        self.then(handler, got)


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


def under_way(server, hook, plan) -> tuple[Gate, set]:  # noqa: F811
    """Messages whose events are at the webhook, as many as may be, and wait there for their answer."""
    subscribe(server, "disk", hook, includedEventTypes=[REPORT])
    hook.take = gate = Gate(plan)
    ids = {item["messageId"] for item in send(server, *NUMBERS)}
    eventually(server, "disk", "Pending", EVENTS)
    hook.wait(LANE)
    return gate, ids


def state_of_log(server) -> dict:  # noqa: F811
    return {item["eventId"]: (item["state"], item["attempts"])
            for item in listed(server, "disk", query="?limit=1000")}


def nothing_changes(server, hook):  # noqa: F811
    """For some time: neither what is told nor what is sent. Some go before it is known that nothing can be written."""
    sent = -1
    while sent != len(hook.of()):
        sent = len(hook.of())
        time.sleep(0.5)
    before = state_of_log(server)
    deadline = time.monotonic() + STILL_SECONDS
    while time.monotonic() < deadline:
        assert state_of_log(server) == before and len(hook.of()) == sent
        time.sleep(0.1)
    return before


@pytest.mark.parametrize("plan,state", [(answer(200), "Delivered"), (answer(400), "DeadLettered"),
                                        (answer(503), "Pending")], ids=["200", "400", "503"])
def test_outcomes_wait_for_space(server, hook, plan, state):  # noqa: F811
    gate, ids = under_way(server, hook, plan)
    server.order("full")
    gate.open.set()
    assert nothing_changes(server, hook) == {id: ("Pending", 0) for id in ids}, "told before it is written"
    # How many go before the first write fails is a matter of time; then nothing does.
    assert LANE <= len(hook.of()) < EVENTS, "sent though what comes of it can't be noted"
    refused_for_space(put(server, "another", hook.url))
    assert server.send("GET", "/health/live").status == 200
    server.order("")
    if state == "Pending":
        eventually(server, "disk", "Pending", EVENTS)
        deadline = time.monotonic() + 30
        while sum(attempts for _, attempts in state_of_log(server).values()) < LANE:
            assert time.monotonic() < deadline, state_of_log(server)
            time.sleep(0.1)
    else:
        eventually(server, "disk", state, EVENTS)
        assert state_of_log(server) == {id: (state, 1) for id in ids}
        assert sorted(event["id"] for event in hook.events()) == sorted(ids), "each once"


def test_a_crash_while_the_disk_is_full_sends_again_what_was_not_noted(server, hook):  # noqa: F811
    gate, ids = under_way(server, hook, answer(200))
    server.order("full")
    gate.open.set()
    nothing_changes(server, hook)
    noted_by_nobody = {event["id"] for event in hook.events()}
    server.kill()
    server.order("")
    server.start()
    eventually(server, "disk", "Delivered", EVENTS)
    came = [event["id"] for event in hook.events()]
    assert set(came) == ids
    assert sorted(came) == sorted([*ids, *noted_by_nobody]), "those twice, the others once"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_after_a_failed_sync_nothing_is_sent_and_nothing_is_lost(server, hook, nth):  # noqa: F811
    gate, ids = under_way(server, hook, answer(200))
    server.order(f"sync {nth}")
    gate.open.set()
    deadline = time.monotonic() + 30
    while create(server).status == 201:  # a further sync
        assert time.monotonic() < deadline
    assert server.send("GET", "/health/ready").status == 503
    told = nothing_changes(server, hook)
    delivered = {id for id, (state, _) in told.items() if state == "Delivered"}
    server.stop()
    server.order("")
    server.start()
    assert delivered <= {id for id, (state, _) in state_of_log(server).items() if state == "Delivered"}, \
        "told as delivered, and forgotten"
    eventually(server, "disk", "Delivered", EVENTS)
    came = Counter(event["id"] for event in hook.events())
    assert set(came) == ids and max(came.values()) <= 2
    assert all(came[id] == 1 for id in delivered), "noted, and sent again"


def test_consent_counts_when_it_is_written(server, hook):  # noqa: F811
    hook.handshake = gate = Gate(webhook.agree)
    assert put(server, "disk", hook.url, includedEventTypes=[REPORT]).status == 201
    hook.wait(1, VALIDATION)
    server.order("full")
    gate.open.set()
    deadline = time.monotonic() + STILL_SECONDS
    while time.monotonic() < deadline:
        assert settled(server, "disk", "Creating")["provisioningState"] == "Creating"
        time.sleep(0.1)
    server.order("")
    assert settled(server, "disk")["provisioningState"] == "Succeeded"
    (item,) = send(server, NUMBERS[0])
    assert hook.wait(1)[0].events()[0]["id"] == item["messageId"]
