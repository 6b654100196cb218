"""Who may do what in a thread, by hand, from the contract (wire/chat §1.5, §2.1): one line an operation, one column a
standing. Which scope a token needs is tests/matrix/table_chat.py's."""

from types import SimpleNamespace

import pytest
from chat_link import PATCH, identifier, thread_path

CREATOR, MEMBER, REMOVED, CAME_BACK, STRANGER = "creator", "participant", "removed", "removed and back", "stranger"
FOREIGN = "of another resource"
STANDINGS = (CREATOR, MEMBER, REMOVED, CAME_BACK, STRANGER, FOREIGN)
UNKNOWN = f"19:{'A' * 43}1@thread.v2"

# operation: (method, path below the thread, body, status when served, who is removed may still)
#   {said}: a message of CREATOR's, {own}: one of the caller's, {system}: one of the service's, {guest}: who is not in
OPERATIONS = {
    "get": ("GET", "", None, 200, False),
    "rename": ("PATCH", "", {"topic": "x"}, 204, False),
    "send": ("POST", "/messages", {"content": "x"}, 201, False),
    "list messages": ("GET", "/messages", None, 200, True),
    "get message": ("GET", "/messages/{said}", None, 200, True),
    "edit one's own": ("PATCH", "/messages/{own}", {"content": "y"}, 204, False),
    "delete one's own": ("DELETE", "/messages/{own}", None, 204, False),
    "list participants": ("GET", "/participants", None, 200, False),
    "add": ("POST", "/participants/:add", {"participants": [{"communicationIdentifier": identifier("{guest}")}]}, 201, False),
    "remove a stranger": ("POST", "/participants/:remove", identifier("{guest}"), 404, False),
    "leave": ("POST", "/participants/:remove", identifier("{self}"), 204, False),
    "remove the creator": ("POST", "/participants/:remove", identifier("{creator}"), 204, False),
    "typing": ("POST", "/typing", None, 200, False),
    "list receipts": ("GET", "/readReceipts", None, 200, False),
    "send receipt": ("POST", "/readReceipts", {"chatMessageId": "{said}"}, 200, False),
    "delete": ("DELETE", "", None, 204, False),
}
NOT_ONES_OWN = {
    "edit another's": ("PATCH", "/messages/{said}", {"content": "y"}),
    "delete another's": ("DELETE", "/messages/{said}", None),
    "edit the service's": ("PATCH", "/messages/{system}", {"content": "y"}),
    "delete the service's": ("DELETE", "/messages/{system}", None),
}


def ask(server, who, thread, method, more="", document=None, wanted=None):
    answer = server.signed(method, thread_path(thread, more), document, headers={
        "Authorization": f"Bearer {who.token}", "Host": who.host,
        **({"Content-Type": PATCH} if method == "PATCH" else {})})
    assert wanted is None or answer.status == wanted, f"{method} {more}: {answer}"
    return answer


def people(server):
    """One of each standing, and a thread."""
    host = f"localhost:{server.http_port}"
    made = {}
    for standing in (*STANDINGS[:-1], "guest"):
        raw, token = server.new_user(("chat",))
        made[standing] = SimpleNamespace(raw=raw, token=token, host=host)
    creator = made[CREATOR]
    answer = server.bearer("POST", "/chat/threads?api-version=2025-03-15", creator.token, {
        "topic": "t", "participants": [{"communicationIdentifier": identifier(made[one].raw)}
                                       for one in (MEMBER, REMOVED, CAME_BACK)]})
    assert answer.status == 201, answer
    made["thread"] = thread = answer.json()["chatThread"]["id"]
    made["said"] = ask(server, creator, thread, "POST", "/messages", {"content": "said"}, 201).json()["id"]
    made["own"] = {one: ask(server, made[one], thread, "POST", "/messages", {"content": one}, 201).json()["id"]
                   for one in (CREATOR, MEMBER, REMOVED, CAME_BACK)}
    made["system"] = ask(server, creator, thread, "GET", "/messages", None, 200).json()["value"][-1]["id"]
    for one in (REMOVED, CAME_BACK):
        ask(server, creator, thread, "POST", "/participants/:remove", identifier(made[one].raw), 204)
    ask(server, creator, thread, "POST", "/participants/:add",
        {"participants": [{"communicationIdentifier": identifier(made[CAME_BACK].raw)}]}, 201)
    return made


@pytest.fixture(scope="module")
def other(server):
    """A user of another resource, who asks at his own host."""
    resource = server.new_resource("chatwho")
    host = resource.host(server.http_port)
    answer = server.signed("POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": ["chat"]},
                           key=resource.primary, host=host)
    made = answer.json()
    return SimpleNamespace(raw=made["identity"]["id"], token=made["accessToken"]["token"], host=host)


def filled(thing, made, standing):
    """The same with ids in place of names."""
    if isinstance(thing, dict):
        return {name: filled(value, made, standing) for name, value in thing.items()}
    if isinstance(thing, list):
        return [filled(value, made, standing) for value in thing]
    if isinstance(thing, str):
        for name, value in (("{said}", made["said"]), ("{own}", made["own"].get(standing, made["said"])),
                            ("{system}", made["system"]), ("{guest}", made["guest"].raw), ("{self}", made[standing].raw),
                            ("{creator}", made[CREATOR].raw)):
            thing = thing.replace(name, value)
    return thing


def wanted(operation, standing):
    _, _, _, served, after_removal = OPERATIONS[operation]
    if standing in (CREATOR, MEMBER, CAME_BACK):
        return served
    if standing == REMOVED:
        return served if after_removal else 403
    return 403 if standing == STRANGER else 404  # a thread of another resource is none


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_may(server, other, operation, standing):
    made = people(server)
    made[FOREIGN] = other
    method, more, document, *_ = OPERATIONS[operation]
    answer = ask(server, made[standing], made["thread"], method, filled(more, made, standing), filled(document, made, standing),
                 wanted(operation, standing))
    if answer.status >= 400:
        code = {403: "Forbidden", 404: "NotFound"}[answer.status]
        assert answer.json()["error"]["code"] == code and (code != "Forbidden" or answer.headers["x-callgate-explain"])


@pytest.mark.parametrize("operation", NOT_ONES_OWN)
@pytest.mark.parametrize("standing", [MEMBER, REMOVED, CAME_BACK, STRANGER])
def test_what_is_not_ones_own(server, operation, standing):
    made = people(server)
    method, more, document = NOT_ONES_OWN[operation]
    ask(server, made[standing], made["thread"], method, filled(more, made, standing), document, 403)
    told = ask(server, made[CREATOR], made["thread"], "GET", f"/messages/{made['said']}", None, 200).json()
    assert told["content"]["message"] == "said"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_in_a_thread_that_is_unknown_or_deleted(server, operation):
    made = people(server)
    method, more, document, *_ = OPERATIONS[operation]
    ask(server, made[CREATOR], made["thread"], "DELETE", "", None, 204)
    for thread in (UNKNOWN, made["thread"]):
        for standing in (CREATOR, STRANGER):
            answer = ask(server, made[standing], thread, method, filled(more, made, standing), filled(document, made, standing), 404)
            assert answer.json()["error"]["code"] == "NotFound"


@pytest.fixture(scope="module")
def strict():
    """Who is removed is out, and nobody learns which threads there are."""
    from callgate_server import Server

    running = Server("--chat-removed-reads=false", "--chat-hide-foreign=true").start()
    yield running
    assert running.close() == 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_where_removed_users_are_out_and_foreign_threads_hidden(strict, operation):
    made = people(strict)
    method, more, document, *_ = OPERATIONS[operation]
    answers = [ask(strict, made[standing], thread, method, filled(more, made, standing), filled(document, made, standing), 403)
               for standing, thread in ((REMOVED, made["thread"]), (STRANGER, made["thread"]), (STRANGER, UNKNOWN))]
    assert answers[1].body == answers[2].body, "one can't be told from the other"


def test_a_removed_user_whose_thread_is_hidden_does_not_list_it(strict):
    made = people(strict)
    for standing, there in ((REMOVED, False), (MEMBER, True), (CAME_BACK, True)):
        answer = strict.bearer("GET", "/chat/threads?api-version=2025-03-15", made[standing].token)
        assert (made["thread"] in [one["id"] for one in answer.json()["value"]]) == there
