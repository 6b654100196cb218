"""The realtime channel of chat, spoken by hand: every step, every refusal, both transports, both loops, and clients that
mean no good. What the official client makes of it is tests/conformance/browser's. Source: wire/trouter."""

import json
import re
import threading
import time

import pytest
from trouter import CONNECTED, Client, Person, packets_of
from waiting import until
from websockets.exceptions import ConnectionClosed, InvalidStatus

LETTERS = re.compile(r"[A-Za-z0-9._~-]+")
RECONNECT = '5:2::{"name":"trouter.reconnect","args":[{"target":"self"}]}'
UNAUTHORIZED = '0:::{"reason":"unauthorized"}'
CONFIG = "/chat/config/realTimeNotifications?api-version=2024-09-01"


@pytest.fixture(scope="module")
def ann(server):
    return Person(server)


@pytest.fixture(scope="module")
def ben(server):
    return Person(server)


@pytest.fixture
def clients():
    """Clients that are closed in the end, whatever happens."""
    made = []
    yield lambda client: made.append(client) or client
    for client in made:
        client.close()


def code_of(answer) -> str:
    return answer.json()["error"]["code"]


def refused(client: Client) -> int:
    with pytest.raises(InvalidStatus) as caught:
        client.open()
    return caught.value.response.status_code


def closed(client: Client, seconds: float = 20) -> tuple[list[str], int, str]:
    """The packets up to the close, and how it closed."""
    packets = []
    try:
        while True:
            packets.append(client.packet(seconds))
    except ConnectionClosed as end:
        return packets, end.rcvd.code if end.rcvd else 1006, end.rcvd.reason if end.rcvd else ""


# -- where it is --


@pytest.mark.parametrize("slashes", ["", "/"])
@pytest.mark.parametrize("secure", [False, True])
def test_configuration_names_the_host_that_was_asked(server, ann, secure, slashes):
    answer = server.bearer("GET", slashes + CONFIG, ann.token, secure=secure)
    origin = (server.endpoint if secure else server.http_endpoint).rstrip("/")
    assert answer.status == 200
    assert answer.json() == {"trouterServiceUrl": origin, "registrarServiceUrl": f"{origin}/registrar/prod",
                             "cloudType": "public"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_configuration_of_another_resource_names_its_host(server):
    other = server.new_resource("trouterother")
    host = other.host(server.http_port)
    made = server.signed("POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": ["chat.join.limited"]},
                         key=other.primary, host=host).json()
    token = made["accessToken"]["token"]
    answer = server.send("GET", CONFIG, {"Host": host, "Authorization": f"Bearer {token}"})
    assert answer.json()["trouterServiceUrl"] == f"http://{host}"
    assert server.bearer("GET", CONFIG, token).status == 401, "at the host of another resource"
    assert Client(server, token).ask("POST", "/v4/a?epid=x").status == 401
    client = Client(server, token, host=host).ready()
    assert client.poll().body == b"1::"
    client.host = f"localhost:{server.http_port}"
    assert client.poll().status == 401, "a session id at the host of another resource"


@pytest.mark.parametrize("method, target", [
    ("POST", "/v4/a?epid=1"), ("GET", "/socket.io/1/?v=v4"), ("POST", "/registrar/prod/v3/registrations"),
    ("DELETE", "/registrar/prod/v3/registrations/1")])
def test_the_token_stands_in_its_own_header(server, ann, method, target):
    body = b"{}" if method == "POST" else b""
    json_type = {"Content-Type": "application/json"}
    for headers in ({}, {"Authorization": f"Bearer {ann.token}"}, {"X-Skypetoken": "garbage"},
                    {"X-Skypetoken": ann.token[:-4] + "AAAA"}, {"X-Skypetoken": f"Bearer {ann.token}"}):
        answer = server.send(method, target, {**json_type, **headers}, body)
        assert answer.status == 401 and code_of(answer) == "Unauthorized", answer
    calls = Person(server, ("voip",))
    answer = server.send(method, target, {**json_type, "X-Skypetoken": calls.token}, body)
    assert answer.status == 403 and code_of(answer) == "Forbidden"


def test_configuration_wants_a_token_of_chat(server):
    assert server.send("GET", CONFIG).status == 401
    assert server.signed("GET", CONFIG).status == 401
    assert server.bearer("GET", CONFIG, Person(server, ("voip",)).token).status == 403
    for scope in ("chat", "chat.join", "chat.join.limited"):
        assert server.bearer("GET", CONFIG, Person(server, (scope,)).token).status == 200


def test_probes(server):
    answer = server.send("GET", "/?check=1700000000000")
    assert (answer.status, answer.body) == (200, b"Trouter")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert server.send("GET", "/").status == 404
    assert server.send("GET", "/v4/h").status == 200


@pytest.mark.parametrize("method, target, wanted", [
    ("POST", "/v4/a", "x-skypetoken,content-type"), ("GET", "/socket.io/1/?a=b", "x-skypetoken"),
    ("GET", "/socket.io/1/xhr-polling/x", "x-skypetoken"), ("POST", "/registrar/prod/v3/registrations", "x-skypetoken"),
    ("GET", CONFIG, "authorization,x-ms-useragent")])
def test_pages_of_other_origins_may_ask(server, method, target, wanted):
    answer = server.send("OPTIONS", target, {
        "Origin": "https://app.example", "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted})
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == wanted
    assert method in answer.headers["Access-Control-Allow-Methods"]


# -- allocation and handshake --


@pytest.mark.parametrize("secure", [False, True])
def test_allocation(server, ann, secure):
    given = ann.tab(secure=secure).allocate().allocation
    origin = (server.endpoint if secure else server.http_endpoint).rstrip("/")
    assert given["socketio"] == f"{origin}/"
    assert given["surl"] == given["url"] == f"{origin}/v4/f/{given['id']}/"
    assert given["curlb"] == origin and given["healthUrl"] == f"{origin}/v4/h"
    assert int(given["ttl"]) == 86400 and given["ccid"]
    parameters = given["connectparams"]
    assert all(isinstance(value, str) and LETTERS.fullmatch(value) for value in parameters.values())
    assert int(parameters["se"]) - int(parameters["st"]) == 86400 * 1000
    assert "scae" not in parameters


def test_allocation_takes_odd_queries_and_old_parameters(server, ann):
    tab = ann.tab().allocate()
    for query in ("", f"?{tab.query()}", "?epid=&epid=&&a=%7B%22&%", "?epid=" + "x" * 1000, "?sr==&sig=+",
                  "?tc={cv:1}|^`"):
        assert tab.ask("POST", f"/v4/a{query}", headers={"Content-Type": "text/plain"}).status == 200, query


def test_handshake_refuses_parameters_that_are_not_the_users(server, ann, ben):
    tab, other = ann.tab().allocate(), ben.tab().allocate()

    def shake(**change):
        tab.allocation["connectparams"] = {**good, **change}
        return tab.ask("GET", f"/socket.io/1/?{tab.query()}")

    good = tab.allocation["connectparams"]
    assert shake().status == 200
    theirs = other.allocation["connectparams"]
    for change in ({"sr": theirs["sr"], "sig": theirs["sig"]}, {"sr": theirs["sr"]}, {"sig": theirs["sig"]},
                   {"sr": good["sr"][:-1]}, {"sig": ""}, {"sr": "x" * 3000}, {"sr": "%00"}, {"sr": good["sig"]}):
        answer = shake(**change)
        assert answer.status == 403 and code_of(answer) == "Forbidden", change
    assert tab.ask("GET", "/socket.io/1/").status == 403


def test_fresh_parameters_do_without_a_token(server, ann, clients):
    """As clients up to 1.3.1 shake hands."""
    tab = clients(ann.tab().allocate())
    tab.token = ""
    assert tab.ask("GET", f"/socket.io/1/?{tab.query()}").status == 200
    other = server.new_resource("trouterparameters")
    for change in ({"sig": ""}, {"sr": tab.allocation["connectparams"]["sr"][:-1]}, {"sr": "", "sig": ""}):
        changed = ann.tab().allocate()
        changed.token = ""
        changed.allocation["connectparams"].update(change)
        answer = changed.ask("GET", f"/socket.io/1/?{changed.query()}")
        assert answer.status == 401 and code_of(answer) == "Unauthorized", change
    home, tab.host = tab.host, other.host(server.http_port)
    assert tab.ask("GET", f"/socket.io/1/?{tab.query()}").status == 401, "at the host of another resource"
    tab.host = home
    tab.handshake().open()
    assert [tab.packet(), tab.packet()] == ["1::", CONNECTED]
    ann.thread()
    assert tab.push()["event"]["eventId"] == 257


def test_parameters_without_a_token_end_with_their_minute_and_with_the_token(server, clients):
    who = Person(server)
    tab, late = who.tab().allocate(), who.tab().allocate()
    late.token = ""
    assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200
    try:
        assert late.ask("GET", f"/socket.io/1/?{late.query()}").status == 401
        assert tab.ask("GET", f"/socket.io/1/?{tab.query()}").status == 200, "with a token they live for a day"
    finally:
        server.admin("DELETE", "/admin/clock")
    tab.token = ""
    tab.handshake()
    assert server.signed("POST", f"/identities/{who.id}/:revokeAccessTokens?api-version=2023-10-01").status == 204
    assert refused(tab) == 401


def test_session_ids_are_kept_out_of_the_log(server, ann, clients):
    tab = clients(ann.tab().online())
    assert tab.ask("GET", f"/socket.io/1/htmlfile/{tab.sid}").status == 404, "a transport that is not ours"
    tab.close()
    until(lambda: server.log().count("/socket.io/REDACTED") >= 2)
    log = server.log()
    assert tab.sid not in log and tab.allocation["connectparams"]["sr"] not in log and ann.token not in log


# -- WebSocket --


def test_websocket_wants_an_upgrade_and_a_good_id(server, ann):
    tab = ann.tab().ready()
    answer = tab.ask("GET", f"/socket.io/1/websocket/{tab.sid}")
    assert answer.status == 426 and answer.headers["Upgrade"] == "websocket"
    sid = tab.sid
    changed = sid[:50] + ("B" if sid[50] == "A" else "A") + sid[51:]
    for bad in (sid[:-1], sid + "A", changed, "garbage", tab.allocation["connectparams"]["sr"]):
        tab.sid = bad
        assert refused(tab) == 401
        assert tab.poll().status == 401 and tab.post("2::").status == 401


def test_an_id_that_was_not_used_in_time_opens_nothing(server, ann):
    tab = ann.tab().ready()
    assert server.admin("PUT", "/admin/clock", {"advance": "61s"}).status == 200
    try:
        assert refused(tab) == 401
        assert tab.poll().status == 401
    finally:
        server.admin("DELETE", "/admin/clock")


def test_an_id_opens_one_session(server, ann, clients):
    tab = clients(ann.tab().online())
    tab.say('5:1+::{"name":"user.activity","args":[{"state":"active","cv":"x.2"}]}')
    assert tab.packet() == "6:::1+[]"
    again = ann.tab()
    again.allocation, again.sid, again.epid = tab.allocation, tab.sid, tab.epid
    assert refused(again) == 401
    assert again.poll().status == 401
    assert tab.nothing()


def test_a_socket_that_was_never_heard_leaves_the_id_to_polling(server, ann, clients):
    tab = clients(ann.tab().ready().open())
    assert tab.packet() == "1::"
    assert tab.polled() == "1::"
    assert tab.polled() == CONNECTED


def test_packets_are_answered(server, ann, clients):
    tab = clients(ann.tab().online())
    for said, heard in (('5:1+::{"name":"user.activity","args":[{"state":"active"}]}', "6:::1+[]"),
                        ('5:2+::{"name":"ping"}', '6:::2+["pong"]'),
                        ('5:3+::{"name":"unheard of","args":[1,{"a":[]}]}', "6:::3+[]")):
        tab.say(said)
        assert tab.packet() == heard
    for silent in ("2::", "8::", "1::/somewhere", "0::/somewhere", "6:::1+[]", '5:9::{"name":"ping"}', "3:::no json",
                   '3:::{"id":1,"status":404}', "4:::{}", "7:::0"):
        tab.say(silent)
    assert tab.nothing()


def test_a_farewell_closes(server, ann, clients):
    tab = clients(ann.tab().online())
    tab.say("0::")
    assert closed(tab) == ([], 1000, "")


def test_events_go_to_all_in_the_thread(server, ann, ben, clients):
    mine, yours = clients(ann.tab().online()), clients(ben.tab().online())
    thread = ann.thread(ben, topic='100%41 "\u00e9\U0001F600')
    for tab, who in ((mine, ann), (yours, ben)):
        push = tab.push()
        assert push["method"] == "POST" and push["url"] == f"/v4/f/{tab.allocation['id']}/chatThreadCreated"
        assert json.loads(push["event"]["properties"])["topic"] == '100%2541 "\u00e9\U0001F600'
    sent = ann.send(thread, "hello", senderDisplayName="Ann", metadata={"a": "b"})
    for tab, who in ((mine, ann), (yours, ben)):
        push = tab.push()
        event = push["event"]
        assert push["id"] == 2 and push["url"].endswith("/chatMessageReceived")
        assert event["eventId"] == 200 and event["messageId"] == sent and event["messageBody"] == "hello"
        assert event["senderId"] == ann.id and event["recipientMri"] == who.id
        assert json.loads(event["acsChatMessageMetadata"]) == {"a": "b"}
    ben.call("POST", f"/{thread}/readReceipts", {"chatMessageId": sent}, 200)
    assert mine.push()["event"]["eventId"] == 246
    assert yours.nothing(), "one's own receipt does not come back"
    ann.call("PATCH", f"/{thread}", {"topic": "new"}, 204)
    for tab in (mine, yours):
        assert tab.push()["event"]["eventId"] == 258, "system messages make no pushes"
        assert tab.nothing()
    ann.call("DELETE", f"/{thread}", None, 204)
    for tab in (mine, yours):
        assert tab.push()["event"]["reason"] == "deletedByUser"


def test_who_comes_hears_of_the_thread_first(server, ann, ben, clients):
    thread = ann.thread()
    yours, mine = clients(ben.tab().online()), clients(ann.tab().online())
    someone = {"communicationIdentifier": {"rawId": ben.id}, "displayName": "Ben"}
    ann.call("POST", f"/{thread}/participants/:add", {"participants": [someone]}, 201)
    assert [yours.push()["event"]["eventId"] for _ in range(2)] == [257, 260]
    assert mine.push()["event"]["eventId"] == 260
    ann.call("POST", f"/{thread}/participants/:remove", {"rawId": ben.id}, 204)
    assert yours.push()["event"]["eventId"] == 261
    ann.send(thread, "unheard")
    assert [mine.push()["event"]["eventId"] for _ in range(2)] == [261, 200]
    assert yours.nothing()


def test_two_hundred_with_much_to_say_of_them_are_told_whole(server, ann, ben, clients):
    thread = ann.thread()
    yours, mine = clients(ben.tab().online()), clients(ann.tab().online())
    people = [ben.id, *(server.new_user()[0] for _ in range(199))]
    about = [{"communicationIdentifier": {"rawId": one}, "displayName": "\u0001" * 30, "metadata": {"a": '"' * 800}}
             for one in people]
    ann.call("POST", f"/{thread}/participants/:add", {"participants": about}, 201)
    ann.send(thread, "hello")
    for tab, member, lists in ((mine, "participantsAdded", [200]), (yours, "members", [201, 200])):
        for wanted in lists:
            event = tab.push()["event"]
            told = json.loads(event.get(member) or event["participantsAdded"])
            assert len(told) == wanted and {one["participantId"] for one in told} >= set(people)
            assert "memberMetaData" in told[1] and "memberMetaData" not in told[-1]
        assert tab.push()["event"]["messageBody"] == "hello"
        assert tab.nothing()


def test_the_newest_connection_of_an_endpoint_gets_all(server, ann, clients):
    old = clients(ann.tab().online())
    beside = clients(ann.tab().online())
    new = clients(ann.tab(epid=old.epid).online())
    thread = ann.thread()
    for tab in (new, beside):
        assert tab.push()["event"]["eventId"] == 257
    assert old.nothing()
    started = time.monotonic()
    packets, code, _ = closed(old)
    assert packets == [] and code == 1001
    assert time.monotonic() - started < 10
    ann.send(thread, "x")
    assert new.push()["event"]["eventId"] == 200 and new.nothing()


# -- the end of a credential --


def test_revocation_ends_it_at_once(server, clients):
    who = Person(server)
    tab, polling = clients(who.tab().online()), who.tab().ready()
    assert [polling.polled(), polling.polled()] == ["1::", CONNECTED]
    unused = who.tab().ready()
    assert server.signed("POST", f"/identities/{who.id}/:revokeAccessTokens?api-version=2023-10-01").status == 204
    assert closed(tab) == ([UNAUTHORIZED], 1008, "unauthorized")
    assert polling.polled() == UNAUTHORIZED
    assert refused(unused) == 401
    assert unused.poll().status == 401


def test_the_end_of_its_token_ends_it(server, clients):
    tab = clients(Person(server).tab().online())
    assert server.admin("PUT", "/admin/clock", {"advance": "25h"}).status == 200
    try:
        assert closed(tab) == ([UNAUTHORIZED], 1008, "unauthorized")
    finally:
        server.admin("DELETE", "/admin/clock")


# -- polled requests --


def test_polling_carries_packets_both_ways(server, ann, ben):
    tab = ann.tab().ready()
    assert tab.poll().body == b"1::", "one packet stands bare"
    assert tab.polled() == CONNECTED
    answer = tab.post('5:1+::{"name":"ping"}', '5:2+::{"name":"\U0001F600\u00e9"}', "2::")
    assert (answer.status, answer.body) == (200, b"1")
    assert [tab.polled(), tab.polled()] == ['6:::1+["pong"]', "6:::2+[]"]
    thread = ann.thread(topic="\U0001F600")
    ann.send(thread, "\u20ac\U0001F680")
    pushes = [json.loads(tab.polled()[4:]) for _ in range(2)]
    assert [one["id"] for one in pushes] == [1, 2]
    assert json.loads(pushes[1]["body"])["messageBody"] == "\u20ac\U0001F680"
    assert tab.post("0::").status == 200
    assert tab.post("2::").status == 404


def test_a_poll_without_a_body_takes_nothing(server, ann):
    tab = ann.tab().ready()
    assert tab.ask("HEAD", f"/socket.io/1/xhr-polling/{tab.sid}").status == 405
    assert tab.poll().body == b"1::"


def test_a_newer_poll_takes_the_place_of_one_that_waits(server, ann):
    tab = ann.tab().ready()
    assert [tab.polled(), tab.polled()] == ["1::", CONNECTED]
    first = {}
    waiting = threading.Thread(target=lambda: first.update(answer=tab.poll()))
    waiting.start()
    time.sleep(0.2)
    second = threading.Thread(target=lambda: first.update(second=tab.poll()))
    second.start()
    waiting.join(20)
    assert first["answer"].status == 200 and first["answer"].body == b""
    tab.post('5:1+::{"name":"ping"}')
    second.join(20)
    assert first["second"].body == b'6:::1+["pong"]'


def test_a_poll_whose_client_leaves_loses_nothing(server, ann):
    tab = ann.tab().ready()
    assert [tab.polled(), tab.polled()] == ["1::", CONNECTED]
    for _ in range(5):
        connection = server.connect()
        connection.request("GET", f"/socket.io/1/xhr-polling/{tab.sid}")
        time.sleep(0.05)
        connection.close()
    time.sleep(0.2)
    thread = ann.thread()
    ann.send(thread, "kept")
    events = [json.loads(json.loads(tab.polled()[4:])["body"])["eventId"] for _ in range(2)]
    assert events == [257, 200]


@pytest.mark.parametrize("body", ["\ufffd5\ufffd2::", "\ufffd\ufffd2::", "\ufffd3", b"\xff\xfe", "\ufffd-1\ufffd2::"])
def test_badly_framed_packets_end_a_session(server, ann, body):
    tab = ann.tab().ready()
    assert tab.polled() == "1::"
    octets = body if isinstance(body, bytes) else body.encode()
    answer = tab.ask("POST", f"/socket.io/1/xhr-polling/{tab.sid}", octets, {"Content-Type": "text/plain"})
    assert answer.status == 400
    assert tab.post("2::").status == 404


def test_sessions_are_reached_from_every_loop(fresh_server):
    server = fresh_server("--threads", "4")
    who = Person(server)
    tabs = [who.tab().ready() for _ in range(8)]
    for tab in tabs:
        assert [tab.polled(), tab.polled()] == ["1::", CONNECTED]
    thread = who.thread()
    for number in range(4):
        who.send(thread, str(number))
    for tab in tabs:  # each request on a connection of its own, and so on any loop
        assert tab.post('5:1+::{"name":"ping"}').body == b"1"
        events, pongs = [], 0
        while len(events) < 5 or not pongs:
            packet = tab.polled()
            pongs += packet == '6:::1+["pong"]'
            if packet.startswith("3:::"):
                events.append(json.loads(json.loads(packet[4:])["body"]))
        assert [one.get("messageBody") for one in events] == [None, "0", "1", "2", "3"]


def test_heartbeats_come_every_thirty_seconds(server, ann, clients):
    tab, polling = clients(ann.tab().online()), ann.tab().ready()
    assert [polling.polled(), polling.polled()] == ["1::", CONNECTED]
    started, got = time.monotonic(), {}
    waiting = threading.Thread(target=lambda: got.update(packet=polling.polled()))
    waiting.start()
    assert tab.packet(40) == "2::"
    assert 25 < time.monotonic() - started < 35
    waiting.join(20)
    assert got["packet"] == "2::"


# -- registration --


def test_registrations_are_hints(server, ann, clients):
    tab = clients(ann.tab().online())
    document = {"clientDescription": {"appId": "AcsWeb", "aesKey": "", "languageId": "en-US", "platform": "SPOOL",
                                      "templateKey": "AcsWeb_Chat_1.7", "platformUIVersion": "0.0.0"},
                "registrationId": tab.epid, "nodeId": "",
                "transports": {"TROUTER": [{"context": "", "path": tab.allocation["surl"], "ttl": 7200}]}}
    place = "/registrar/prod/v3/registrations"
    headers = {"Content-Type": "application/json"}
    connection = server.connect()
    for _ in range(300):
        answer = tab.ask("POST", place, json.dumps(document).encode(), headers, connection)
        assert (answer.status, answer.body) == (202, b"")
    connection.close()
    for method, target in (("DELETE", f"{place}/{tab.epid}"), ("DELETE", place), ("DELETE", f"{place}/unknown")):
        assert tab.ask(method, target).status == 202
    for body in (b"", b"{", b"[]", b'"x"', b"\xff"):
        assert tab.ask("POST", place, body, headers).status == 400
    assert tab.ask("POST", place, b"{" + b" " * 20000 + b"}", headers).status == 413
    ann.thread()
    assert tab.push()["event"]["eventId"] == 257, "without a registration"


# -- those who mean no good --


@pytest.mark.parametrize("packet", ["", "x", "9::", "5:1", "55::", "5:1+::{", "5:1+::[]", "5:12345678901+::{}", "::", "5:+::{}"])
def test_malformed_packets_close(server, ann, clients, packet):
    tab = clients(ann.tab().online())
    tab.say(packet)
    packets, code, reason = closed(tab)
    assert packets == [] and code == 1008 and reason.startswith("malformed")


def test_floods_close(server, ann, clients):
    tab = clients(ann.tab().online())
    try:
        for _ in range(5000):
            tab.say('5:1+::{"name":"ping"}')
    except ConnectionClosed:
        pass
    _, code, reason = closed(tab)
    assert (code, reason) == (1008, "too many packets")


def test_a_busy_client_is_not_a_flood(server, ann, clients):
    tab = clients(ann.tab().online())
    thread = ann.thread()
    connection = server.connect()
    for number in range(400):
        answer = server.send("POST", f"/chat/threads/{thread}/messages?api-version=2025-03-15",
                             {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"},
                             json.dumps({"content": str(number)}).encode(), connection)
        assert answer.status == 201
    connection.close()
    bodies = []
    while len(bodies) < 401:
        packet = tab.packet()
        if packet.startswith("3:::"):
            bodies.append(tab.taken(packet)["event"].get("messageBody"))
            tab.say('5:1+::{"name":"ping"}')
    assert bodies[1:] == [str(number) for number in range(400)]


def test_huge_and_binary_messages_close(server, ann, clients):
    for message, code in (("5:1::" + "x" * 70000, 1009), (b"2::", 1003)):
        tab = clients(ann.tab().online())
        tab.say(message)
        assert closed(tab)[1] == code


def test_a_poll_that_brings_too_much_is_refused(server, ann):
    tab = ann.tab().ready()
    assert tab.polled() == "1::"
    answer = tab.ask("POST", f"/socket.io/1/xhr-polling/{tab.sid}", b"x" * 70000, {"Content-Type": "text/plain"})
    assert answer.status == 413
    assert tab.post(*["2::"] * 1000).status == 200
    assert tab.post("2::").status == 404, "too many packets"


def test_one_user_has_so_many_connections(server, clients):
    who = Person(server)
    tabs, busy = [], None
    for _ in range(300):
        tab = clients(who.tab().ready().open())
        assert tab.packet() == "1::"
        try:
            assert tab.packet() == CONNECTED
        except ConnectionClosed as end:
            busy = end.rcvd
            break
        tabs.append(tab)
    assert busy and (busy.code, busy.reason) == (1013, "too many connections"), len(tabs)
    assert tabs[0].nothing()


def test_an_old_connection_is_asked_for_a_new_one(fresh_server):
    server = fresh_server("--chat-connection-age", "2s")
    who = Person(server)
    old, polling = who.tab().online(), who.tab().ready()
    assert [polling.polled(), polling.polled()] == ["1::", CONNECTED]
    assert old.packet() == RECONNECT and polling.polled() == RECONNECT
    assert old.nothing(), "it is asked once, and lives on"
    new = who.tab(epid=old.epid).online()
    who.thread()
    push = new.packet()
    if push == RECONNECT:
        push = new.packet()
    assert new.taken(push)["event"]["eventId"] == 257
    packets, code, _ = closed(old)
    assert packets == [] and code == 1001
    assert json.loads(json.loads(polling.polled()[4:])["body"])["eventId"] == 257, "nobody took its place"


def test_a_server_that_stops_asks_clients_to_come_again(fresh_server):
    server = fresh_server()
    who = Person(server)
    tab, polling = who.tab().online(), who.tab().ready()
    assert [polling.polled(), polling.polled()] == ["1::", CONNECTED]
    got = {}
    waiting = threading.Thread(target=lambda: got.update(packet=polling.polled()))
    waiting.start()
    time.sleep(0.2)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 9
    waiting.join(20)
    packets, code, _ = closed(tab)
    assert packets == [RECONNECT] and code == 1001
    assert got["packet"] == RECONNECT
    assert packets_of(b"") == []
