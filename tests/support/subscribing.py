"""Event subscriptions by raw requests: what the tests of events share."""

import time

PATH = "/admin/events/subscriptions"
SMS, REPORT = "Microsoft.Communication.SMSReceived", "Microsoft.Communication.SMSDeliveryReportReceived"
GRID, CLOUD = "EventGridSchema", "CloudEventSchemaV1_0"
SETTLED = ("Succeeded", "Failed", "AwaitingManualAction")


def put(server, name, endpoint, **members):
    return server.signed("PUT", f"{PATH}/{name}", {"endpoint": endpoint, **members})


def get(server, name) -> dict:
    answered = server.signed("GET", f"{PATH}/{name}")
    assert answered.status == 200, answered
    return answered.json()


def settled(server, name, *states, timeout=30) -> dict:
    """The subscription, once it is in one of the states (default: no longer on its way)."""
    deadline = time.monotonic() + timeout
    while True:
        found = get(server, name)
        if found["provisioningState"] in (states or SETTLED):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def tried_again(server, name) -> dict:
    """The subscription, after as many tries as its handshake takes. The pause before the next one begins when an
    answer has been noted, which nobody sees: the clock is moved until it has passed, but less than five minutes
    in all, for the sake of signatures."""
    for moves in range(1, 41):
        found = get(server, name)
        if found["provisioningState"] in SETTLED:
            return found
        advance(server, "6s")
        time.sleep(0.1 * moves)
    raise AssertionError(found)


def subscribe(server, name, hook, **members) -> dict:
    """One in force."""
    made = put(server, name, hook.url, **members)
    assert made.status in (200, 201), made
    return settled(server, name, "Succeeded")


def advance(server, duration):
    assert server.admin("PUT", "/admin/clock", {"advance": duration}).status == 200


def listed(server, name, what="deliveries", query="") -> list[dict]:
    answered = server.signed("GET", f"{PATH}/{name}/{what}{query}")
    assert answered.status == 200, answered
    return answered.json()["value"]


def eventually(server, name, state, count=1, timeout=30) -> list[dict]:
    """The items of the delivery log in that state, once there are so many."""
    deadline = time.monotonic() + timeout
    while True:
        found = [item for item in listed(server, name, query="?limit=1000") if item["state"] == state]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, listed(server, name)
        time.sleep(0.05)


def noted(server, name, attempts, timeout=30) -> dict:
    """The newest item of the delivery log, once so many attempts at it are noted: not before that does
    the next one have its time, so that moving the clock brings it."""
    deadline = time.monotonic() + timeout
    while not (items := listed(server, name)) or items[0]["attempts"] < attempts:
        assert time.monotonic() < deadline, items
        time.sleep(0.05)
    return items[0]


def error(answered, status, code, words="", target=None):
    assert answered.status == status, answered
    told = answered.json()["error"]
    assert told["code"] == code, answered
    assert words in told["message"], answered
    if target:
        assert told["target"] == target, answered
