"""Users of the same guid in two resources are two users: neither learns of the other's threads."""

import uuid

import pytest
from callgate_server import Server
from chat import Person, path
from realtime import Ear


@pytest.fixture(scope="module")
def twins():
    """Anna of the default resource, and who has her guid in another one; a server for them."""
    running = Server("--limits", "azure").start()
    anna = Person(running)
    there = running.new_resource("elsewhere")
    twin = Person(running, of=there)
    answer = running.signed("POST", "/admin/users", {"id": twin.id.rsplit("_", 1)[0] + "_" + anna.id.rsplit("_", 1)[1]},
                            key=there.primary, host=twin.host)
    assert answer.status == 201, answer
    twin.id = answer.json()["id"]
    answer = running.signed("POST", f"/identities/{twin.id}/:issueAccessToken?api-version=2023-10-01", {"scopes": ["chat"]},
                            key=there.primary, host=twin.host)
    assert answer.status == 200, answer
    twin.token = answer.json()["token"]
    yield anna, twin
    running.stop()


def test_lists_are_of_one_resource(twins):
    anna, twin = twins
    hers, other = anna.create("hers"), twin.create("the other's")
    assert hers.id in [t["id"] for t in anna.threads()["value"]]
    assert [t["id"] for t in twin.threads()["value"]] == [other.id]
    assert other.id not in [t["id"] for t in anna.threads()["value"]]


def test_what_happens_is_told_in_one_resource(twins):
    anna, twin = twins
    thread, other = anna.create(), twin.create()
    ear = Ear(anna.server, twin, host=twin.host)
    thread.send("not for the twin")
    sent = other.send("for the twin")
    [event] = ear.hear(1)
    assert event["threadId"] == other.id and event["message"]["id"] == sent
    ear.hears_nothing()


def test_what_was_missed_is_told_in_one_resource(twins):
    """Also of a thread that is gone, whose entry in the log alone says who was in it."""
    anna, twin = twins
    ear = Ear(anna.server, twin, host=twin.host)
    ear.close()
    thread, other = anna.create(), twin.create()
    thread.send("not for the twin")
    assert thread.call("DELETE").status == other.call("DELETE").status == 204
    again = Ear(anna.server, twin, host=twin.host, cursor=ear.ready["cursor"])
    assert {e["threadId"] for e in again.events} == {other.id} and again.events[-1]["type"] == "chatThreadDeleted"
    again.close()


def test_an_id_that_comes_again_gives_no_thread_of_another_resource(twins):
    anna, twin = twins
    key = {"repeatability-request-id": str(uuid.uuid4())}
    made = [who.create("once", headers=key).id for who in (anna, twin) for _ in range(2)]
    assert made[0] == made[1] != made[2] == made[3]


def test_calls_count_in_one_resource(twins):
    anna, twin = twins
    assert any(twin.call("GET", path()).status == 429 for _ in range(200))
    assert anna.call("GET", path()).status == 200
