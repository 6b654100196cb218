"""The stream of events for clients in any language: wire/realtime, section by section."""

import random
import threading
import time

import pytest
from callgate_server import Server
from chat import Person, Thread, metric, participant, until
from realtime import Ear, WAIT_S
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

LOOPS = ("--threads", "2")
SPREAD = 6  # connections of one user: they land on both loops
MESSAGE_TYPES = ("chatMessageReceived", "chatMessageEdited", "chatMessageDeleted")


@pytest.fixture
def two(server):
    return Person(server), Person(server)


def ears_of(server, person, n=SPREAD, **options) -> list[Ear]:
    return [Ear(server, person, **options) for _ in range(n)]


def close_all(ears):
    for ear in ears:
        ear.close()


def texts(events) -> list[str]:
    return [e["message"]["content"]["message"] for e in events if e["type"] == "chatMessageReceived"]


# -- connecting: §1 --


def refused(server, target="/realtime", headers=None) -> int:
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://localhost:{server.http_port}{target}", additional_headers=headers or {}, compression=None)
    return caught.value.response.status_code


def test_ready_says_who_and_how_long(server, two):
    ada, _ = two
    for header in (False, True):
        ear = Ear(server, ada, header=header)
        assert ear.ready["user"] == ada.id and ear.ready["cursor"].isdigit() and ear.ready["expiresOn"].endswith("Z")
        ear.hears_nothing()
        ear.close()


def test_a_token_never_stands_in_the_address(server, two):
    for name in ("token", "access_token"):
        assert refused(server, f"/realtime?{name}={two[0].token}") == 400
    answer = server.send("GET", f"/realtime?token={two[0].token}")
    assert answer.json()["error"]["code"] == "TokenInAddress"
    assert two[0].token not in server.log()


def test_a_header_that_is_no_good_is_refused_before_the_upgrade(server):
    voice = Person(server, ["voip"])
    assert refused(server, headers={"Authorization": f"Bearer {voice.token}"}) == 403
    assert refused(server, headers={"Authorization": "Bearer nonsense"}) == 401
    assert refused(server, headers={"Authorization": f"Bearer {voice.token[:-3]}"}) == 401


def test_not_a_websocket_is_426(server, two):
    answer = two[0].call("GET", "/realtime")
    assert answer.status == 426 and answer.headers["Upgrade"] == "websocket"


@pytest.mark.parametrize("scopes,code", [(["voip"], 4403), (["chat.join"], None), (["chat.join.limited"], None),
                                         (["voip", "chat"], None)])
def test_scopes(server, scopes, code):
    person = Person(server, scopes)
    ear = Ear(server, person, hello=False).say({"type": "hello", "token": person.token})
    if code:
        assert ear.end()[0] == code
    else:
        ear.until_ready()
        ear.close()


def test_a_token_of_another_resource_is_no_good(server):
    other = server.new_resource("realtimeother")
    stranger = Person(server, of=other)
    assert Ear(server, hello=False).say({"type": "hello", "token": stranger.token}).end()[0] == 4401
    ear = Ear(server, stranger, host=stranger.host)
    assert ear.ready["user"] == stranger.id
    ear.close()


def test_no_hello_in_time(server):
    started = time.monotonic()
    assert Ear(server, hello=False).end()[0] == 4408
    assert 8 < time.monotonic() - started < 15


def test_too_many_connections_of_a_user(fresh_server):
    server = fresh_server(*LOOPS, "--chat-connections-per-user", "4")
    ada, bob = Person(server), Person(server)
    ears = ears_of(server, ada, 4)
    assert Ear(server, hello=False).say({"type": "hello", "token": ada.token}).end()[0] == 4429
    Ear(server, bob).close()
    ears[0].close()
    until(lambda: server.admin("GET", "/admin/status").json()["chatConnections"]["realtime"] == 3)
    Ear(server, ada).close()
    close_all(ears)


# -- hostile frames: §2 --


@pytest.mark.parametrize("frame", [
    "", "x", "[]", "1", "null", '"hello"', "{}", '{"type":1}', '{"type":"ping"}', '{"type":"token","token":"x"}',
    '{"type":"hello","type":"hello"}', '{"type":"hello","token":1}', '{"type":"hello","cursor":7}', "{" * 100,
    '{"type":"hello"' + ',"x":[' * 50 + "]" * 50 + "}"])
def test_a_first_frame_that_is_none(server, frame):
    assert Ear(server, hello=False).say(frame).end()[0] == 4400


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 9000])
def test_a_first_frame_with_a_bad_token(server, token):
    assert Ear(server, hello=False).say({"type": "hello", "token": token}).end()[0] == 4401
    assert Ear(server, hello=False).say({"type": "hello"}).end()[0] == 4401


@pytest.mark.parametrize("frame,code", [
    ('{"type":"hello","token":"x"}', 4400), ('{"type":"dance"}', 4400), ("nonsense", 4400), ('{"type":"token"}', 4400),
    (b"\x00\x01", 1003), ('{"type":"ping","x":"' + "y" * 20000 + '"}', 1009)])
def test_a_later_frame_that_is_none(server, two, frame, code):
    assert Ear(server, two[0]).say(frame).end()[0] == code


def test_too_many_frames(server, two):
    ear = Ear(server, two[0])
    try:
        for _ in range(400):
            ear.say({"type": "ping"})
    except Exception:  # noqa: BLE001 -- closed under the hands
        pass
    with pytest.raises(Exception) as caught:
        while True:
            ear.next()
    assert caught.value.rcvd.code == 1008


# -- what is heard: §3 --


def test_hears_what_happens_as_the_rest_api_tells_it(server, two):
    ada, bob = two
    ear, his = Ear(server, ada), Ear(server, bob)
    thread = ada.create("first topic", participant(bob.id, "Bob"), metadata={"k": "v"})
    sent = thread.send("hello", senderDisplayName="Ada", metadata={"a": "b"})
    as_sent = thread.message(sent)
    thread.edit(sent, content="hello again")
    as_edited = thread.message(sent)
    thread.by(bob).call("POST", "/typing", {"senderDisplayName": "Bob"})
    thread.by(bob).call("POST", "/readReceipts", {"chatMessageId": sent})
    thread.delete(sent)
    as_deleted = thread.message(sent)
    thread.change(topic="second topic")
    carol = Person(server)
    thread.add(carol)
    thread.remove(carol)
    assert thread.call("DELETE").status == 204
    heard = ear.hear(10)
    assert [e["type"] for e in heard] == [
        "chatThreadCreated", "chatMessageReceived", "chatMessageEdited", "typingIndicatorReceived",
        "readReceiptReceived", "chatMessageDeleted", "chatThreadPropertiesUpdated", "participantsAdded",
        "participantsRemoved", "chatThreadDeleted"]
    assert all(e["threadId"] == thread.id for e in heard)
    created, received, edited, typing, receipt, deleted, updated, added, removed, gone = heard
    assert created["thread"]["topic"] == "first topic" and created["thread"]["metadata"] == {"k": "v"}
    assert {p["communicationIdentifier"]["rawId"] for p in created["participants"]} == {ada.id, bob.id}
    assert received["message"] == as_sent and edited["message"] == as_edited and deleted["message"] == as_deleted
    assert typing["senderCommunicationIdentifier"]["rawId"] == bob.id and typing["senderDisplayName"] == "Bob"
    assert "cursor" not in typing
    assert receipt["receipt"]["chatMessageId"] == sent
    assert receipt["receipt"]["senderCommunicationIdentifier"]["rawId"] == bob.id
    assert updated["thread"]["topic"] == "second topic" and updated["updatedByCommunicationIdentifier"]["rawId"] == ada.id
    assert [p["communicationIdentifier"]["rawId"] for p in added["participants"]] == [carol.id]
    assert removed["removedByCommunicationIdentifier"]["rawId"] == ada.id
    assert gone["reason"] == "deletedByUser" and gone["deletedByCommunicationIdentifier"]["rawId"] == ada.id
    cursors = [int(e["cursor"]) for e in heard if "cursor" in e]
    assert cursors == sorted(set(cursors))
    assert [e["type"] for e in his.hear(9)] == [e["type"] for e in heard if e is not receipt], "who reads knows it"
    his.hears_nothing()
    close_all([ear, his])


def test_hears_from_joining_to_leaving(server, two):
    ada, bob = two
    ear = Ear(server, bob)
    thread = ada.create()
    thread.send("before")
    thread.add(bob)
    thread.send("while")
    thread.remove(bob)
    thread.send("after")
    heard = ear.hear(3)
    assert [e["type"] for e in heard] == ["participantsAdded", "chatMessageReceived", "participantsRemoved"]
    assert texts(heard) == ["while"]
    ear.hears_nothing()
    ear.close()
    again = Ear(server, bob, cursor=heard[0]["cursor"])
    assert again.events == heard[1:]
    again.close()
    back = Ear(server, bob, cursor=ear.ready["cursor"])
    assert back.events == heard
    back.close()


def test_strangers_hear_nothing(server, two):
    ada, bob = two
    other = server.new_resource("realtimestranger")
    stranger = Person(server, of=other)
    ear, far = Ear(server, bob), Ear(server, stranger, host=stranger.host)
    thread = ada.create()
    thread.send("a secret")
    ear.hears_nothing()
    far.hears_nothing()
    for one, who in ((ear, bob), (far, stranger)):
        one.close()
        again = Ear(server, who, cursor=one.ready["cursor"], host=who.host)
        assert again.events == [] and again.resync is None
        again.close()


# -- order and cursors: §4 --


def test_one_order_on_all_loops(fresh_server):
    server = fresh_server(*LOOPS)
    people = [Person(server) for _ in range(3)]
    threads = [people[0].create(f"thread {i}", *people[1:]) for i in range(3)]
    ears = [ear for person in people for ear in ears_of(server, person)]

    def talk(person, thread, name):
        for i in range(30):
            thread.by(person).send(f"{name} {i}")

    talkers = [threading.Thread(target=talk, args=(p, t, f"{i}{k}")) for i, p in enumerate(people)
               for k, t in enumerate(threads)]
    for one in talkers:
        one.start()
    for one in talkers:
        one.join()
    expected = None
    for ear in ears:
        heard = [(e["cursor"], e["threadId"], e["message"]["id"]) for e in ear.hear(270)]
        expected = expected or heard
        assert heard == expected
        ear.hears_nothing()
    for thread in threads:
        ids = [id for _, at, id in expected if at == thread.id]
        assert ids == sorted(ids, key=int) and len(ids) == 90
    close_all(ears)


def test_comes_back_without_loss_or_doubling(fresh_server):
    server = fresh_server(*LOOPS)
    ada, bob = Person(server), Person(server)
    thread, over = ada.create("topic", bob), threading.Event()
    sent = []

    def talk():
        connection = server.connect()
        while not over.is_set():
            text = f"message {len(sent)}"
            sent.append(text)
            answer = thread.call("POST", "/messages", {"content": text}, connection=connection)
            assert answer.status == 201, answer

    first = Ear(server, bob)
    cursor, heard, dice = first.ready["cursor"], [], random.Random(7)
    first.close()
    talker = threading.Thread(target=talk)
    talker.start()
    for _ in range(25):
        ear = Ear(server, bob, cursor=cursor)
        assert ear.resync is None
        while dice.random() < 0.9:
            ear.events.append(ear.next())
        heard += texts(ear.events)
        cursor = ear.cursor
        ear.close()
    over.set()
    talker.join()
    last = Ear(server, bob, cursor=cursor)
    heard += texts(last.events)
    last.hears_nothing()
    last.close()
    assert heard == sent


def test_a_message_that_changed_since_is_told_as_it_is(server, two):
    ada, bob = two
    thread = ada.create("topic", bob)
    ear = Ear(server, bob)
    ear.close()
    id = thread.send("first words")
    thread.edit(id, content="second words")
    other = thread.send("to be deleted")
    thread.delete(other)
    again = Ear(server, bob, cursor=ear.ready["cursor"])
    assert "first words" not in str(again.events) and "to be deleted" not in str(again.events)
    assert [e["type"] for e in again.events] == ["chatMessageReceived", "chatMessageEdited", "chatMessageReceived",
                                                 "chatMessageDeleted"]
    again.close()


def test_a_deleted_thread_is_told_to_those_who_were_in(server, two):
    ada, bob = two
    guest, stranger = Person(server), Person(server)
    ears = [Ear(server, bob), Ear(server, stranger)]
    close_all(ears)
    thread = ada.create("topic", bob, guest)
    thread.send("gone with it")
    thread.remove(guest)  # of that the log keeps all there is to tell
    assert thread.call("DELETE").status == 204
    again = Ear(server, bob, cursor=ears[0].ready["cursor"])
    assert [e["type"] for e in again.events] == ["chatThreadCreated", "participantsRemoved", "chatThreadDeleted"]
    assert {e["threadId"] for e in again.events} == {thread.id}
    assert "gone with it" not in str(again.events)
    none = Ear(server, stranger, cursor=ears[1].ready["cursor"])
    assert none.events == []
    close_all([again, none])


@pytest.mark.parametrize("cursor,reason", [("99999999999", "unknown"), ("x", "malformed"), ("-1", "malformed"),
                                           ("1e3", "malformed"), ("9" * 30, "malformed")])
def test_a_cursor_that_can_not_be_followed(server, two, cursor, reason):
    ear = Ear(server, two[0], cursor=cursor)
    assert ear.resync == {"type": "resync", "reason": reason} and ear.ready["cursor"].isdigit()
    two[0].create()
    assert ear.hear(1)[0]["type"] == "chatThreadCreated"
    ear.close()


def test_a_cursor_of_a_store_that_was_taken_back(tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    data.mkdir(mode=0o700)
    server = Server(data=str(data)).start()
    ada = Person(server)
    thread = ada.create()
    assert server.cli("backup", str(copy)).returncode == 0
    before = Ear(server, ada)
    thread.send("lost with the restore")
    before.hear(1)
    before.close()
    again = Ear(server, ada, cursor=before.cursor, epoch=before.ready["epoch"])
    assert again.resync is None and again.events == [] and again.ready["epoch"] == before.ready["epoch"]
    again.close()
    assert server.stop() == 0
    assert server.cli("restore", str(copy), "--data", str(data)).returncode == 0
    server.start()
    server.refresh_keys()
    ada = ada.with_scopes("chat")
    for i in range(5):
        Thread(ada, thread.id).send(f"another {i}")
    back = Ear(server, ada, cursor=before.cursor, epoch=before.ready["epoch"])
    assert back.resync == {"type": "resync", "reason": "unknown"} and back.events == []
    back.close()
    assert Ear(server, ada, cursor=back.ready["cursor"], epoch=back.ready["epoch"]).resync is None
    assert server.stop() == 0
    server.close()


def test_a_cursor_that_is_too_old(fresh_server):
    server = fresh_server("--chat-log-keep", "60s")
    ada = Person(server)
    ear = Ear(server, ada)
    ear.close()
    thread = ada.create()
    thread.send()
    server.admin("PUT", "/admin/clock", {"advance": "2h"})
    ada = ada.with_scopes("chat")
    thread = Thread(ada, thread.id)

    def told():
        thread.send("later")
        one = Ear(server, ada, cursor=ear.ready["cursor"])
        one.close()
        return one.resync

    assert until(told, 90) == {"type": "resync", "reason": "tooOld"}


def test_catches_up_over_many_pages(server, two):
    ada, bob = two
    thread = ada.create("topic", bob)
    ear = Ear(server, bob)
    ear.close()
    connection = server.connect()
    for i in range(1200):
        assert thread.call("POST", "/messages", {"content": f"{i}"}, connection=connection).status == 201
    again = Ear(server, bob, cursor=ear.ready["cursor"])
    assert texts(again.events) == [str(i) for i in range(1200)]
    assert again.ready["cursor"] == again.cursor
    again.close()


# -- the end: §5 --


def test_revoked_tokens_end_at_once(fresh_server):
    server = fresh_server(*LOOPS)
    ada, bob = Person(server), Person(server)
    ears, others = ears_of(server, ada), ears_of(server, bob)
    answer = server.signed("POST", f"/identities/{ada.id}/:revokeAccessTokens?api-version=2023-10-01")
    assert answer.status == 204, answer
    assert {ear.end()[0] for ear in ears} == {4401}
    for ear in others:
        ear.hears_nothing()
    assert Ear(server, hello=False).say({"type": "hello", "token": ada.token}).end()[0] == 4401
    answer = server.signed("DELETE", f"/identities/{bob.id}?api-version=2023-10-01")
    assert answer.status == 204, answer
    assert {ear.end()[0] for ear in others} == {4401}


def test_a_regenerated_key_ends_what_it_issued(fresh_server):
    server = fresh_server(*LOOPS)
    ada = Person(server)
    ears = ears_of(server, ada)
    assert server.admin("POST", "/admin/keys/secondary:regenerate").status == 200
    for ear in ears:
        ear.hears_nothing()
    assert server.admin("POST", "/admin/keys/primary:regenerate").status == 200
    assert {ear.end()[0] for ear in ears} == {4401}


def test_a_disabled_resource_ends_its_connections(fresh_server):
    server = fresh_server(*LOOPS)
    other = server.new_resource("gone")
    stranger, ada = Person(server, of=other), Person(server)
    ears, mine = ears_of(server, stranger, host=stranger.host), Ear(server, ada)
    assert server.admin("DELETE", "/admin/resources/gone?confirm=gone").status in (200, 204)
    assert {ear.end()[0] for ear in ears} == {4401}
    mine.hears_nothing()
    mine.close()


def test_expired_tokens_end_when_the_clock_is_moved(fresh_server):
    server = fresh_server(*LOOPS)
    ada = Person(server)
    ears = ears_of(server, ada)
    server.admin("PUT", "/admin/clock", {"advance": "23h"})
    for ear in ears:
        ear.hears_nothing()
    started = time.monotonic()
    server.admin("PUT", "/admin/clock", {"advance": "25h"})
    assert [ear.end() for ear in ears] == [(4401, "the token has expired")] * SPREAD
    assert time.monotonic() - started < 5


def test_a_newer_token_keeps_the_connection(fresh_server):
    server = fresh_server()
    ada, bob = Person(server), Person(server)
    ear = Ear(server, ada)
    for token in (bob.token, "x", ada.with_scopes("voip").token):
        assert ear.say({"type": "token", "token": token}).next()["type"] == "tokenRefused"
    server.admin("PUT", "/admin/clock", {"advance": "12h"})
    fresh = ada.with_scopes("chat")
    answer = ear.say({"type": "token", "token": fresh.token}).next()
    assert answer["type"] == "token" and answer["expiresOn"] > ear.ready["expiresOn"]
    server.admin("PUT", "/admin/clock", {"advance": "25h"})
    ear.hears_nothing()
    server.admin("PUT", "/admin/clock", {"advance": "37h"})
    assert ear.end()[0] == 4401


def test_a_slow_reader_is_let_go_and_nobody_else_waits(fresh_server):
    server = fresh_server(*LOOPS, "--chat-queue-max", "1048576")
    ada, bob = Person(server), Person(server)
    thread = ada.create("topic", bob)
    slow, quick = Ear(server, bob), Ear(server, bob)  # nobody reads from the slow one: its library stops too
    connection, n = server.connect(), 0
    while metric(server, "chat_connections_slow_total") == 0:
        for _ in range(20):
            assert thread.call("POST", "/messages", {"content": "x" * 28000}, connection=connection).status == 201
            n += 1
        assert len(quick.hear(n)) == n < 2000
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            slow.events.append(slow.next())
    if caught.value.rcvd:  # else the kernel's buffers were full, and it was cut off
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1013, slow.cursor)
    again = Ear(server, bob, cursor=slow.cursor)
    assert len(slow.events + again.events) == n
    close_all([quick, again])


def test_a_stop_says_goodbye(fresh_server):
    server = fresh_server(*LOOPS)
    ada = Person(server)
    ears = ears_of(server, ada)
    waiting = Ear(server, hello=False)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    assert {ear.end()[0] for ear in ears} == {1001}
    assert waiting.end()[0] == 1001
    stopper.join(WAIT_S)
    assert not stopper.is_alive()


def test_metrics_and_status_tell_of_connections(fresh_server):
    server = fresh_server(*LOOPS)
    ada = Person(server)
    ears = ears_of(server, ada)
    assert server.admin("GET", "/admin/status").json()["chatConnections"] == {"trouter": 0, "realtime": SPREAD}
    assert metric(server, 'chat_connections_open{protocol="realtime"}') == SPREAD
    ada.create()
    for ear in ears:
        ear.hear(1)
    assert metric(server, "chat_notices_delivered_total") == SPREAD
    close_all(ears)
    until(lambda: metric(server, 'chat_connections_open{protocol="realtime"}') == 0)
