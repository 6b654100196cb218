"""Participants, what each may see, typing and read receipts (chat §1.5, §2.7, §2.8)."""

import concurrent.futures

import pytest
from chat import NOT_A_MEMBER, Person, error_of, identifier, participant, path, until

EPOCH = "1970-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def people(server):
    return [Person(server) for _ in range(4)]


def named(answer) -> set:
    return {d["target"] for d in error_of(answer, 400, "BadRequest")["details"]}


def texts(thread) -> list:
    """What users wrote, oldest first, as far as it is seen."""
    return [m["content"]["message"] for m in reversed(thread.all()) if m["type"] == "text"]


# -- list --


def test_pages(server, people):
    a = people[0]
    others = [Person(server) for _ in range(6)]
    thread = a.create("t", *others)
    first = thread.page("participants", maxPageSize=2)
    assert first["nextLink"].startswith(
        f"http://localhost:{server.http_port}/chat/threads/{thread.id}/participants?skip=2&maxPageSize=2&")
    pages = list(thread.pages("participants", maxPageSize=2))
    assert [len(p) for p in pages] == [2, 2, 2, 1]
    assert [p["communicationIdentifier"]["rawId"] for page in pages for p in page] == [p.id for p in [a, *others]]
    assert len(thread.page("participants", skip=5)["value"]) == 2
    assert thread.page("participants", skip=100) == {"value": []}
    assert thread.page("participants", skip=10**30) == {"value": []}
    for query in ({"skip": "-1"}, {"skip": "x"}, {"maxPageSize": "0"}):
        assert named(thread.call("GET", "/participants", query=query)) == set(query)


# -- add --


def test_add(people):
    a, b, c, _ = people
    thread = a.create("t", b)
    answer = thread.by(b).call("POST", "/participants/:add", {"participants": [participant(c.id, "Cid")]})
    assert answer.status == 201 and answer.json() == {}, answer
    top = thread.page()["value"][0]
    assert top["type"] == "participantAdded"
    assert top["content"] == {"participants": [participant(c.id, "Cid", shareHistoryTime=EPOCH)],
                              "initiatorCommunicationIdentifier": identifier(b.id)}
    assert thread.by(c).call("GET").status == 200
    assert thread.add(c, b) == {}  # both are in: no change, no message
    assert thread.page()["value"][0] == top and len(thread.all("participants")) == 3


def test_add_several_in_one_message(server, people):
    a, b, *_ = people
    others = [Person(server) for _ in range(3)]
    thread = a.create("t", b)
    invalid = thread.add(b, others[0], participant("8:orgid:x"), others[1], others[1], others[2])
    assert [i["target"] for i in invalid["invalidParticipants"]] == ["8:orgid:x"]
    top = thread.page()["value"][0]["content"]["participants"]
    assert [p["communicationIdentifier"] for p in top] == [identifier(p.id) for p in others]


@pytest.mark.parametrize("body", [{}, {"participants": []}, {"participants": None}, {"participants": "x"}])
def test_add_nobody(people, body):
    thread = people[0].create()
    assert named(thread.call("POST", "/participants/:add", body)) == {"participants"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"participants":[{}],"participants":[]}'])
def test_add_malformed(people, body):
    assert named(people[0].create().call("POST", "/participants/:add", body=body)) <= {"$", "participants"}


def test_added_at_once(server, people):
    a, b, c, d = people
    thread = a.create("t", b, c)
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda n: thread.by(people[n % 3]).add(d), range(9)))
    assert answers == [{}] * 9
    assert len(thread.all("participants")) == 4
    assert [m["type"] for m in thread.all()].count("participantAdded") == 2  # the creation's, and one


# -- remove --


def test_remove(people):
    a, b, c, _ = people
    thread = a.create("t", participant(b.id, "Bob"), c)
    thread.by(c).remove(b)
    top = thread.page()["value"][0]
    assert top["type"] == "participantRemoved"
    assert top["content"] == {"participants": [participant(b.id, "Bob", shareHistoryTime=EPOCH)],
                              "initiatorCommunicationIdentifier": identifier(c.id)}
    assert [p["communicationIdentifier"]["rawId"] for p in thread.all("participants")] == [a.id, c.id]
    error_of(thread.call("POST", "/participants/:remove", identifier(b.id)), 404, "NotFound")
    thread.by(c).remove(a)  # the creator, too
    error_of(thread.call("GET"), 403, "Forbidden", NOT_A_MEMBER)
    thread.by(c).remove(c)  # the last one leaves, the thread stays
    error_of(thread.by(c).call("GET"), 403, "Forbidden", NOT_A_MEMBER)


@pytest.mark.parametrize("form", [lambda raw: {"rawId": raw}, lambda raw: {"communicationUser": {"id": raw}}])
def test_forms_of_a_removal(people, form):
    a, b, *_ = people
    thread = a.create("t", b)
    assert thread.call("POST", "/participants/:remove", form(b.id), kind="application/merge-patch+json").status == 204
    assert len(thread.all("participants")) == 1


def test_removals_of_nobody(server, people):
    a, *_ = people
    thread = a.create()
    for raw in ("8:acs:nonsense", "8:orgid:x", "4:+1425", Person(server).id):
        error_of(thread.call("POST", "/participants/:remove", identifier(raw)), 404, "NotFound")
    for body in ({}, {"rawId": 5}, {"rawId": "a", "communicationUser": {"id": "b"}}, {"communicationUser": {}}):
        assert named(thread.call("POST", "/participants/:remove", body)) == {"communicationIdentifier"}
    assert thread.call("POST", "/participants/:remove", body=b"{").status == 400


def test_removed_at_once(people):
    a, b, c, _ = people
    thread = a.create("t", b, c)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda n: thread.by((a, c)[n % 2]).call(
            "POST", "/participants/:remove", identifier(b.id)).status, range(8)))
    assert statuses == [204] + [404] * 7
    assert [m["type"] for m in thread.all()].count("participantRemoved") == 1


# -- who sees what --


def test_a_removed_user_reads_what_he_had(people):
    a, b, *_ = people
    thread = a.create("t", b)
    mine = thread.by(b)
    old = thread.send("before")
    own = mine.send("own")
    thread.remove(b)
    until(lambda: int(thread.send("after")) > int(own) + 2)
    assert texts(mine) == ["before", "own"]
    assert mine.message(old)["content"] == {"message": "before"}
    later = thread.page()["value"][0]["id"]
    error_of(mine.call("GET", f"/messages/{later}"), 404, "NotFound")
    assert all(m["type"] != "participantRemoved" for m in mine.all())
    thread.edit(old, content="changed since")
    assert texts(mine)[0] == "own" and "changed since" in texts(mine)  # in its present state
    for method, rest, body in (
            ("GET", "", None), ("PATCH", "", {"topic": "x"}), ("DELETE", "", None),
            ("POST", "/messages", {"content": "x"}), ("PATCH", f"/messages/{own}", {"content": "x"}),
            ("DELETE", f"/messages/{own}", None), ("GET", "/participants", None),
            ("POST", "/participants/:add", {"participants": [participant(b.id)]}),
            ("POST", "/participants/:remove", identifier(a.id)), ("POST", "/typing", None),
            ("GET", "/readReceipts", None), ("POST", "/readReceipts", {"chatMessageId": old})):
        answer = mine.call(method, rest, body)
        error_of(answer, 403, "Forbidden", NOT_A_MEMBER)
        assert "was removed" in answer.headers["x-callgate-explain"]
    listed = {t["id"]: t for t in b.threads(maxPageSize=200)["value"]}
    assert thread.id in listed and "isActive" not in listed[thread.id]
    thread.add(b)
    assert len(texts(mine)) == len(texts(thread)) and mine.send("back again")


def listed(person, thread) -> dict:
    [told] = [t for t in person.threads(maxPageSize=200)["value"] if t["id"] == thread.id]
    return told


def test_a_removed_user_is_told_of_nothing_that_came_later(people):
    a, b, c, *_ = people
    thread = a.create("as he knew it", b, c)
    thread.remove(b)
    his = listed(b, thread)
    assert his["topic"] == "as he knew it"
    until(lambda: thread.send() and listed(a, thread)["lastMessageReceivedOn"] > his["lastMessageReceivedOn"])
    thread.change(topic="not for him")
    thread.remove(c)
    thread.change(topic="for neither")
    assert listed(b, thread) == his
    assert [listed(one, thread)["topic"] for one in (a, c)] == ["for neither", "not for him"]
    thread.add(b)
    assert listed(b, thread) == listed(a, thread) and listed(b, thread)["topic"] == "for neither"
    thread.change(topic="he is in again")
    assert listed(b, thread)["topic"] == "he is in again"
    thread.by(b).remove(b)
    thread.change(topic="he went")
    assert listed(b, thread)["topic"] == "he is in again"


def test_a_late_comer_sees_what_is_shared(people):
    a, b, *_ = people
    thread = a.create("t")
    first = thread.send("first")
    second = until(lambda: (id := thread.send("more")) and int(id) // 1000 > int(first) // 1000 + 1 and id)
    shared = f"{int(second) / 1000:.3f}"
    from datetime import datetime, timezone
    at = datetime.fromtimestamp(float(shared), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(second) % 1000:03}Z"
    thread.add(participant(b.id, shareHistoryTime=at))
    mine = thread.by(b)
    error_of(mine.call("GET", f"/messages/{first}"), 404, "NotFound")
    assert mine.message(second)["id"] == second
    assert texts(mine) == ["more"]
    assert [m["type"] for m in mine.all()] == ["participantAdded", "text"]
    error_of(mine.call("POST", "/readReceipts", {"chatMessageId": first}), 404, "NotFound")
    assert mine.page(maxPageSize=1, startTime="1970-01-01T00:00:00Z")["value"][0]["type"] == "participantAdded"


def test_a_share_time_ahead_hides_all(people):
    a, b, *_ = people
    thread = a.create("t", participant(b.id, shareHistoryTime="2999-01-01T00:00:00Z"))
    thread.send("x")
    assert thread.by(b).all() == []
    assert thread.by(b).send("he may write all the same")
    assert thread.id in [t["id"] for t in b.threads(maxPageSize=200)["value"]]


def test_without_reads_of_the_removed(fresh_server):
    server = fresh_server("--chat-removed-reads=false", "--chat-mark-active")
    a, b = Person(server), Person(server)
    thread = a.create("t", b)
    assert [t["isActive"] for t in b.threads()["value"]] == [True]
    thread.remove(b)
    assert b.threads() == {"value": []}
    for rest in ("", "/messages"):
        error_of(thread.by(b).call("GET", rest), 403, "Forbidden", NOT_A_MEMBER)


def test_marked_threads(fresh_server):
    server = fresh_server("--chat-mark-active", "--chat-page-size=3")
    a, b = Person(server), Person(server)
    thread = a.create("t", b)
    thread.remove(b)
    assert [t["isActive"] for t in b.threads()["value"]] == [False]
    assert [t["isActive"] for t in a.threads()["value"]] == [True]
    thread.send()
    assert len(thread.page()["value"]) == 3


# -- typing --


@pytest.mark.parametrize("body", [None, {}, {"senderDisplayName": None}, {"senderDisplayName": "Ann"}, {"x": 1}])
def test_typing(people, body):
    thread = people[0].create()
    answer = thread.call("POST", "/typing", body)
    assert answer.status == 200 and answer.body == b"" and answer.headers["Content-Length"] == "0"
    assert len(thread.all()) == 2


def test_typing_without_a_body_but_with_a_type(people):
    thread = people[0].create()
    assert thread.call("POST", "/typing", body=b"", kind="application/json").status == 200
    assert thread.call("POST", "/typing", body=b"", kind="text/plain").status == 200
    assert named(thread.call("POST", "/typing", {"senderDisplayName": 5})) == {"senderDisplayName"}
    assert thread.call("POST", "/typing", body=b"{").status == 400
    assert thread.call("POST", "/typing", body=b"x", kind="text/plain").status == 415


# -- read receipts --


def test_receipts(people):
    a, b, *_ = people
    thread = a.create("t", b)
    first, second = thread.send("1"), thread.send("2")
    assert thread.page("readReceipts") == {"value": []}
    answer = thread.by(b).call("POST", "/readReceipts", {"chatMessageId": second})
    assert answer.status == 200 and answer.body == b"" and answer.headers["Content-Length"] == "0"
    receipt, = thread.all("readReceipts")
    assert list(receipt) == ["senderCommunicationIdentifier", "chatMessageId", "readOn"]
    assert receipt["senderCommunicationIdentifier"] == identifier(b.id) and receipt["chatMessageId"] == second
    assert thread.by(b).call("POST", "/readReceipts", {"chatMessageId": first}).status == 200  # ignored
    assert thread.all("readReceipts") == [receipt]
    assert thread.call("POST", "/readReceipts", {"chatMessageId": first}).status == 200
    for who in (a, b):
        assert {r["senderCommunicationIdentifier"]["rawId"]: r["chatMessageId"]
                for r in thread.by(who).all("readReceipts")} == {a.id: first, b.id: second}
    pages = list(thread.pages("readReceipts", maxPageSize=1))
    assert [len(p) for p in pages] == [1, 1]
    third = thread.send("3")
    thread.by(b).call("POST", "/readReceipts", {"chatMessageId": third})
    assert third in [r["chatMessageId"] for r in thread.all("readReceipts")]


@pytest.mark.parametrize(("body", "status"), [
    ({}, 400), ({"chatMessageId": None}, 400), ({"chatMessageId": ""}, 400), ({"chatMessageId": 5}, 400),
    ({"chatMessageId": "x"}, 404), ({"chatMessageId": "1"}, 404), ({"chatMessageId": "9" * 40}, 404)])
def test_bad_receipts(people, body, status):
    answer = people[0].create().call("POST", "/readReceipts", body)
    error_of(answer, status, "BadRequest" if status == 400 else "NotFound")


def test_receipts_in_a_large_thread(server, people):
    a, b, *_ = people
    thread = a.create("t", b, *[Person(server) for _ in range(20)])
    id = thread.send()
    assert thread.by(b).call("POST", "/readReceipts", {"chatMessageId": id}).status == 200
    assert thread.by(b).call("POST", "/typing").status == 200
    assert len(thread.all("readReceipts")) == 1


def test_a_system_message_can_be_read(people):
    thread = people[0].create()
    id = thread.page()["value"][0]["id"]
    assert thread.call("POST", "/readReceipts", {"chatMessageId": id}).status == 200


def test_a_deleted_user(server, people):
    a = people[0]
    b = Person(server)
    thread = a.create("t", b)
    thread.by(b).send("of somebody")
    assert server.signed("DELETE", f"/identities/{b.id}?api-version=2023-10-01").status == 204
    error_of(thread.by(b).call("GET"), 401, "Unauthorized")
    assert thread.all()  # the thread is readable all the same
    answer = thread.call("POST", "/participants/:remove", identifier(b.id))
    assert answer.status in (204, 404)
    assert a.call("GET", path()).status == 200
