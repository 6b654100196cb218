"""azure-communication-chat, newest and oldest release, synchronous and asynchronous clients: every operation and its
options, paging, who may, and refusals."""

import uuid
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone

import pytest
from azure.communication.chat import ChatParticipant, CommunicationUserIdentifier, PhoneNumberIdentifier
from azure.core.exceptions import (ClientAuthenticationError, HttpResponseError, ResourceNotFoundError,
                                   ServiceRequestError)
from chat_support import THREAD, UNKNOWN, Person, Watching, refused
from support import KEPT, NEWEST, bare, installed, new_loop

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WAYS = [("https, bearer token of a user", lambda server: bare(server.endpoint)),
        ("https, bearer token of a user, endpoint with slash", lambda server: server.endpoint)]
each_way = pytest.mark.parametrize("endpoint", [way[1] for way in WAYS], ids=[way[0] for way in WAYS])


@pytest.fixture(params=["sync", "async"])
def person(request, server, identity):
    """A function that makes a person whose clients are of one kind."""
    loop, made = new_loop() if request.param == "async" else None, []

    def one(scopes=("chat",)):
        user, token = identity.create_user_and_token(list(scopes))
        made.append(Person(server, user, token.token, loop))
        return made[-1]

    yield one
    for each in made:
        each.close()
    if loop:
        loop.close()


@pytest.fixture(scope="module")
def identity(server):
    from azure.communication.identity import CommunicationIdentityClient

    return CommunicationIdentityClient.from_connection_string(server.connection_string, connection_verify=server.ca_file)


def thread_of(owner, *others, topic="a thread"):
    made = owner.client.create_chat_thread(topic, thread_participants=[one.as_participant() for one in others])
    assert not made.errors
    return owner.into(made.chat_thread.id)


def recently(when):
    assert abs(datetime.now(timezone.utc) - when) < timedelta(minutes=1), when


def id_of(one) -> str:
    return one.properties["id"]


def texts(client) -> list:
    return [one.content.message for one in client.list_messages() if one.type == "text"]


def send(thread, text, **options) -> str:
    return thread.send_message(text, **options).id


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


@each_way
def test_create_chat_thread_and_what_becomes_of_it(person, server, endpoint):
    ann, ben = person(), person()
    made = ann.at(endpoint(server)).create_chat_thread("Grüße 🎈", thread_participants=[ben.as_participant(display_name="Ben")])
    assert not made.errors and THREAD.fullmatch(made.chat_thread.id)
    assert made.chat_thread.topic == "Grüße 🎈" and id_of(made.chat_thread.created_by) == ann.raw
    recently(made.chat_thread.created_on)
    assert len(ben.into(made.chat_thread.id).list_participants()) == 2


@each_way
def test_get_properties_and_update_topic(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    assert thread.get_properties().topic == "a thread"
    thread.update_topic("another")
    told = thread.get_properties()
    assert (told.id, told.topic) == (thread.client.thread_id, "another") and id_of(told.created_by) == ann.raw


@each_way
def test_update_topic_is_told_to_all(person, server, endpoint):
    ann, ben = person(), person()
    thread = ann.at(endpoint(server), thread=thread_of(ann, ben).client.thread_id)
    thread.update_topic("another")
    newest = ben.into(thread.client.thread_id).list_messages()[0]
    assert (newest.type, newest.content.topic, id_of(newest.content.initiator)) == ("topicUpdated", "another", ann.raw)


@each_way
def test_list_chat_threads(person, server, endpoint):
    ann = person()
    client = ann.at(endpoint(server))
    made = [thread_of(ann, topic=f"{i}").client.thread_id for i in range(5)]
    listed = client.list_chat_threads()
    assert sorted(one.id for one in listed) == sorted(made)
    recently(listed[0].last_message_received_on)
    assert [len(page) for page in client.pages("list_chat_threads", results_per_page=2)] == [2, 2, 1]
    assert client.list_chat_threads(start_time=datetime.now(timezone.utc) + timedelta(hours=1)) == []
    assert len(client.list_chat_threads(start_time=datetime.now(timezone.utc) - timedelta(hours=1))) == 5


@each_way
def test_delete_chat_thread(person, server, endpoint):
    ann, ben = person(), person()
    thread = thread_of(ann, ben)
    ann.at(endpoint(server)).delete_chat_thread(thread.client.thread_id)
    with pytest.raises(ResourceNotFoundError):
        thread.get_properties()
    assert ann.client.list_chat_threads() == ben.client.list_chat_threads() == []


@each_way
def test_send_message_with_everything(person, server, endpoint):
    ann, ben = person(), person()
    thread = ann.at(endpoint(server), thread=thread_of(ann, ben).client.thread_id)
    options = {"metadata": {"tags": "a"}} if NEWEST else {}
    made = send(thread, "x < y & \"z\" 👩‍👩‍👧", sender_display_name="Ann", chat_message_type="text", **options)
    told = ben.into(thread.client.thread_id).get_message(made)
    assert (told.id, told.type, told.sequence_id, told.version) == (made, "text", "3", made)
    assert (told.content.message, told.sender_display_name, id_of(told.sender)) == ("x < y & \"z\" 👩‍👩‍👧", "Ann", ann.raw)
    assert told.created_on.timestamp() == int(made) // 1000
    assert told.edited_on is None and told.deleted_on is None
    if NEWEST:
        assert told.metadata == {"tags": "a"}


@each_way
def test_get_message_in_html(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    told = thread.get_message(send(thread, "<p>a <b>b</b></p><script>alert(1)</script>", chat_message_type="html"))
    assert told.type == "html" and "<b>b</b>" in told.content.message and "alert" not in told.content.message


@each_way
@pytest.mark.parametrize("size,pages", [(None, [10, 10, 5]), (2, [2] * 12 + [1]), (200, [25])])
def test_list_messages_in_pages(person, server, endpoint, size, pages):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    for i in range(23):
        send(thread, f"{i}")
    given = thread.pages("list_messages", **({"results_per_page": size} if size else {}))
    assert [len(page) for page in given] == pages
    assert [int(one.sequence_id) for page in given for one in page] == list(range(25, 0, -1))


@each_way
def test_update_message_and_the_order_of_the_list(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    first, second = send(thread, "1"), send(thread, "2")
    thread.update_message(first, content="1 again")
    listed = thread.list_messages()
    assert [one.id for one in listed[:2]] == [first, second]
    assert (listed[0].content.message, listed[0].sequence_id) == ("1 again", "5")
    recently(listed[0].edited_on)
    if NEWEST:
        thread.update_message(first, metadata={"tags": "b"})
        told = thread.get_message(first)
        assert (told.content.message, told.metadata) == ("1 again", {"tags": "b"})


@each_way
def test_delete_message_leaves_what_it_was(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    made = send(thread, "x", sender_display_name="Ann")
    for _ in range(2):
        thread.delete_message(made)
    told = thread.get_message(made)
    assert (told.type, told.content.message, told.sender_display_name, told.sequence_id) == ("text", "", "Ann", "4")
    recently(told.deleted_on)
    refused(lambda: thread.update_message(made, content="y"), 404)


@each_way
def test_add_participants_with_and_without_history(person, server, endpoint):
    ann, ben, cal = person(), person(), person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    send(thread, "before")
    since = datetime.now(timezone.utc) + timedelta(days=1)
    assert thread.add_participants([ben.as_participant(display_name="Ben", share_history_time=since), cal.as_participant()]) == []
    listed = {id_of(one.identifier): one for one in thread.list_participants()}
    assert listed.keys() == {ann.raw, ben.raw, cal.raw}
    assert listed[ben.raw].display_name == "Ben" and listed[ben.raw].share_history_time == since.replace(microsecond=0)
    assert listed[cal.raw].display_name is None and listed[cal.raw].share_history_time == EPOCH
    assert texts(cal.into(thread.client.thread_id)) == ["before"] and texts(ben.into(thread.client.thread_id)) == []


@each_way
def test_list_participants_in_pages_with_skip(person, server, endpoint):
    ann, others = person(), [person() for _ in range(4)]
    thread = ann.at(endpoint(server), thread=thread_of(ann, *others).client.thread_id)
    whole = [id_of(one.identifier) for one in thread.list_participants()]
    pages = thread.pages("list_participants", results_per_page=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id_of(one.identifier) for page in pages for one in page] == whole
    assert [id_of(one.identifier) for one in thread.list_participants(skip=3)] == whole[3:]


@each_way
def test_remove_participant_who_still_reads_what_was_said(person, server, endpoint):
    ann, ben = person(), person()
    thread = ann.at(endpoint(server), thread=thread_of(ann, ben).client.thread_id)
    made = send(thread, "before")
    thread.remove_participant(ben.identifier)
    send(thread, "after")
    his = ben.into(thread.client.thread_id)
    assert texts(his) == ["before"] and len(ben.client.list_chat_threads()) == 1
    for work in (lambda: his.send_message("x"), his.list_participants, his.send_typing_notification,
                 lambda: his.send_read_receipt(made), his.list_read_receipts):
        refused(work, 403, "Forbidden")
    refused(lambda: thread.remove_participant(ben.identifier), 404)


@each_way
def test_send_typing_notification(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    thread.send_typing_notification()
    if NEWEST:
        thread.send_typing_notification(sender_display_name="Ann")


@each_way
def test_send_read_receipt_of_the_newest(person, server, endpoint):
    ann = person()
    thread = ann.at(endpoint(server), thread=thread_of(ann).client.thread_id)
    first, second = send(thread, "1"), send(thread, "2")
    thread.send_read_receipt(second)
    thread.send_read_receipt(first)
    [receipt] = thread.list_read_receipts()
    assert (receipt.chat_message_id, id_of(receipt.sender)) == (second, ann.raw)
    recently(receipt.read_on)
    refused(lambda: thread.send_read_receipt("1234567890123"), 404)


@each_way
def test_list_read_receipts_in_pages_with_skip(person, server, endpoint):
    people = [person() for _ in range(4)]
    thread = people[0].at(endpoint(server), thread=thread_of(*people).client.thread_id)
    made = send(thread, "x")
    for one in people:
        one.into(thread.client.thread_id).send_read_receipt(made)
    assert {id_of(one.sender) for one in thread.list_read_receipts()} == {one.raw for one in people}
    assert [len(page) for page in thread.pages("list_read_receipts", results_per_page=3)] == [3, 1]
    assert len(thread.list_read_receipts(skip=3)) == 1


def test_what_goes_over_the_wire(person):
    ann, wire = person(), Watching()
    made = ann.at(per_retry_policies=[wire]).create_chat_thread("x", idempotency_token="once")
    ann.into(made.chat_thread.id, per_retry_policies=[wire]).update_topic("y")
    (created, answer), (updated, _) = wire.seen
    assert f"api-version={KEPT['apiVersion']}" in created.url
    assert created.headers["repeatability-request-id"] == "once"
    assert "/chat/threads/19%3A" in updated.url and "%40thread.v2" in updated.url
    assert updated.headers["Content-Type"] == "application/merge-patch+json"
    assert answer.status_code == 201 and answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "2025-03-15" in answer.headers["api-supported-versions"]


def test_the_same_idempotency_token_gives_the_same_thread(person):
    ann, ben, token = person(), person(), str(uuid.uuid4())
    first = ann.client.create_chat_thread("t", idempotency_token=token).chat_thread.id
    again = ann.client.create_chat_thread("t", idempotency_token=token, thread_participants=[ben.as_participant()])
    assert again.chat_thread.id == first
    assert ann.client.create_chat_thread("t").chat_thread.id != first
    assert ben.client.create_chat_thread("t", idempotency_token=token).chat_thread.id != first
    assert len(ann.into(first).list_participants()) == 1


def test_who_cannot_be_a_participant_is_named(person, identity):
    ann, ben, gone = person(), person(), person()
    identity.delete_user(gone.user)
    foreign = "8:acs:11111111-1111-1111-1111-111111111111_" + ben.raw.split("_")[1]
    people = [ben.as_participant(), ChatParticipant(identifier=CommunicationUserIdentifier(foreign)), gone.as_participant()]
    made = ann.client.create_chat_thread("t", thread_participants=people)
    wanted = [("403", foreign), ("404", gone.raw)]
    if NEWEST:  # the first release looks for them under another name
        assert [(error.code, error.target) for _, error in made.errors] == wanted
        assert [id_of(one.identifier) for one, _ in made.errors] == [foreign, gone.raw], "mapped to who was asked for"
    thread = ann.into(made.chat_thread.id)
    assert [(error.code, error.target) for _, error in thread.add_participants(people)] == wanted
    assert len(thread.list_participants()) == 2


def test_a_phone_number_is_no_participant(person):
    """The SDK looks the answer up among users, and falls over a number of its own request; what was asked is known."""
    ann, wire = person(), Watching()
    people = [ChatParticipant(identifier=PhoneNumberIdentifier("+14255550123"))]
    with pytest.raises(KeyError) if NEWEST else nullcontext():
        ann.at(per_retry_policies=[wire]).create_chat_thread("t", thread_participants=people)
    assert wire.seen[0][1].status_code == 201


def test_list_messages_since_a_time(person):
    ann = person()
    thread = thread_of(ann)
    send(thread, "x")
    assert thread.list_messages(start_time=datetime.now(timezone.utc) + timedelta(hours=1)) == []
    assert len(thread.list_messages(start_time=datetime.now(timezone.utc) - timedelta(hours=1))) == 3


def operations(thread, made, other):
    return [thread.get_properties, lambda: thread.update_topic("x"), lambda: thread.send_message("x"),
            lambda: thread.get_message(made), thread.list_messages, lambda: thread.update_message(made, content="x"),
            lambda: thread.delete_message(made), lambda: thread.add_participants([other.as_participant()]),
            thread.list_participants, lambda: thread.remove_participant(other.identifier), thread.send_typing_notification,
            lambda: thread.send_read_receipt(made), thread.list_read_receipts]


def test_a_stranger_is_refused_and_an_unknown_thread_is_not_found(person):
    ann, mallory = person(), person()
    thread = thread_of(ann)
    made = send(thread, "x")
    for work in operations(mallory.into(thread.client.thread_id), made, ann):
        refused(work, 403, "Forbidden")
    refused(lambda: mallory.client.delete_chat_thread(thread.client.thread_id), 403, "Forbidden")
    for work in operations(mallory.into(UNKNOWN), made, ann):
        refused(work, 404)
    refused(lambda: mallory.client.delete_chat_thread(UNKNOWN), 404)


def test_anothers_message_is_not_ones_own(person):
    ann, ben = person(), person()
    thread = thread_of(ann, ben)
    made, his = send(thread, "x"), ben.into(thread.client.thread_id)
    refused(lambda: his.update_message(made, content="y"), 403, "Forbidden")
    refused(lambda: his.delete_message(made), 403, "Forbidden")
    system = thread.list_messages()[-1].id
    refused(lambda: thread.update_message(system, content="y"), 403, "Forbidden")
    refused(lambda: thread.delete_message(system), 403, "Forbidden")


def test_what_is_wrong_in_a_request(person):
    ann = person()
    thread = thread_of(ann)
    refused(lambda: ann.client.create_chat_thread("x" * 251), 400, "BadRequest")
    refused(lambda: thread.list_messages(results_per_page=-1), 400, "BadRequest")
    refused(lambda: thread.send_message("x" * 28673), 413)
    assert send(thread, "x" * 28672)


@pytest.mark.parametrize("scope,joins", [("chat.join", True), ("chat.join.limited", False)])
def test_a_token_for_guests_opens_what_it_should(person, scope, joins):
    ann, ben, guest = person(), person(), person([scope])
    thread = thread_of(ann, guest)
    his = guest.into(thread.client.thread_id)
    for work in (lambda: guest.client.create_chat_thread("x"), lambda: his.update_topic("x"),
                 lambda: guest.client.delete_chat_thread(thread.client.thread_id)):
        refused(work, 403, "Forbidden")
    for work in (lambda: his.add_participants([ben.as_participant()]), lambda: his.remove_participant(ben.identifier)):
        if joins:
            work()
        else:
            refused(work, 403, "Forbidden")
    made = send(his, "x")
    his.update_message(made, content="y")
    his.send_read_receipt(made)
    his.send_typing_notification()
    assert his.get_message(made).content.message == "y" and his.get_properties().topic == "a thread"
    assert his.list_participants() and his.list_read_receipts() and guest.client.list_chat_threads()
    his.delete_message(made)


def test_a_token_for_calls_alone_opens_nothing(person):
    caller = person(["voip"])
    refused(lambda: caller.client.create_chat_thread("x"), 403, "Forbidden")
    refused(caller.client.list_chat_threads, 403, "Forbidden")


def test_a_dead_token_is_refused(person, identity):
    ann = person()
    thread = thread_of(ann)
    identity.revoke_tokens(ann.user)
    assert isinstance(refused(lambda: thread.send_message("x"), 401, "Unauthorized"), ClientAuthenticationError)


def test_over_plain_http_the_sdk_sends_no_token(person, server):
    ann = person()
    with pytest.raises((ServiceRequestError, ValueError, HttpResponseError)):
        ann.at(bare(server.http_endpoint), secure=False).create_chat_thread("x")
