"""The lines of chat: which scope of a user's token opens which route, by hand, from the contract (wire/chat §1.5).
Placeholders as in table.py, and {thread}, a thread of the caller's making, {own thread}, one made for this request
alone, {said}, a message of the caller's in {thread}, and {own said}, one made for this request.

Who is in a thread, was in it, or never was: tests/system/test_chat_who.py."""

from table import ADMIN_DOOR, PUBLIC_DOOR, RESOURCE, SOCKET, USERS, Line

ALL = "chat, any scope of it"     # chat, chat.join or chat.join.limited
JOIN = "chat, those who may add"  # chat or chat.join
FULL = "chat, the whole scope"    # chat
FRAME = "chat, or the first frame" # as ALL, and whoever brings no Authorization: his token may come later

V = "api-version=2025-03-15"
FIRST = "2021-03-07"
T = "/chat/threads"
N = T + "/{threadId}"
M = N + "/messages/{messageId}"
HERE, OWN = T + "/{thread}", T + "/{own thread}"
GUEST = {"rawId": "{fresh}", "communicationUser": {"id": "{fresh}"}}
PATCH = "application/merge-patch+json"

OWNER = "/admin/chat/threads"

LINES = {
    ("POST", T, FIRST): Line(FULL, f"{T}?{V}", 201, {"topic": "matrix"}),
    ("GET", T, FIRST): Line(ALL, f"{T}?{V}", 200),
    ("GET", N, FIRST): Line(ALL, f"{HERE}?{V}", 200),
    ("PATCH", N, FIRST): Line(FULL, f"{HERE}?{V}", 204, {"topic": "matrix"}, PATCH),
    ("DELETE", N, FIRST): Line(FULL, f"{OWN}?{V}", 204),
    ("POST", N + "/messages", FIRST): Line(ALL, f"{HERE}/messages?{V}", 201, {"content": "matrix"}),
    ("GET", N + "/messages", FIRST): Line(ALL, f"{HERE}/messages?{V}", 200),
    ("GET", M, FIRST): Line(ALL, f"{HERE}/messages/{{said}}?{V}", 200),
    ("PATCH", M, FIRST): Line(ALL, f"{HERE}/messages/{{said}}?{V}", 204, {"content": "matrix"}, PATCH),
    ("DELETE", M, FIRST): Line(ALL, f"{HERE}/messages/{{own said}}?{V}", 204),
    ("GET", N + "/participants", FIRST): Line(ALL, f"{HERE}/participants?{V}", 200),
    ("POST", N + "/participants/:add", FIRST): Line(
        JOIN, f"{OWN}/participants/:add?{V}", 201, {"participants": [{"communicationIdentifier": GUEST}]}),
    # nobody else is in: looked for only when the caller may
    ("POST", N + "/participants/:remove", FIRST): Line(JOIN, f"{HERE}/participants/:remove?{V}", 404, GUEST),
    ("POST", N + "/typing", FIRST): Line(ALL, f"{HERE}/typing?{V}", 200),
    ("GET", N + "/readReceipts", FIRST): Line(ALL, f"{HERE}/readReceipts?{V}", 200),
    ("POST", N + "/readReceipts", FIRST): Line(ALL, f"{HERE}/readReceipts?{V}", 200, {"chatMessageId": "{said}"}),

    # no WebSocket is asked for. wire/realtime §1
    ("GET", "/realtime", ""): Line(FRAME, "/realtime", 426),

    # the owner's view: administration
    ("GET", OWNER, ""): Line(RESOURCE, f"{OWNER}?limit=1", 200),
    ("GET", OWNER + "/{id}", ""): Line(RESOURCE, f"{OWNER}/{{thread}}", 200),
    ("DELETE", OWNER + "/{id}", ""): Line(RESOURCE, f"{OWNER}/{{own thread}}", 204),
    ("GET", OWNER + "/{id}/messages", ""): Line(RESOURCE, f"{OWNER}/{{thread}}/messages", 200),
}

# Kinds of users by what their token opens: credentials.py.
GROUPS = {ALL: {"chat user", "joining user", "limited user"}, JOIN: {"chat user", "joining user"}, FULL: {"chat user"}}
GROUPS[FRAME] = GROUPS[ALL] | {"nothing", "skype user", "skype chat user", "skype joining user", "skype limited user"}
WHO = {(group, door): (served, 401) if door == PUBLIC_DOOR else (set(), 404)
       for group, served in GROUPS.items() for door in (PUBLIC_DOOR, ADMIN_DOOR, SOCKET)}
FORBIDDEN = {(group, PUBLIC_DOOR): USERS - served for group, served in GROUPS.items()}
