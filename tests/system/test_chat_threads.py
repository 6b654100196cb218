"""Threads of chat by raw requests: routes, versions, refusals and their order, create, list, change, delete (chat §1,
§2.1 to §2.5)."""

import concurrent.futures
import json
import re
import time
import uuid

import pytest
from chat import (MERGE, NEWEST, NOT_A_MEMBER, THREAD_GONE, VERSIONS, Person, Thread, error_of, identifier, participant,
                  path, until)

ID = re.compile(r"19:[A-Za-z0-9_-]{43}1@thread\.v2")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
EPOCH = "1970-01-01T00:00:00Z"
UNKNOWN = "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1@thread.v2"
SUPPORTED = ", ".join(v for v in VERSIONS if v != "2021-09-27")
FORBIDDEN_SCOPE = "User is not allowed to perform specified action."


@pytest.fixture(scope="module")
def people(server):
    return [Person(server) for _ in range(4)]


def details(answer) -> set:
    """What a 400 names."""
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    error = error_of(answer, 400, "BadRequest", "One or more validation errors occurred.")
    assert error["details"] and all(d["code"] and d["message"] for d in error["details"]), error
    return {d["target"] for d in error["details"]}


# -- create --


def test_create(people):
    a, b, c, _ = people
    answer = a.call("POST", path(), {"topic": "a topic", "metadata": {"k": "v"}, "participants": [
        participant(b.id, "Bob"), participant(c.id, shareHistoryTime="2021-06-15T23:04:09.427421+02:00",
                                              metadata={"x": "y"})]})
    assert answer.status == 201, answer
    assert list(answer.json()) == ["chatThread"]
    made = answer.json()["chatThread"]
    assert list(made) == ["id", "topic", "createdOn", "createdByCommunicationIdentifier", "metadata"]
    assert ID.fullmatch(made["id"]) and TIME.fullmatch(made["createdOn"])
    assert made["createdByCommunicationIdentifier"] == identifier(a.id)
    assert answer.headers["Location"] == \
        f"http://localhost:{a.server.http_port}/chat/threads/{made['id'].replace(':', '%3A')}"
    assert answer.headers["api-supported-versions"] == SUPPORTED
    assert answer.headers["MS-CV"] and answer.headers["X-Processing-Time"].endswith("ms")
    thread = Thread(a, made["id"])
    listed = thread.all("participants")
    assert [p["communicationIdentifier"] for p in listed] == [identifier(p.id) for p in (a, b, c)]
    assert listed[0] == {"communicationIdentifier": identifier(a.id), "shareHistoryTime": EPOCH}
    assert listed[1]["displayName"] == "Bob" and listed[1]["shareHistoryTime"] == EPOCH
    assert listed[2]["shareHistoryTime"] == "2021-06-15T21:04:09Z" and listed[2]["metadata"] == {"x": "y"}
    got = thread.call("GET")
    assert got.status == 200 and got.json() == made


def test_create_writes_two_system_messages(people):
    a, b, *_ = people
    thread = a.create("named", participant(b.id, "Bob"), participant(a.id, "Ann"))
    second, first = thread.all()
    assert (first["type"], first["sequenceId"]) == ("participantAdded", "1")
    assert (second["type"], second["sequenceId"]) == ("topicUpdated", "2")
    assert first["content"] == {"participants": [participant(a.id, "Ann", shareHistoryTime=EPOCH),
                                                 participant(b.id, "Bob", shareHistoryTime=EPOCH)],
                                "initiatorCommunicationIdentifier": identifier(a.id)}
    assert second["content"] == {"topic": "named", "initiatorCommunicationIdentifier": identifier(a.id)}
    assert "senderCommunicationIdentifier" not in first and "senderDisplayName" not in second
    assert int(first["id"]) < int(second["id"]) and first["version"] == first["id"]
    thread.send()
    assert len(thread.all()) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_served_alike(people, version):
    answer = people[0].call("POST", path(version=version), {"topic": "t", "metadata": {"a": "b"}})
    assert answer.status == 201 and answer.json()["chatThread"]["metadata"] == {"a": "b"}, answer


@pytest.mark.parametrize("body", [{"topic": "t"}, {"topic": "t", "participants": []},
                                  {"topic": "t", "participants": None}, {"topic": "t", "future": {"x": [1]}},
                                  {"topic": "t" * 250}, {"topic": "ä" * 250}, {"topic": "\u0000\"\\😀"}])
def test_what_a_body_may_be(people, body):
    answer = people[0].call("POST", path(), body)
    assert answer.status == 201 and answer.json()["chatThread"]["topic"] == body["topic"], answer
    assert Thread(people[0], answer.json()["chatThread"]["id"]).call("GET").json()["topic"] == body["topic"]


@pytest.mark.parametrize("form", [lambda raw: identifier(raw), lambda raw: {"rawId": raw},
                                  lambda raw: {"communicationUser": {"id": raw}},
                                  lambda raw: {"kind": "communicationUser", **identifier(raw)},
                                  lambda raw: {**identifier(raw), "phoneNumber": None}])
def test_forms_of_identifiers(people, form):
    a, b, *_ = people
    thread = a.create("t", {"communicationIdentifier": form(b.id)})
    assert thread.all("participants")[1]["communicationIdentifier"] == identifier(b.id)


@pytest.mark.parametrize(("body", "targets"), [
    ({}, {"topic"}), ({"topic": ""}, {"topic"}), ({"topic": None}, {"topic"}), ({"topic": 5}, {"topic"}),
    ({"topic": "t" * 251}, {"topic"}),
    ({"topic": "t", "participants": "x"}, {"participants"}),
    ({"topic": "t", "participants": {}}, {"participants"}),
    ({"topic": "t", "participants": [5]}, {"participants[0]"}),
    ({"topic": "t", "participants": [{}]}, {"participants[0].communicationIdentifier"}),
    ({"topic": "t", "participants": [participant("x"), {"communicationIdentifier": {}}]},
     {"participants[1].communicationIdentifier"}),
    ({"topic": "t", "participants": [{"communicationIdentifier": {"rawId": ""}}]},
     {"participants[0].communicationIdentifier"}),
    ({"topic": "t", "participants": [{"communicationIdentifier": {"rawId": "8:acs:a", "communicationUser":
                                                                  {"id": "8:acs:b"}}}]},
     {"participants[0].communicationIdentifier"}),
    ({"topic": "t", "participants": [{"communicationIdentifier": {"communicationUser": {"id": "8:acs:a"},
                                                                  "phoneNumber": {"value": "+1"}}}]},
     {"participants[0].communicationIdentifier"}),
    ({"topic": "t", "participants": [participant("8:acs:a", shareHistoryTime="yesterday")]},
     {"participants[0].shareHistoryTime"}),
    ({"topic": "t", "participants": [{**participant("8:acs:a"), "displayName": 5}]},
     {"participants[0].displayName"}),
    ({"topic": "t", "participants": [{**participant("8:acs:a"), "metadata": {"k": "v" * 1024}}]},
     {"participants[0].metadata"}),
    ({"topic": "t", "metadata": {"k": 5}}, {"metadata"}), ({"topic": "t", "metadata": "x"}, {"metadata"}),
    ({"topic": "t", "metadata": {"k": "v" * 1024}}, {"metadata"}),
    ({"topic": "t", "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 29}},
     {"retentionPolicy.deleteThreadAfterDays"}),
    ({"topic": "t", "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 91}},
     {"retentionPolicy.deleteThreadAfterDays"}),
    ({"topic": "t", "retentionPolicy": {"kind": "threadCreationDate"}}, {"retentionPolicy.deleteThreadAfterDays"}),
    ({"topic": "t", "retentionPolicy": {"kind": "forever"}}, {"retentionPolicy.kind"}),
    ({"topic": 5, "metadata": 5}, {"topic", "metadata"}),
])
def test_bad_bodies_are_told_what_is_wrong(people, body, targets):
    assert details(people[0].call("POST", path(), body)) == targets


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"topic":"a","topic":"b"}', b"\xff", b'{"topic":"\xff"}',
                                  b'{"topic":"t"}x', b"[" * 200 + b"]" * 200])
def test_malformed_bodies(people, body):
    answer = people[0].call("POST", path(), body=body)
    assert details(answer) == {"$"}
    assert answer.headers["api-supported-versions"] == SUPPORTED


def test_an_empty_body_lacks_a_topic(people):
    assert details(people[0].call("POST", path())) == {"topic"}
    assert details(people[0].call("POST", path(), body=b"null")) == {"topic"}


def test_an_oversized_body(people):
    answer = people[0].call("POST", path(), {"topic": "t", "x": "y" * 600000})
    error_of(answer, 413, "RequestEntityTooLarge")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_bodies_of_other_types(people, kind):
    error_of(people[0].call("POST", path(), {"topic": "t"}, kind=kind), 415, "UnsupportedMediaType")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", MERGE, MERGE + ";charset=utf-8"])
def test_types_that_are_taken(people, kind):
    thread = people[0].create()
    assert people[0].call("POST", path(), {"topic": "t"}, kind=kind).status == 201
    assert thread.call("PATCH", "", {"topic": "u"}, kind=kind).status == 204


def test_who_can_not_be_in_it(server, people):
    a, b, *_ = people
    gone = Person(server)
    assert server.signed("DELETE", f"/identities/{gone.id}?api-version=2023-10-01").status == 204
    other = Person(server, of=server.new_resource(f"chat{uuid.uuid4().hex[:8]}"))
    own = a.id.split("_")[0]
    bad = {gone.id: "404", f"{own}_{uuid.uuid4()}": "404", other.id: "403", "8:orgid:" + str(uuid.uuid4()): "403",
           "8:acs:nonsense": "403", "4:+14255550123": "400", "28:bot": "400"}
    answer = a.call("POST", path(), {"topic": "t", "participants": [participant(b.id), *map(participant, bad)]})
    assert answer.status == 201, answer
    assert list(answer.json()) == ["chatThread", "invalidParticipants"]
    invalid = answer.json()["invalidParticipants"]
    assert [(i["target"], i["code"]) for i in invalid] == list(bad.items())
    assert all(list(i) == ["code", "message", "target"] and i["message"] for i in invalid)
    thread = Thread(a, answer.json()["chatThread"]["id"])
    assert len(thread.all("participants")) == 2
    only_bad = a.call("POST", path(), {"topic": "t", "participants": [participant(other.id)]})
    assert only_bad.status == 201 and len(only_bad.json()["invalidParticipants"]) == 1


def test_typed_strangers(people):
    strangers = [({"microsoftTeamsUser": {"userId": "u", "cloud": "public"}}, "403", "8:orgid:u"),
                 ({"phoneNumber": {"value": "+14255550123"}}, "400", "4:+14255550123"),
                 ({"rawId": "as it was", "phoneNumber": {"value": "+14255550123"}}, "400", "as it was")]
    answer = people[0].call("POST", path(), {"topic": "t", "participants": [
        {"communicationIdentifier": i} for i, _, _ in strangers]})
    assert [(i["code"], i["target"]) for i in answer.json()["invalidParticipants"]] == [s[1:] for s in strangers]


def test_a_second_mention_is_dropped(people):
    a, b, *_ = people
    thread = a.create("t", participant(b.id, "first"), participant(b.id, "second"), participant(a.id, "me"))
    assert [p.get("displayName") for p in thread.all("participants")] == ["me", "first"]


def test_two_hundred_participants(server, people):
    a = people[0]
    many = [Person(server).id for _ in range(201)]
    too_many = a.call("POST", path(), {"topic": "t", "participants": [participant(p) for p in many]})
    assert details(too_many) == {"participants"} and "200" in too_many.body.decode()
    thread = a.create("t", *map(participant, many[:200]))
    assert len(thread.all("participants", maxPageSize=200)) == 201
    left = [Person(server).id for _ in range(60)]
    invalid = thread.add(*map(participant, left))["invalidParticipants"]
    assert [i["target"] for i in invalid] == left[49:] and "250" in invalid[0]["message"]
    assert len(thread.all("participants", maxPageSize=200)) == 250


# -- the same id again --


def test_the_same_repeatability_id_gives_the_same_thread(people):
    a, b, *_ = people
    key = {"repeatability-request-id": f"contoso-{uuid.uuid4()}"}
    first = a.create("one", b, headers=key)
    again = a.call("POST", path(), {"topic": "two"}, headers=key)
    assert again.status == 201 and again.json()["chatThread"]["id"] == first.id
    assert again.json()["chatThread"]["topic"] == "one" and again.headers["Location"]
    assert len(first.all()) == 2
    assert b.create("mine", headers=key).id != first.id  # ids are of one user
    assert a.create("other", headers={"repeatability-request-id": str(uuid.uuid4())}).id != first.id
    assert first.call("DELETE").status == 204
    error_of(a.call("POST", path(), {"topic": "x"}, headers=key), 404, "NotFound", THREAD_GONE)


def test_a_creator_who_has_left_is_told_of_the_thread_as_he_left_it(people):
    a, b, *_ = people
    key = {"repeatability-request-id": str(uuid.uuid4())}
    thread = a.create("one", b, headers=key, metadata={"k": "v"})
    made = thread.call("GET").json()
    thread.remove(a)
    thread.by(b).change(topic="two", metadata={"k": "changed"},
                        retentionPolicy={"kind": "threadCreationDate", "deleteThreadAfterDays": 30})
    again = a.call("POST", path(), {"topic": "x"}, headers=key)
    del made["metadata"]
    assert again.status == 201 and again.json() == {"chatThread": made}, again
    thread.by(b).add(a)
    assert a.call("POST", path(), {"topic": "x"}, headers=key).json() == {"chatThread": thread.call("GET").json()}


def test_a_creator_who_was_deleted_and_is_back_has_no_place_in_it(server, people):
    a, b = Person(server), people[1]
    key = {"repeatability-request-id": str(uuid.uuid4())}
    thread = a.create("one", b, headers=key)
    assert server.signed("DELETE", f"/admin/users/{a.id}").status == 204
    until(lambda: a.id not in str(thread.by(b).page("participants")))
    until(lambda: "chatThread" not in server.signed("GET", f"/admin/users/{a.id}:export").body.decode())
    seeded = server.admin("POST", "/admin/seed", {"users": [{"id": a.id}]})
    assert seeded.status == 201, seeded
    answer = a.with_scopes("chat").call("POST", path(), {"topic": "x"}, headers=key)
    error_of(answer, 403, "Forbidden", NOT_A_MEMBER)
    assert "is not in the thread" in answer.headers["x-callgate-explain"]


def test_the_same_id_at_once(server, people):
    a = Person(server)
    key = {"repeatability-request-id": str(uuid.uuid4())}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: a.call("POST", path(), {"topic": str(n)}, headers=key), range(32)))
    assert {x.status for x in answers} == {201}, answers
    assert len({x.json()["chatThread"]["id"] for x in answers}) == 1
    assert len(a.threads()["value"]) == 1


# -- who may --


def test_without_a_token(server, people):
    thread = people[0].create()
    for method, rest in (("POST", ""), ("GET", ""), ("GET", thread.at), ("DELETE", thread.at),
                         ("GET", thread.at + "/messages"), ("POST", thread.at + "/typing")):
        answer = server.send(method, path(rest))
        error_of(answer, 401, "Unauthorized", "Request is not authorized.")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        for value in ("Bearer nonsense", "Bearer", "Basic eDp5", f"Bearer {people[0].token}x"):
            error_of(server.send(method, path(rest), {"Authorization": value}), 401, "Unauthorized")
        error_of(server.signed(method, path(rest), {"topic": "t"} if method == "POST" else None), 401, "Unauthorized")
    other = Person(server, of=server.new_resource(f"chat{uuid.uuid4().hex[:8]}"))
    error_of(server.bearer("GET", path(), other.token), 401, "Unauthorized")


@pytest.mark.parametrize(("scopes", "make", "add", "read"), [
    (("chat",), 1, 1, 1), (("chat.join",), 0, 1, 1), (("chat.join.limited",), 0, 0, 1), (("voip",), 0, 0, 0),
    (("voip", "chat.join"), 0, 1, 1)])
def test_scopes(server, people, scopes, make, add, read):
    owner, guest = people[:2]
    thread = owner.create("t", guest)
    message = thread.by(guest).send()
    me = guest.with_scopes(*scopes)
    mine = thread.by(me)
    allowed = {
        make: [me.call("POST", path(), {"topic": "t"}), mine.call("PATCH", "", {"topic": "u"})],
        add + 2: [mine.call("POST", "/participants/:add", {"participants": [participant(people[2].id)]}),
                  mine.call("POST", "/participants/:remove", identifier(people[2].id))],
        read + 4: [me.call("GET", path()), mine.call("GET"), mine.call("GET", "/messages"),
                   mine.call("POST", "/messages", {"content": "x"}), mine.call("GET", f"/messages/{message}"),
                   mine.call("PATCH", f"/messages/{message}", {"content": "y"}),
                   mine.call("DELETE", f"/messages/{message}"), mine.call("GET", "/participants"),
                   mine.call("POST", "/typing"), mine.call("GET", "/readReceipts"),
                   mine.call("POST", "/readReceipts", {"chatMessageId": message})],
    }
    for key, answers in allowed.items():
        for answer in answers:
            if key % 2:
                assert answer.status in (200, 201, 204), (key, answer)
            else:
                error_of(answer, 403, "Forbidden", FORBIDDEN_SCOPE)
                assert "scope" in answer.headers["x-callgate-explain"]
    assert mine.call("DELETE").status == (204 if make else 403)


def test_the_order_of_refusals(server, people):
    stranger, thread = people[3], people[0].create()
    voip = stranger.with_scopes("voip")
    error_of(server.send("POST", "/chat/threads?api-version=1999-01-01", {}, b"{"), 401, "Unauthorized")
    error_of(voip.call("POST", "/chat/threads?api-version=1999-01-01", body=b"{"), 400, "UnsupportedApiVersion")
    error_of(voip.call("POST", "/chat/threads", body=b"{"), 400, "ApiVersionUnspecified")
    error_of(voip.call("GET", path("/nonsense")), 403, "Forbidden", FORBIDDEN_SCOPE)
    error_of(thread.by(stranger).call("PATCH", "", body=b"{"), 403, "Forbidden", NOT_A_MEMBER)
    error_of(stranger.call("PATCH", path("/nonsense"), body=b"{"), 404, "NotFound", THREAD_GONE)
    assert details(thread.call("POST", "/messages", body=b"{")) == {"$"}
    assert details(thread.call("POST", "/readReceipts", {})) == {"chatMessageId"}
    error_of(thread.call("POST", "/readReceipts", {"chatMessageId": "1"}), 404, "NotFound")


@pytest.mark.parametrize("version", ["", "2020-09-21-preview2", "2021-10-01-preview7", "2025-03-16", "latest",
                                     "2021-03-07 ", "2025-03-15-preview"])
def test_versions_that_are_not_served(people, version):
    answer = people[0].call("GET", path(version=version))
    assert NEWEST in error_of(answer, 400, "UnsupportedApiVersion")["message"]
    assert answer.headers["api-supported-versions"] == SUPPORTED


def test_threads_that_are_not_there(server, people):
    a = people[0]
    for id in (UNKNOWN, "19:00000000000000000000000000000000@thread.v2", "nonsense", "19:x"):
        for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/messages"), ("POST", "/messages"),
                             ("GET", "/participants"), ("POST", "/typing"), ("GET", "/readReceipts")):
            error_of(Thread(a, id).call(method, rest), 404, "NotFound", THREAD_GONE)
    foreign = Person(server, of=server.new_resource(f"chat{uuid.uuid4().hex[:8]}"))
    error_of(Thread(a, foreign.create().id).call("GET"), 404, "NotFound", THREAD_GONE)
    real = a.create().id
    for changed in (real[:40] + ("A" if real[40] != "A" else "B") + real[41:], real.replace("1@", "2@"),
                    real[:4] + real[4].swapcase() + real[5:]):
        if changed != real:
            error_of(Thread(a, changed).call("GET"), 404, "NotFound")
    error_of(a.call("GET", path("/19%3Aa%2Fb/messages")), 404, "NotFound", THREAD_GONE)


def test_spellings_of_an_id(people):
    thread = people[0].create()
    for at in (thread.id, thread.id.replace(":", "%3A").replace("@", "%40"), thread.id.replace(":", "%3a")):
        assert people[0].call("GET", path("/" + at)).json()["id"] == thread.id
    assert people[0].call("POST", path(f"/{thread.id}/participants/%3Aadd"),
                          {"participants": [participant(people[1].id)]}).status == 201
    assert people[0].call("GET", f"//chat/threads/{thread.id}?x=1&api-version={NEWEST}&y").status == 200


def test_other_methods_and_paths(people):
    thread = people[0].create()
    for method, rest in (("PUT", ""), ("DELETE", "/messages"), ("GET", "/typing"), ("PATCH", "/participants"),
                         ("GET", "/participants/:add")):
        assert thread.call(method, rest).status == 405
    for rest in ("/unknown", "/messages/1/2", "/participants/:promote"):
        assert thread.call("GET", rest).status == 404


def test_strangers(people):
    a, b, *_, stranger = people
    thread = a.create("t", b)
    message = thread.send()
    for method, rest, body in (
            ("GET", "", None), ("PATCH", "", {"topic": "x"}), ("DELETE", "", None), ("GET", "/messages", None),
            ("POST", "/messages", {"content": "x"}), ("GET", f"/messages/{message}", None),
            ("PATCH", f"/messages/{message}", {"content": "x"}), ("DELETE", f"/messages/{message}", None),
            ("GET", "/participants", None), ("POST", "/participants/:add", {"participants": [participant(b.id)]}),
            ("POST", "/participants/:remove", identifier(b.id)), ("POST", "/typing", None),
            ("GET", "/readReceipts", None), ("POST", "/readReceipts", {"chatMessageId": message})):
        answer = thread.by(stranger).call(method, rest, body)
        error_of(answer, 403, "Forbidden", NOT_A_MEMBER)
        assert "never was" in answer.headers["x-callgate-explain"]
    assert thread.by(stranger).id not in [t["id"] for t in stranger.threads(maxPageSize=200)["value"]]


# -- list --


def send_after(thread, id):
    """Sends until the clock has moved on."""
    while (sent := int(thread.send())) <= id:
        pass
    return sent


def test_list(server):
    me, other = Person(server), Person(server)
    assert me.threads() == {"value": []}
    made = [me.create(f"t{n}", other) for n in range(5)]
    newest = max(int(t.page()["value"][0]["id"]) for t in made)
    for thread in (made[1].by(other), made[3]):
        newest = send_after(thread, newest)
    page = me.threads()
    assert [t["topic"] for t in page["value"]] == ["t3", "t1", "t4", "t2", "t0"]
    assert "nextLink" not in page
    assert all(list(t) == ["id", "topic", "lastMessageReceivedOn"] and TIME.fullmatch(t["lastMessageReceivedOn"])
               for t in page["value"])
    made[0].call("DELETE")
    assert [t["topic"] for t in other.threads()["value"]] == ["t3", "t1", "t4", "t2"]
    assert me.threads(startTime="2999-01-01T00:00:00Z") == {"value": []}
    assert len(me.threads(startTime="2001-01-01T00:00:00Z")["value"]) == 4


def follow(person, page):
    yield page["value"]
    while "nextLink" in page:
        target = page["nextLink"].split("/chat/", 1)
        assert target[0] == f"http://localhost:{person.server.http_port}", page["nextLink"]
        answer = person.call("GET", "/chat/" + target[1])
        assert answer.status == 200, answer
        page = answer.json()
        yield page["value"]


def test_pages_of_threads(server):
    me = Person(server)
    made = []
    for n in range(25):
        made.append(me.create(f"t{n}").id)
        time.sleep(0.002)  # of one millisecond, their ids say which comes first
    assert [len(p) for p in follow(me, me.threads())] == [20, 5]
    pages = list(follow(me, me.threads(maxPageSize=7)))
    assert [len(p) for p in pages] == [7, 7, 7, 4]
    assert [t["id"] for p in pages for t in p] == made[::-1]
    first = me.threads(maxPageSize=10)
    Thread(me, made[0]).send()  # moves to the top: no page shifts
    me.create("new")
    rest = [t["id"] for p in list(follow(me, first))[1:] for t in p]
    assert rest == made[1:15][::-1]
    assert len(me.threads(maxPageSize=100000000000000000000)["value"]) == 26


@pytest.mark.parametrize("query", [{"maxPageSize": "0"}, {"maxPageSize": "-1"}, {"maxPageSize": "x"},
                                   {"maxPageSize": ""}, {"startTime": "yesterday"}, {"syncState": "x"},
                                   {"syncState": "0" * 64}])
def test_bad_queries(people, query):
    assert details(people[0].call("GET", path(**query))) == set(query)
    assert details(people[0].create().call("GET", "/messages", query=query)) == set(query)


def test_a_continuation_is_of_one_list(server, people):
    me = Person(server)
    threads = [me.create() for _ in range(2)]
    link = me.threads(maxPageSize=1)["nextLink"]
    state = re.search(r"syncState=(\w+)", link)[1]
    assert details(people[0].call("GET", path(syncState=state))) == {"syncState"}
    state = re.search(r"syncState=(\w+)", threads[0].page(maxPageSize=1)["nextLink"])[1]
    assert details(threads[1].call("GET", "/messages", query={"syncState": state})) == {"syncState"}


# -- change --


def test_change(people):
    a, b, *_ = people
    thread = a.create("old", b, metadata={"a": "1", "b": "2"})
    thread.by(b).change(topic="new")
    assert thread.call("GET").json()["topic"] == "new"
    top = thread.page()["value"][0]
    assert top["type"] == "topicUpdated" and top["sequenceId"] == "3"
    assert top["content"] == {"topic": "new", "initiatorCommunicationIdentifier": identifier(b.id)}
    thread.change(metadata={"b": "3", "c": "4"})
    assert thread.call("GET").json()["metadata"] == {"a": "1", "b": "3", "c": "4"}
    thread.change(metadata={"a": "", "c": None})
    assert thread.call("GET").json()["metadata"] == {"b": "3"}
    thread.change(retentionPolicy={"kind": "threadCreationDate", "deleteThreadAfterDays": 60})
    assert thread.call("GET").json()["retentionPolicy"] == {"kind": "threadCreationDate", "deleteThreadAfterDays": 60}
    thread.change(retentionPolicy={"kind": "none"})
    thread.change(metadata=None)
    got = thread.call("GET").json()
    assert "retentionPolicy" not in got and "metadata" not in got
    assert len(thread.all()) == 3  # only the topic made a message


@pytest.mark.parametrize("body", [b"{}", b"", b"null", b'{"unknown":1}', b'{"metadata":{}}'])
def test_a_change_of_nothing(people, body):
    thread = people[0].create("same", metadata={"a": "b"})
    before = thread.call("GET").json()
    assert thread.call("PATCH", "", body=body).status == 204
    assert thread.call("PATCH", "", {"topic": "same"}).status == 204
    assert thread.call("GET").json() == before and len(thread.all()) == 2


@pytest.mark.parametrize(("body", "target"), [
    ({"topic": None}, "topic"), ({"topic": ""}, "topic"), ({"topic": 1}, "topic"), ({"topic": "x" * 251}, "topic"),
    ({"metadata": 1}, "metadata"), ({"metadata": {"a": 1}}, "metadata"), ({"metadata": {"a": "x" * 1024}}, "metadata"),
    ({"retentionPolicy": 1}, "retentionPolicy.kind")])
def test_bad_changes(people, body, target):
    thread = people[0].create("same")
    assert details(thread.call("PATCH", "", body)) == {target}
    assert thread.call("GET").json()["topic"] == "same"


def test_metadata_has_a_ceiling_in_all(people):
    thread = people[0].create("t", metadata={"a": "x" * 600})
    error_of(thread.call("PATCH", "", {"metadata": {"b": "x" * 600}}), 400, "BadRequest")
    thread.change(metadata={"a": "", "b": "x" * 600})


# -- delete --


def test_delete(people):
    a, b, *_, stranger = people
    thread = a.create("t", b)
    message = thread.send()
    error_of(thread.by(stranger).call("DELETE"), 403, "Forbidden", NOT_A_MEMBER)
    assert thread.by(b).call("DELETE").status == 204
    for who in (a, b):
        for method, rest in (("DELETE", ""), ("GET", ""), ("GET", "/messages"), ("GET", f"/messages/{message}"),
                             ("POST", "/messages"), ("GET", "/participants"), ("POST", "/typing")):
            answer = thread.by(who).call(method, rest)
            error_of(answer, 404, "NotFound", THREAD_GONE)
        assert thread.id not in [t["id"] for t in who.threads(maxPageSize=200)["value"]]


def test_deleted_at_once(people):
    thread = people[0].create()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: thread.call("DELETE").status, range(8)))
    assert statuses == [204] + [404] * 7


# -- settings --


def test_the_shape_of_the_live_service(fresh_server):
    server = fresh_server("--chat-error-shape", "live")
    me = Person(server)
    for answer, status, code, message in (
            (me.call("GET", path("/nonsense")), 404, "NotFound", THREAD_GONE),
            (server.send("GET", path()), 401, "Unauthorized", "Request is not authorized."),
            (me.call("GET", "/chat/threads"), 400, "ApiVersionUnspecified", None),
            (me.call("PUT", path()), 405, "MethodNotAllowed", None)):
        assert answer.status == status, answer
        error = answer.json()["CommunicationError"]
        assert list(error) == ["Code", "Message", "Details"] and error["Code"] == code and error["Details"] == []
        assert message is None or error["Message"] == message
    bad = me.call("POST", path(), {}).json()["CommunicationError"]
    assert bad["Details"][0]["Target"] == "topic" and bad["Details"][0]["Message"]
    assert "error" in server.signed("POST", "/identities").json()  # others keep theirs


def test_hidden_threads(fresh_server):
    server = fresh_server("--chat-hide-foreign")
    a, b, stranger = Person(server), Person(server), Person(server)
    thread = a.create("t", b)
    seen = {thread.by(stranger).call("GET").body, Thread(a, UNKNOWN).call("GET").body, Thread(a, "x").call("GET").body}
    assert len(seen) == 1
    error_of(Thread(a, UNKNOWN).call("GET"), 403, "Forbidden", NOT_A_MEMBER)
    thread.call("DELETE")
    error_of(thread.by(stranger).call("GET"), 403, "Forbidden", NOT_A_MEMBER)
    assert thread.call("GET").status in (403, 404)  # 404 until its rows are cleared


def test_nothing_secret_in_the_log(fresh_server):
    server = fresh_server()
    me = Person(server)
    thread = me.create("a very private topic", metadata={"k": "metadata-secret"})
    message = thread.send("a very private text", senderDisplayName="private name")
    thread.edit(message, content="another private text")
    thread.call("POST", "/messages", body=b'{"content":"broken private')
    log = until(lambda: (found := server.log()).count("/chat/threads/{threadId}/messages") == 3 and found)
    for secret in ("private", "metadata-secret", me.token):
        assert secret not in log
    assert json.dumps(thread.page())  # and it works
