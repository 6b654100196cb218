"""Webhooks that take their time: each is given up after 30 seconds, and costs nobody else anything."""

import contextlib
import time

import webhook
from sms import SENDER, send, sent_id
from subscribing import REPORT, advance, eventually, listed, noted, subscribe
from test_event_deliveries import quick  # noqa: F401
from webhook import Webhook, answer

ANSWER_SECONDS = 30
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3600\r\n\r\n"
SLOW = {
    "silent": webhook.silent,
    "drips-head": webhook.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 3600),
    "drips-body": webhook.drip(b"a" * 3600, head=HEAD),
}


def deliver_meanwhile(server, prompt, until: float) -> int:
    """Message after message, each of which must get to its webhook soon; how many."""
    sent = 0
    while time.monotonic() < until:
        sent += 1
        id = sent_id(server)
        assert prompt.wait(sent, timeout=ANSWER_SECONDS / 3)[-1].events()[0]["id"] == id
        time.sleep(max(0, min(0.5, until - time.monotonic())))
    return sent


def test_an_endpoint_has_thirty_seconds(quick):  # noqa: F811
    """Waits for them: no setting shortens them, since a receiver is promised this time."""
    with contextlib.ExitStack() as stack:
        hooks = {name: stack.enter_context(Webhook()) for name in (*SLOW, "prompt")}
        for name, hook in hooks.items():
            subscribe(quick, name, hook, includedEventTypes=[REPORT],
                      subjectEndsWith=SENDER[1:] if name == "prompt" else "12345")
            hook.take = SLOW.get(name, answer(200))
        began = time.monotonic()
        slow = sent_id(quick, sender="12345")
        for name in SLOW:
            hooks[name].wait(1)
        assert deliver_meanwhile(quick, hooks["prompt"], began + ANSWER_SECONDS - 3) > 10
        for name in SLOW:
            (item,) = listed(quick, name)
            assert (item["state"], item["attempts"]) == ("Pending", 0), "it still has time"
        for name in SLOW:
            item = noted(quick, name, 1)
            assert time.monotonic() - began > ANSWER_SECONDS - 1
            assert (item["state"], item["attempts"], item["lastOutcome"]) == ("Pending", 1, "TimedOut")
            assert len(hooks[name].of()) == 1, "not before the schedule says so"
            hooks[name].take = answer(200)
        advance(quick, "11s")
        for name in SLOW:
            again = hooks[name].wait(2)[1]
            assert again.headers["aeg-delivery-count"] == "1" and again.events()[0]["id"] == slow
            (item,) = eventually(quick, name, "Delivered")
            assert item["attempts"] == 2


def test_many_silent_endpoints_leave_room_for_others(quick):  # noqa: F811
    """Each holds what it may; there are more of them than calls that one of them may hold."""
    with contextlib.ExitStack() as stack:
        silent, prompt = (stack.enter_context(Webhook()) for _ in range(2))
        for i in range(40):
            subscribe(quick, f"silent-{i}", silent, includedEventTypes=[REPORT], subjectEndsWith="12345")
        subscribe(quick, "prompt", prompt, includedEventTypes=[REPORT], subjectEndsWith=SENDER[1:])
        silent.take = webhook.silent
        send(quick, *[f"+1425555{i:04d}" for i in range(40)], sender="12345")
        silent.wait(100)
        deliver_meanwhile(quick, prompt, time.monotonic() + 5)
        assert not quick.signed("GET", "/admin/events/subscriptions/silent-0/deliveries").json()["value"][0]["attempts"]
