"""Seeds: one document makes users, senders and chats, another is made of them, and a reset takes them away."""

import copy
import json
import re
import uuid

import pytest
from callgate_server import ROOT, UnixConnection
from chat import Person, Thread, identifier, metric, until
from realtime import Ear
from subscribing import subscribe
from test_chat_events import Told
from webhook import Webhook

ANNA, BEN = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ID = "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1@thread.v2"
SENDER, PHONE = "+18005550100", "+14255550123"

DOCUMENT = {
    "users": [{"as": "anna", "id": ANNA, "externalId": "anna@example", "createdOn": "2026-01-02T03:04:05Z"},
              {"as": "ben", "id": BEN}, {"as": "cleo"}],
    "sms": {"senders": [{"sender": SENDER, "kind": "tollFree", "replies": {"help": "Ask us."}, "ratePerMinute": 5}],
            "optouts": [{"sender": SENDER, "recipient": PHONE, "createdOn": "2026-01-02T03:04:05Z"}]},
    "chat": {"threads": [
        {"as": "lunch", "topic": "Lunch", "createdBy": "anna", "createdOn": "2026-01-03T00:00:00Z",
         "metadata": {"room": "4"}, "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": 90},
         "participants": [{"user": "anna", "displayName": "Anna"}, {"user": "ben", "metadata": {"seat": "window"}}],
         "messages": [
             {"sender": "anna", "content": "Are you hungry?", "senderDisplayName": "Anna",
              "createdOn": "2026-01-03T00:01:00Z"},
             {"sender": "ben", "content": "<b>Yes</b>", "type": "html", "metadata": {"k": "v"}}]},
        {"topic": "Empty", "participants": [{"user": BEN}]}]},
}


@pytest.fixture
def own(fresh_server):
    return fresh_server()


def seed(server, document, status=201):
    answer = server.admin("POST", "/admin/seed", document)
    assert answer.status == status, answer
    return answer.json()


def export(server, parts=None):
    answer = server.admin("GET", "/admin/seed:export" + (f"?parts={parts}" if parts else ""))
    assert answer.status == 200, answer
    return answer.json()


def reset(server, *parts):
    answer = server.admin("POST", "/admin/reset", {"parts": list(parts)} if parts else None)
    assert answer.status == 200, answer
    return answer.json()


def changed(*path, to) -> dict:
    """The document with another value at one place."""
    document = copy.deepcopy(DOCUMENT)
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return document


def person(server, id: str) -> Person:
    one = object.__new__(Person)
    one.server, one.host, one.id = server, None, id
    return one.with_scopes("chat")


def at_a_recent_time(document: dict) -> dict:
    """Retention counts by the clock: without it a document is good at any time."""
    document = copy.deepcopy(document)
    document["chat"]["threads"][0].pop("retentionPolicy")
    return document


def test_the_document_of_the_page_makes_what_the_page_says(own):
    page = (ROOT / "docs" / "seed.md").read_text()
    document, answer = (json.loads(text.replace("…", "")) for text in re.findall(r"```json\n(.*?)```", page, re.S))
    made = seed(own, document)
    (told,), (lunch,) = answer["chat"]["threads"], made["chat"]["threads"]
    assert lunch["messages"][0] == told["messages"][0] and len(lunch["messages"]) == len(told["messages"])
    assert made["sms"] == answer["sms"] and [user["as"] for user in made["users"]] == ["anna", "ben"]
    assert seed(own, export(own), status=409)["error"]["code"] == "Conflict"


def test_what_it_says_is_there(own):
    made = seed(own, at_a_recent_time(DOCUMENT))
    ids = {user["as"]: user["id"] for user in made["users"]}
    assert ids["anna"].endswith(f"_{ANNA}") and ids["ben"].endswith(f"_{BEN}")
    assert own.signed("GET", f"/admin/users/{ids['anna']}").json()["externalId"] == "anna@example"
    sender = own.signed("GET", f"/admin/sms/senders/{SENDER.replace('+', '%2B')}").json()
    assert sender["ratePerMinute"] == 5 and sender["replies"] == {"help": "Ask us."}
    [optout] = own.signed("GET", "/admin/sms/optouts").json()["value"]
    assert optout["recipient"] == PHONE and optout["createdOn"].startswith("2026-01-02T03:04:05")
    lunch, empty = made["chat"]["threads"]
    assert lunch["as"] == "lunch" and len(lunch["messages"]) == 2 and empty["messages"] == []
    thread = Thread(person(own, ids["anna"]), lunch["id"])
    properties = thread.call("GET").json()
    assert properties["topic"] == "Lunch" and properties["metadata"] == {"room": "4"}
    assert properties["createdByCommunicationIdentifier"] == identifier(ids["anna"])
    assert properties["createdOn"] == "2026-01-03T00:00:00Z"
    assert [message["id"] for message in reversed(thread.page()["value"]) if message["type"] in ("text", "html")] \
        == lunch["messages"]
    first, second = (thread.message(id) for id in lunch["messages"])
    assert first["content"]["message"] == "Are you hungry?" and first["createdOn"] == "2026-01-03T00:01:00Z"
    assert first["senderDisplayName"] == "Anna" and second["metadata"] == {"k": "v"} and second["type"] == "html"
    assert {one["communicationIdentifier"]["rawId"] for one in thread.page("participants")["value"]} \
        == {ids["anna"], ids["ben"]}


def test_a_seeded_thread_is_as_one_made_by_requests(own):
    anna, ben = Person(own), Person(own)
    wire = anna.create("Lunch", ben)
    wire.send("hello")
    made = seed(own, {"chat": {"threads": [{"topic": "Lunch", "participants": [{"user": anna.id}, {"user": ben.id}],
                                            "messages": [{"sender": anna.id, "content": "hello"}]}]}})
    ours = Thread(anna, made["chat"]["threads"][0]["id"])

    def shape(thread):
        texts = [{k: v for k, v in one.items() if k not in ("id", "version", "createdOn")} for one in thread.all()]
        return json.loads(json.dumps(texts).replace(thread.id, "")), sorted(thread.call("GET").json())

    for text in shape(ours)[0] + shape(wire)[0]:
        for one in text.get("content", {}).get("participants", []):
            one.pop("shareHistoryTime", None)
    assert [(one["type"], one["sequenceId"], one.get("content", {}).get("message")) for one in ours.all()] == \
        [(one["type"], one["sequenceId"], one.get("content", {}).get("message")) for one in wire.all()]
    assert shape(ours)[1] == shape(wire)[1]
    sent = ours.send("and on")
    assert ours.by(ben).message(sent)["sequenceId"] == "4"
    ours.delete(made["chat"]["threads"][0]["messages"][0])
    assert ours.id in [one["id"] for one in ben.threads()["value"]]


def test_those_who_listen_and_webhooks_are_told(own):
    anna = Person(own)
    ear = Ear(own, anna)
    with Webhook() as hook:
        subscribe(own, "app", hook)
        made = seed(own, {"users": [{"as": "ben"}], "chat": {"threads": [
            {"topic": str(n), "createdBy": "ben", "participants": [{"user": anna.id}],
             "messages": [{"sender": "ben", "content": "one"}, {"sender": anna.id, "content": "two"}]}
            for n in range(2)]}})
        told = [event for event in ear.hear(6)]
        assert [event["type"] for event in told] == ["chatThreadCreated", *["chatMessageReceived"] * 2] * 2
        for thread in made["chat"]["threads"]:
            events = Told(hook, Thread(anna, thread["id"])).wait(6)
            assert len([one for one in events if one["eventType"].endswith("ChatMessageReceivedInThread")]) == 2
    again = Ear(own, anna, cursor=told[0]["cursor"])  # the log has their numbers
    assert [event["cursor"] for event in again.hear(5)] == [event["cursor"] for event in told[1:]]


def test_what_is_exported_makes_the_same_again(own):
    seed(own, at_a_recent_time(DOCUMENT))
    before = export(own)
    assert [user["id"] for user in before["users"] if user.get("externalId")] == [ANNA]
    assert reset(own) == {"chat": 2, "sms": 2, "users": 3}
    assert export(own) == {"users": [], "sms": {"senders": [], "optouts": []}, "chat": {"threads": []}}
    made = seed(own, before)
    assert export(own) == before
    assert [thread["id"] for thread in made["chat"]["threads"]] == [one["id"] for one in before["chat"]["threads"]]
    own.stop()
    own.start()
    assert export(own) == before


def test_tokens_of_before_a_reset_stay_dead(own):
    made = seed(own, {"users": [{"id": ANNA}]})
    anna = person(own, made["users"][0]["id"])
    assert anna.threads() == {"value": []}
    reset(own, "users")
    assert anna.call("GET", "/chat/threads?api-version=2025-03-15").status == 401
    seed(own, {"users": [{"id": ANNA}]})
    assert anna.call("GET", "/chat/threads?api-version=2025-03-15").status == 401
    assert anna.with_scopes("chat").threads() == {"value": []}


def test_a_user_who_comes_back_stays(own):
    """What chat has yet to do about his deletion is not done to him any more."""
    made = seed(own, {"users": [{"id": ANNA}]})
    anna = person(own, made["users"][0]["id"])
    anna.create("old")
    assert own.signed("DELETE", f"/admin/users/{anna.id}").status == 204
    reset(own)
    made = seed(own, {"users": [{"id": ANNA}], "chat": {"threads": [{"topic": "new", "createdBy": ANNA}]}})
    anna = anna.with_scopes("chat")
    until(lambda: [one["id"] for one in anna.threads()["value"]] == [made["chat"]["threads"][0]["id"]])
    Thread(anna, made["chat"]["threads"][0]["id"]).send()


def test_parts_are_chosen(own):
    seed(own, at_a_recent_time(DOCUMENT))
    assert set(export(own, "sms,users")) == {"sms", "users"}
    assert reset(own, "sms") == {"sms": 2}
    assert len(export(own)["chat"]["threads"]) == 2
    assert reset(own, "chat") == {"chat": 2}
    assert len(export(own)["users"]) == 3
    seed(own, {"chat": {"threads": [{"topic": "x", "createdBy": ANNA}]}})
    assert reset(own, "users") == {"chat": 1, "users": 3}
    assert own.admin("POST", "/admin/reset", {"parts": ["rooms"]}).json()["error"]["target"] == "$.parts"
    answer = own.admin("GET", "/admin/seed:export?parts=user")
    assert answer.status == 400 and "users, sms, chat" in answer.json()["error"]["message"]


def test_a_reset_clears_messages_and_more_than_a_portion(own):
    seed(own, {"users": [{"as": str(n)} for n in range(1200)],
               "chat": {"threads": [{"topic": str(n), "createdBy": str(n)} for n in range(150)]},
               "sms": {"senders": [{"sender": SENDER}],
                       "optouts": [{"sender": SENDER, "recipient": f"+1425555{n:04}"} for n in range(1100)]}})
    assert own.signed("POST", "/admin/sms/inbound", {"from": PHONE, "to": SENDER, "message": "x"}).status == 202
    assert reset(own) == {"chat": 150, "sms": 1101, "users": 1200}
    assert own.signed("GET", "/admin/sms/messages").json()["value"] == []
    assert export(own)["chat"]["threads"] == []


def test_an_export_holds_what_a_seed_may_hold_and_no_more(own):
    many = {"sms": {"senders": [{"sender": SENDER}],
                    "optouts": [{"sender": SENDER, "recipient": f"+1425{5550000 + n}"} for n in range(10_500)]}}
    seed(own, many)
    document = export(own)
    assert len(document["sms"]["optouts"]) == 10_500
    reset(own)
    seed(own, {**document, "users": [{"as": "anna"}, *[{} for _ in range(9_400)]]})
    assert own.admin("GET", "/admin/seed:export").status == 200
    seed(own, {"users": [{} for _ in range(100)]})  # 20,002 with the sender
    answer = own.admin("GET", "/admin/seed:export")
    assert answer.status == 409 and "20000 items" in answer.json()["error"]["message"], answer
    assert len(export(own, "users")["users"]) == 9_501


def test_a_reset_clears_many_small_threads_in_few_commits(own):
    """Each of a thousand for itself waited for a look at all that were left, and for the disk."""
    seed(own, {"users": [{"as": "anna"}],
               "chat": {"threads": [{"topic": str(n), "createdBy": "anna"} for n in range(1000)]}})
    before = metric(own, "store_commits_total")
    assert reset(own, "chat") == {"chat": 1000}
    assert metric(own, "store_commits_total") - before < 200
    assert export(own)["chat"]["threads"] == []
    assert own.admin("GET", "/admin/chat/threads").json()["value"] == []


FAULTS = [
    ("an unknown part", {"user": []}, "$.user", "users"),
    ("an unknown member", changed("users", 0, "externalID", to="x"), "$.users[0].externalID", "externalId"),
    ("an unknown member of a thread", changed("chat", "threads", 0, "topics", to="x"), "$.chat.threads[0].topics",
     "topic"),
    ("no list of users", {"users": {}}, "$.users", "list"),
    ("no object", {"users": ["anna"]}, "$.users[0]", "object"),
    ("an id that is none", changed("users", 0, "id", to="anna"), "$.users[0].id", "guid"),
    ("an id of another resource", changed("users", 0, "id", to=f"8:acs:{ANNA}_{BEN}"), "$.users[0].id", "guid"),
    ("an id twice", changed("users", 1, "id", to=ANNA), "$.users[1].id", "Another"),
    ("an alias twice", changed("users", 1, "as", to="anna"), "$.users[1].as", "Another"),
    ("a time ahead", changed("users", 0, "createdOn", to="2999-01-01T00:00:00Z"), "$.users[0].createdOn", "ahead"),
    ("no time", changed("users", 0, "createdOn", to="soon"), "$.users[0].createdOn", "RFC 3339"),
    ("no sender", changed("sms", "senders", 0, "sender", to="!"), "$.sms.senders[0].sender", "number"),
    ("a kind that there is not", changed("sms", "senders", 0, "kind", to="x"), "$.sms.senders[0].kind", "kind"),
    ("an unknown member of a sender", changed("sms", "senders", 0, "enforceOptout", to=True),
     "$.sms.senders[0].enforceOptout", "enforceOptOut"),
    ("a recipient that is none", changed("sms", "optouts", 0, "recipient", to="1"), "$.sms.optouts[0].recipient",
     "number"),
    ("no topic", changed("chat", "threads", 0, "topic", to=""), "$.chat.threads[0].topic", "topic"),
    ("nobody in it", changed("chat", "threads", 1, "participants", to=[]), "$.chat.threads[1].createdBy", "user"),
    ("a participant whom nobody knows", changed("chat", "threads", 0, "participants", 1, "user", to="dan"),
     "$.chat.threads[0].participants[1].user", "dan"),
    ("a participant twice", changed("chat", "threads", 0, "participants", 1, "user", to=ANNA),
     "$.chat.threads[0].participants[1].user", "twice"),
    ("a sender who is not in", changed("chat", "threads", 0, "messages", 0, "sender", to="cleo"),
     "$.chat.threads[0].messages[0].sender", "participant"),
    ("an empty message", changed("chat", "threads", 0, "messages", 0, "content", to=""),
     "$.chat.threads[0].messages[0].content", "content"),
    ("a message that is too large", changed("chat", "threads", 0, "messages", 0, "content", to="x" * 30000),
     "$.chat.threads[0].messages[0].content", "28 KB"),
    ("a type that there is not", changed("chat", "threads", 0, "messages", 0, "type", to="topicUpdated"),
     "$.chat.threads[0].messages[0].type", "type"),
    ("html of nothing", changed("chat", "threads", 0, "messages", 1, "content", to="<script>x</script>"),
     "$.chat.threads[0].messages[1].content", "shown"),
    ("messages out of order", changed("chat", "threads", 0, "messages", 0, "createdOn", to="2026-01-01T00:00:00Z"),
     "$.chat.threads[0].messages[0].createdOn", "before"),
    ("a retention that is too short", changed("chat", "threads", 0, "retentionPolicy", "deleteThreadAfterDays", to=1),
     "$.chat.threads[0].retentionPolicy.deleteThreadAfterDays", "30"),
    ("an id that is no thread's", changed("chat", "threads", 0, "id", to="19:x"), "$.chat.threads[0].id", "19:"),
    ("a thread twice", {"users": [{"as": "a"}], "chat": {"threads": [
        {"id": ID, "topic": "a", "createdBy": "a"}, {"id": ID, "topic": "b", "createdBy": "a"}]}},
     "$.chat.threads[1].id", "Another"),
    ("too much", {"users": [{}] * 20001}, "$.users[20000]", "20000"),
]


@pytest.mark.parametrize("document, target, words", [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_named_by_its_place_and_nothing_is_kept(server, document, target, words):
    name = f"s{uuid.uuid4().hex[:12]}"
    assert server.admin("POST", "/admin/resources", {"name": name}).status == 201
    answer = server.admin("POST", f"/admin/seed?resource={name}", document)
    assert answer.status == 400, answer
    error = answer.json()["error"]
    assert error["target"] == target and words in error["message"], error
    kept = server.admin("GET", f"/admin/seed:export?resource={name}").json()
    assert kept == {"users": [], "sms": {"senders": [], "optouts": []}, "chat": {"threads": []}}


@pytest.mark.parametrize("body", (b"", b"null", b"[]", b"{", b'{"users":[],"users":[]}', b"x" * (8 * 1024 * 1024 + 1)))
def test_what_is_no_document_is_refused(server, body):
    connection = UnixConnection(server.about["adminSocket"])
    answer = server.send("POST", "/admin/seed", {"Content-Type": "application/json"} if body else {}, body, connection)
    connection.close()
    assert answer.status == (413 if len(body) > 100 else 400), answer


def test_what_is_there_already_is_a_conflict(own):
    seed(own, {"users": [{"id": ANNA, "externalId": "x"}],
               "chat": {"threads": [{"id": ID, "topic": "t", "createdBy": ANNA}]}})
    for document, target in (({"users": [{"id": ANNA}]}, "$.users[0].id"),
                             ({"users": [{"as": "b"}, {"externalId": "x"}]}, "$.users[1].externalId"),
                             ({"users": [{"externalId": "y"}, {"externalId": "y"}]}, "$"),
                             ({"chat": {"threads": [{"id": ID, "topic": "t", "createdBy": ANNA}]}},
                              "$.chat.threads[0].id")):
        assert seed(own, document, 409)["error"]["target"] == target
    assert len(export(own)["users"]) == 1


def test_the_command_line_seeds_exports_and_resets(own, tmp_path):
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(at_a_recent_time(DOCUMENT)))
    done = own.cli("seed", str(file))
    assert done.returncode == 0 and "anna" in done.stdout and "lunch" in done.stdout and "19:" in done.stdout, done
    done = own.cli("seed", str(file))
    assert done.returncode != 0 and "$.users[0].id" in done.stderr, done
    done = own.cli("seed", "--export", "--parts", "users,chat")
    document = json.loads(done.stdout)
    assert set(document) == {"users", "chat"}
    done = own.cli("reset", stdin="")
    assert done.returncode == 2 and "--yes" in done.stderr, done
    done = own.cli("reset", "--parts", "chat,users", "--yes", "--json")
    assert json.loads(done.stdout) == {"chat": 2, "users": 3}
    done = own.cli("seed", "-", "--json", stdin=json.dumps(document))
    made = json.loads(done.stdout)
    assert len(made["users"]) == 3 and [len(one["messages"]) for one in made["chat"]["threads"]] == \
        [len(one["messages"]) for one in document["chat"]["threads"]]
    assert own.cli("reset", "--yes").returncode == 0
    file.write_text(" " * (9 << 20) + json.dumps(document))  # too large only by its blanks, as an indented export may be
    assert own.cli("seed", str(file)).returncode == 0
    file.write_text(" " * (9 << 20) + "{")
    assert own.cli("seed", str(file)).returncode == 1
    for args in (("seed",), ("seed", str(file), "--export"), ("seed", str(file), "--parts", "chat")):
        assert own.cli(*args).returncode == 2
    assert own.cli("seed", str(tmp_path / "none")).returncode != 0
