"""Who owns one resource of a server can't read, hear, change or use up anything of another one."""

import base64
import concurrent.futures
import urllib.parse
import urllib.request
import uuid

import pytest
import webhook
from callgate_server import Server
from chat import Person
from fixtures import well_ended
from sms import message, path
from sms_wire import callback_url, set_sender, set_transport
from subscribing import PATH, SMS
from waiting import until
from webhook import Webhook

PHONE = "+14255550123"


class Owner:
    """Somebody with the access key of one resource."""

    def __init__(self, server, name: str):
        self.server, self.of = server, server.new_resource(name)
        self.host = self.of.host(server.http_port)

    def ask(self, method: str, target: str, document=None):
        return self.server.signed(method, target, document, key=self.of.primary, host=self.host)

    def list_sender(self, sender: str, **config) -> int:
        return self.ask("PUT", f"/admin/sms/senders/{urllib.parse.quote(sender)}", config).status

    def received(self, number: str) -> list[str]:
        """Texts that came in for it, oldest first."""
        query = urllib.parse.urlencode({"direction": "inbound", "to": number})
        return [one["message"] for one in self.ask("GET", f"/admin/sms/messages?{query}").json()["value"]][::-1]


@pytest.fixture(scope="module")
def server():
    running = Server("--sms-senders", "list").start()
    yield running
    well_ended(running)


@pytest.fixture(scope="module")
def owners(server):
    return Owner(server, "one"), Owner(server, "two")


# ---- numbers ----


@pytest.fixture(scope="module")
def come_in(server):
    """A function that lets a carrier bring a message to a number."""
    set_transport(server, "kan", "kannel", url="http://127.0.0.1:1/cgi-bin/sendsms", username="u", password="p")
    url = callback_url(server, "kan")

    def bring(number: str, text: str):
        query = urllib.parse.urlencode({"from": PHONE, "to": number})
        with urllib.request.urlopen(f"{url}/inbound?{query}", text.encode(), timeout=60) as answer:
            assert answer.status == 200
    return bring


@pytest.mark.parametrize("first", [0, 1])
def test_a_key_takes_no_number_of_another_resource(owners, come_in, first):
    """Whichever resource's id sorts first, and whichever way out is named."""
    victim, attacker = owners[first], owners[1 - first]
    number = f"+1425555700{first}"
    assert victim.list_sender(number) == 201
    assert attacker.list_sender(number) == attacker.list_sender(number, transport="kan") == 409
    assert victim.list_sender(number, ratePerMinute=100) == 200, "it stays its own"
    come_in(number, "for one alone")
    come_in(number, "STOP")
    assert victim.received(number) == ["for one alone", "STOP"] and attacker.received(number) == []
    optouts = victim.ask("GET", f"/admin/sms/optouts?sender={urllib.parse.quote(number)}").json()["value"]
    assert [one["recipient"] for one in optouts] == [PHONE]


def test_of_two_keys_at_once_one_gets_the_number(owners):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for n in range(20):
            number = f"+142555572{n:02}"
            assert sorted(pool.map(lambda owner: owner.list_sender(number), owners)) == [201, 409]


@pytest.mark.parametrize("first", [0, 1])
def test_a_number_that_two_have_is_the_first_ones(server, owners, come_in, first):
    """Until the other one alone sends through what brings its messages."""
    had, got = owners[first], owners[1 - first]
    number = f"+1425555701{first}"
    assert had.list_sender(number) == 201
    given = server.admin("PUT", f"/admin/sms/senders/{urllib.parse.quote(number)}?resource={got.of.name}", {})
    assert given.status == 201, given
    come_in(number, "before")
    assert got.list_sender(number, transport="kan") == 200, "what an administrator gave stays"
    come_in(number, "after")
    assert had.received(number) == ["before"] and got.received(number) == ["after"]


def test_a_number_is_free_when_its_resource_is_gone(server, owners):
    gone = Owner(server, "gone")
    assert gone.list_sender("54545") == 201
    assert owners[0].list_sender("54545") == 409
    assert server.admin("DELETE", "/admin/resources/gone?confirm=gone").status == 204
    assert owners[0].list_sender("54545") == 201


def test_names_are_shared(server, owners):
    """They receive nothing, so there is nothing to take."""
    set_sender(server, "Fabrikam")
    assert [one.list_sender("Fabrikam") for one in owners] == [201, 201]


def test_messages_of_one_resource_leave_room_for_others(fresh_server):
    """Those that wait for their end; also of a former run."""
    server = fresh_server("--sms-queue-max", "8")
    attacker, victim = Owner(server, "one"), Owner(server, "two")

    def sends(owner) -> int:
        answer = owner.ask("POST", path(), message("+19995550000"))  # nobody reports on it
        assert answer.status == 202, answer
        return answer.json()["value"][0]["httpStatusCode"]
    assert [sends(attacker) for _ in range(8)] == [202] * 6 + [503] * 2
    server.kill()
    server.start()
    for owner in (attacker, victim):
        owner.host = owner.of.host(server.http_port)
    assert sends(attacker) == 503
    assert [sends(victim) for _ in range(3)] == [202] * 2 + [503], "that is all there is"


# ---- lists ----


def link_of(owner, target: str) -> str:
    listed = owner.ask("GET", f"{target}?limit=1").json()
    assert len(listed["value"]) == 1
    return urllib.parse.unquote(listed["nextLink"])


def test_a_link_names_no_message_of_another_resource(owners):
    """Of a page that ends between two messages, with another one's in between."""
    mine, other = owners

    def sends(owner) -> str:
        owner.list_sender("Contoso")
        answer = owner.ask("POST", path(), message(sender="Contoso"))
        assert answer.status == 202, answer
        return answer.json()["value"][0]["messageId"]
    sent = [sends(owner) for owner in (mine, other, mine)]
    link = link_of(mine, "/admin/sms/messages")
    place = link.split("after=")[1]
    assert place in sent[2] and place not in sent[1]
    assert mine.ask("GET", link[link.index("/admin"):]).json()["value"][0]["messageId"] == sent[0]


def test_a_link_names_no_thread_of_another_resource(server, owners):
    people = [Person(server, of=owner.of) for owner in owners]
    made = [who.create().id for who in (*people, people[0])]
    link = link_of(owners[0], "/admin/chat/threads")
    assert owners[0].ask("GET", link[link.index("/admin"):]).json()["value"][0]["id"] == made[0]
    keys = [base64.urlsafe_b64decode(id[3:25] + "==")[:16] for id in made]
    place = uuid.UUID(link.split("after=")[1]).bytes
    assert [place == key for key in keys] == [False, False, True]


# ---- webhooks ----


def test_the_webhooks_of_one_resource_leave_room_for_others(owners):
    """Also when each of its many endpoints is sent as much at once as one request takes, and never answers."""
    attacker, victim = owners
    names, taken = [f"hungry-{n}" for n in range(70)], []
    batches = {"includedEventTypes": [SMS], "maxEventsPerBatch": 100, "preferredBatchSizeInKilobytes": 1024}

    def in_state(owner, state) -> bool:
        listed = owner.ask("GET", f"{PATH}?limit=100").json()["value"]
        return all(one["provisioningState"] == state for one in listed)

    def comes_in(owner, number: str, text: str):
        assert owner.list_sender(number) in (200, 201)
        assert owner.ask("POST", "/admin/sms/inbound", {"from": PHONE, "to": number, "message": text}).status == 202

    with Webhook() as hungry, Webhook() as prompt:
        for name in names:
            assert attacker.ask("PUT", f"{PATH}/{name}", {"endpoint": hungry.url, **batches}).status == 201
        assert victim.ask("PUT", f"{PATH}/prompt", {"endpoint": prompt.url, "includedEventTypes": [SMS]}).status == 201
        until(lambda: in_state(attacker, "Succeeded") and in_state(victim, "Succeeded"))
        hungry.take, hungry.handshake = webhook.silent, webhook.answer(200, b"{}")
        addresses = [attacker.ask("PUT", f"{PATH}/{name}", {"endpoint": hungry.url, **batches}).json()["validationUrl"]
                     for name in names]
        until(lambda: in_state(attacker, "AwaitingManualAction"))
        for _ in range(36):
            comes_in(attacker, "+14255557020", "x" * 32000)
        for address in addresses:  # what has gathered may go
            answer = attacker.server.send("GET", "/events/" + address.split("/events/")[1], {"Host": attacker.host})
            assert answer.status == 200, answer
        hungry.wait(40)
        until(lambda: taken.append(len(hungry.of())) or (len(taken) > 20 and taken[-20] == taken[-1]))
        comes_in(victim, "+14255557021", "in time")
        assert [e["data"]["message"] for got in prompt.wait(1, timeout=15) for e in got.events()] == ["in time"]
        for name in names:
            assert attacker.ask("DELETE", f"{PATH}/{name}").status == 204
        assert victim.ask("DELETE", f"{PATH}/prompt").status == 204
