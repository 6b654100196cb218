"""Messages of chat by raw requests: send, get, list, edit, delete (chat §1.4, §2.6)."""

import concurrent.futures
import json
import re
from datetime import datetime, timezone

import pytest
from chat import NOT_A_MEMBER, Person, error_of, identifier, participant, path

CONTENT_MAX = 28672


@pytest.fixture(scope="module")
def people(server):
    return [Person(server) for _ in range(3)]


def named(answer) -> set:
    error = error_of(answer, 400, "BadRequest", "One or more validation errors occurred.")
    return {d["target"] for d in error["details"]}


def seconds(ms: str) -> str:
    return datetime.fromtimestamp(int(ms) // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- send --


def test_send(server, people):
    a, b, _ = people
    thread = a.create("t", b)
    answer = thread.call("POST", "/messages", {"content": "hello", "senderDisplayName": "Ann",
                                               "metadata": {"tags": "x", "deliveryMode": "y"}})
    assert answer.status == 201 and list(answer.json()) == ["id"], answer
    id = answer.json()["id"]
    assert re.fullmatch(r"\d{13}", id)
    at = f"http://localhost:{server.http_port}/chat/threads/{thread.id.replace(':', '%3A')}/messages/{id}"
    assert answer.headers["Location"] == at
    got = thread.by(b).message(id)
    assert got == {"id": id, "type": "text", "sequenceId": "3", "version": id, "content": {"message": "hello"},
                   "senderDisplayName": "Ann", "createdOn": seconds(id),
                   "senderCommunicationIdentifier": identifier(a.id),
                   "metadata": {"tags": "x", "deliveryMode": "y"}}
    bare = thread.message(thread.send("x"))
    assert "senderDisplayName" not in bare and "metadata" not in bare


@pytest.mark.parametrize("text", ["<b>not html</b> &amp; \"'", "\u0000", "a\u0000b", "😀\\\n\t\u2028", " ", "%41",
                                  "x" * CONTENT_MAX, "ä" * (CONTENT_MAX // 2), "\u0001" * CONTENT_MAX])
def test_text_is_kept_as_it_is(people, text):
    thread = people[0].create()
    id = thread.send(text)
    assert thread.message(id)["content"] == {"message": text}
    assert thread.page()["value"][0]["content"] == {"message": text}


@pytest.mark.parametrize("type", ["html", "HTML", "Html"])
def test_html_is_cleaned(people, type):
    thread = people[0].create()
    id = thread.send("<p onclick=x>a<script>b</script><a href='javascript:c'>d</a></p>", type=type)
    got = thread.message(id)
    assert got["type"] == "html" and got["content"] == {"message": "<p>a<a>d</a></p>"}
    thread.edit(id, content="<img src=x onerror=y>z<b>")
    assert thread.message(id)["content"] == {"message": "<img>z<b></b>"}
    assert named(thread.call("POST", "/messages", {"content": "<script>x</script>", "type": type})) == {"content"}
    assert named(thread.call("PATCH", f"/messages/{id}", {"content": "<style></style>"})) == {"content"}


@pytest.mark.parametrize(("body", "targets"), [
    ({}, {"content"}), ({"content": ""}, {"content"}), ({"content": None}, {"content"}), ({"content": 5}, {"content"}),
    ({"content": {"message": "x"}}, {"content"}), ({"content": "x", "type": "topicUpdated"}, {"type"}),
    ({"content": "x", "type": "markdown"}, {"type"}), ({"content": "x", "type": ""}, {"type"}),
    ({"content": "x", "type": 5}, {"type"}), ({"content": "x", "senderDisplayName": 5}, {"senderDisplayName"}),
    ({"content": "x", "senderDisplayName": "n" * 257}, {"senderDisplayName"}),
    ({"content": "x", "metadata": {"a": 1}}, {"metadata"}), ({"content": "x", "metadata": []}, {"metadata"})])
def test_bad_bodies(people, body, targets):
    thread = people[0].create()
    assert named(thread.call("POST", "/messages", body)) == targets
    assert len(thread.all()) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"content":"a","content":"b"}', b'{"content":"\xff"}'])
def test_malformed_bodies(people, body):
    thread = people[0].create()
    assert named(thread.call("POST", "/messages", body=body)) <= {"$", "content"}
    assert len(thread.all()) == 2


def test_members_that_are_null_or_unknown(people):
    thread = people[0].create()
    id = thread.send("x", type=None, senderDisplayName=None, metadata=None, attachments=[{"id": "y"}])
    assert thread.message(id)["type"] == "text"


def test_messages_that_are_too_large(people):
    thread = people[0].create()
    for body in ({"content": "x" * (CONTENT_MAX + 1)}, {"content": "ä" * (CONTENT_MAX // 2 + 1)},
                 {"content": "<" * CONTENT_MAX, "type": "html"}, {"content": "x" * (CONTENT_MAX + 1), "type": 5},
                 {"content": "x" * 300000}):
        error_of(thread.call("POST", "/messages", body), 413, "RequestEntityTooLarge")
    id = thread.send()
    error_of(thread.call("PATCH", f"/messages/{id}", {"content": "x" * (CONTENT_MAX + 1)}), 413,
             "RequestEntityTooLarge")
    assert thread.message(id)["content"] == {"message": "hello"}


def test_ids_and_numbers_are_one_row_per_thread(server, people):
    a, b, c = people
    thread = a.create("t", b, c)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        sent = list(pool.map(lambda n: thread.by(people[n % 3]).send(str(n)), range(120)))
    assert len(set(sent)) == 120
    listed = thread.all(maxPageSize=50)
    assert [int(m["sequenceId"]) for m in listed] == list(range(122, 0, -1))
    ids = [int(m["id"]) for m in listed]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == 122
    assert {m["content"]["message"] for m in listed[:120]} == {str(n) for n in range(120)}


# -- list --


def test_pages(people):
    thread = people[0].create()
    sent = [thread.send(str(n)) for n in range(10)]
    first = thread.page()
    assert [m["id"] for m in first["value"]] == sent[::-1]
    link = first["nextLink"]
    assert link.startswith(f"http://localhost:{people[0].server.http_port}/chat/threads/{thread.id}/messages?")
    assert "maxPageSize=10" in link and "api-version=2025-03-15" in link
    assert [len(p) for p in thread.pages()] == [10, 2]
    assert [len(p) for p in thread.pages(maxPageSize=5)] == [5, 5, 2]
    assert [len(p) for p in thread.pages(maxPageSize=12)] == [12]
    assert "nextLink" not in thread.page(maxPageSize=1000)
    assert thread.all(maxPageSize=1) == thread.all()


def test_links_keep_what_was_asked(server, people):
    thread = people[0].create()
    answer = people[0].call("GET", f"/chat/threads/{thread.id}/messages?maxPageSize=1&api-version=2021-03-07"
                            "&startTime=1%2F1%2F1970%2012%3A00%3A00%20AM%20%2B00%3A00&x=%20y")
    link = answer.json()["nextLink"]
    assert "startTime=1%2F1%2F1970%2012%3A00%3A00%20AM%20%2B00%3A00" in link and "x=%20y" in link
    assert "api-version=2021-03-07" in link and link.count("maxPageSize=") == 1
    again = people[0].call("GET", link.split(str(server.http_port), 1)[1])
    assert again.status == 200 and again.json()["value"][0]["sequenceId"] == "1"


def test_a_link_is_on_the_origin_that_was_asked(fresh_server):
    server = fresh_server("--net-public-url", "https://chat.example.com:8443")
    me = Person(server)
    thread = me.create()
    link = thread.page(maxPageSize=1)["nextLink"]
    assert link.startswith(f"https://chat.example.com:8443/chat/threads/{thread.id}/messages?")


def test_what_changes_while_paging(people):
    a = people[0]
    thread = a.create()
    sent = [thread.send(str(n)) for n in range(20)]
    pages = thread.pages(maxPageSize=5)
    seen = [m["id"] for m in next(pages)]
    thread.send("new")
    thread.edit(sent[19], content="seen already")
    seen += [m["id"] for m in next(pages)]
    thread.delete(sent[18])
    thread.edit(sent[2], content="not seen yet")
    seen += [m["id"] for page in pages for m in page]
    assert len(set(seen)) == len(seen)
    assert set(sent) - set(seen) == {sent[2]}  # it stands on top of a fresh list
    assert thread.page()["value"][0]["id"] == sent[2]


def test_the_order_is_that_of_changes(people):
    thread = people[0].create()
    one, two, three = (thread.send(str(n)) for n in range(3))
    thread.edit(one, content="edited")
    thread.delete(two)
    listed = thread.all()
    assert [m["id"] for m in listed[:3]] == [two, one, three]
    assert [m["sequenceId"] for m in listed] == ["7", "6", "5", "2", "1"]


def test_start_time(people):
    thread = people[0].create()
    id = thread.send()
    assert len(thread.all(startTime="2001-09-09T01:46:40.1234567Z")) == 3
    assert thread.all(startTime="2999-01-01T00:00:00+01:00") == []
    assert [m["id"] for m in thread.all(startTime=seconds(str(int(id) + 1000)))] == []
    unencoded = people[0].call("GET", path(thread.at + "/messages") + "&startTime=2001-09-09T03:46:40+02:00")
    assert len(unencoded.json()["value"]) == 3


# -- edit and delete --


def test_edit(people):
    a, b, _ = people
    thread = a.create("t", b)
    id = thread.send("before", senderDisplayName="Ann", metadata={"a": "1", "b": "2"})
    thread.edit(id, content="after", metadata={"a": "", "c": "3"})
    got = thread.by(b).message(id)
    assert got["content"] == {"message": "after"} and got["metadata"] == {"b": "2", "c": "3"}
    assert got["sequenceId"] == "4" and int(got["version"]) >= int(id) and got["editedOn"] == seconds(got["version"])
    assert got["createdOn"] == seconds(id) and got["senderDisplayName"] == "Ann"
    thread.edit(id, metadata={"b": None, "c": ""})
    assert "metadata" not in thread.message(id) and thread.message(id)["content"] == {"message": "after"}
    before = thread.message(id)
    for nothing in (b"{}", b"", b'{"unknown":1}'):
        assert thread.call("PATCH", f"/messages/{id}", body=nothing).status == 204
    assert thread.message(id) == before


@pytest.mark.parametrize(("body", "target"), [({"content": None}, "content"), ({"content": ""}, "content"),
                                              ({"content": 1}, "content"), ({"metadata": 1}, "metadata"),
                                              ({"metadata": {"a": 1}}, "metadata")])
def test_bad_edits(people, body, target):
    thread = people[0].create()
    id = thread.send()
    for which in (id, "1"):  # the body is judged before the message is looked for
        assert named(thread.call("PATCH", f"/messages/{which}", body)) == {target}
    assert thread.message(id)["content"] == {"message": "hello"}


def test_delete(people):
    a, b, _ = people
    thread = a.create("t", b)
    id = thread.send("secret", senderDisplayName="Ann", metadata={"a": "b"})
    thread.edit(id, content="more")
    thread.delete(id)
    got = thread.by(b).message(id)
    assert got == {"id": id, "type": "text", "sequenceId": "5", "version": got["version"], "content": {"message": ""},
                   "senderDisplayName": "Ann", "createdOn": seconds(id),
                   "senderCommunicationIdentifier": identifier(a.id), "deletedOn": seconds(got["version"])}
    assert thread.page()["value"][0] == got
    thread.delete(id)  # again: nothing changes
    assert thread.message(id) == got
    error_of(thread.call("PATCH", f"/messages/{id}", {"content": "x"}), 404, "NotFound")


def test_others_messages(people):
    a, b, c = people
    thread = a.create("t", b)
    id = thread.send()
    system = thread.page()["value"][1]["id"]
    for who, message, why in ((b, id, "only the sender"), (a, system, "system messages"), (b, system, "system")):
        for method, body in (("PATCH", {"content": "x"}), ("DELETE", None)):
            answer = thread.by(who).call(method, f"/messages/{message}", body)
            error_of(answer, 403, "Forbidden", NOT_A_MEMBER)
            assert why in answer.headers["x-callgate-explain"]
    assert thread.message(id)["sequenceId"] == "3"


@pytest.mark.parametrize("id", ["1", "0", "-1", "x", "01", "9" * 30, "1623798249602 ", "%00x"[3:]])
def test_messages_that_are_not_there(people, id):
    thread = people[0].create()
    for method, body in (("GET", None), ("PATCH", {"content": "x"}), ("DELETE", None)):
        error_of(thread.call(method, f"/messages/{id.replace(' ', '%20')}", body), 404, "NotFound")


def test_changed_at_once(people):
    thread = people[0].create()
    id = thread.send()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        edits = list(pool.map(lambda n: thread.call("PATCH", f"/messages/{id}", {"metadata": {f"k{n}": "v"}}).status,
                              range(16)))
        removals = list(pool.map(lambda n: thread.call(*(("DELETE", f"/messages/{id}") if n % 2 else
                                                         ("PATCH", f"/messages/{id}", {"content": "x"}))).status,
                                 range(16)))
    assert edits == [204] * 16 and set(removals) <= {204, 404}
    got = thread.message(id)
    assert "deletedOn" in got and "metadata" not in got
    assert len([s for s in removals if s == 404]) <= 8


def test_a_change_is_later_than_the_message_on_a_clock_that_was_set_back(fresh_server):
    server = fresh_server()
    thread = Person(server).create("topic")
    assert server.admin("PUT", "/admin/clock", {"advance": "1h"}).status == 200
    id = thread.send("x")
    assert server.admin("DELETE", "/admin/clock").status == 200
    thread.edit(id, content="y")
    edited = thread.message(id)
    assert edited["version"] == str(int(id) + 1) and edited["editedOn"] >= edited["createdOn"]
    thread.delete(id)
    deleted = thread.message(id)
    assert deleted["version"] == str(int(id) + 2) and deleted["deletedOn"] >= deleted["createdOn"]


def test_metadata_that_grows_too_large_by_a_merge_is_named(people):
    thread = people[0].create("topic", metadata={"a": "v" * 1000})
    at = f"/messages/{thread.send('x', metadata={'a': 'v' * 20000})}"
    for rest, more in (("", 1000), (at, 20000)):
        before = thread.call("GET", rest).json()
        error = error_of(thread.call("PATCH", rest, {"metadata": {"b": "v" * more}}), 400, "BadRequest")
        assert [one["target"] for one in error["details"]] == ["metadata"]
        assert thread.call("GET", rest).json() == before
        assert thread.call("PATCH", rest, {"metadata": {"a": None, "b": "v" * more}}).status == 204


def test_merges_of_metadata_do_not_lose_each_other(people):
    thread = people[0].create("t")
    id = thread.send()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: thread.edit(id, metadata={f"k{n}": str(n)}), range(24)))
        list(pool.map(lambda n: thread.change(metadata={f"k{n}": str(n)}), range(24)))
    wanted = {f"k{n}": str(n) for n in range(24)}
    assert thread.message(id)["metadata"] == wanted and thread.call("GET").json()["metadata"] == wanted


def test_kept_connections(server, people):
    thread = people[0].create()
    connection = server.connect()
    for n in range(20):
        assert thread.call("POST", "/messages", {"content": str(n)}, connection=connection).status == 201
        assert json.loads(thread.call("GET", "/messages", connection=connection).body)["value"][0]["content"] == \
            {"message": str(n)}
    connection.close()


def test_participants_need_no_name(people):
    thread = people[0].create("t", participant(people[1].id))
    assert "displayName" not in thread.all("participants")[1]
