"""The lines of chat's realtime channel, by hand, from the contract (wire/trouter). Where the token stands in X-Skypetoken,
no credential in Authorization counts, and the other way round. Session ids are nobody's here: what good ones open is
tests/system/test_trouter.py's."""

from table import ADDRESS, ADMIN_DOOR, PUBLIC_DOOR, SOCKET, Line
from table_chat import ALL

TOKEN = "chat, token in X-Skypetoken"
PROBES = "public, on the wire alone"
REGISTRATIONS = "/registrar/prod/v3/registrations"
REGISTRATION = {"registrationId": "matrix"}
SOCKETS = "/socket.io/1"

LINES = {
    ("GET", "/chat/config/realTimeNotifications", ""): Line(
        ALL, "/chat/config/realTimeNotifications?api-version=2024-09-01", 200),
    ("GET", "/", ""): Line(PROBES, "/?check=1", 200),
    ("GET", "/v4/h", ""): Line(PROBES, "/v4/h", 200),
    ("POST", "/v4/a", ""): Line(TOKEN, "/v4/a?epid=matrix", 200, media="text/plain"),
    # it has no connect parameters: looked at only when the caller may
    ("GET", SOCKETS, ""): Line(TOKEN, f"{SOCKETS}/?v=v4", 403),
    ("GET", SOCKETS + "/websocket/{sid}", ""): Line(ADDRESS, f"{SOCKETS}/websocket/nobodys", 401),
    ("GET", SOCKETS + "/xhr-polling/{sid}", ""): Line(ADDRESS, f"{SOCKETS}/xhr-polling/nobodys", 401),
    ("POST", SOCKETS + "/xhr-polling/{sid}", ""): Line(
        ADDRESS, f"{SOCKETS}/xhr-polling/nobodys", 401, media="text/plain"),
    ("POST", REGISTRATIONS, ""): Line(TOKEN, REGISTRATIONS, 202, REGISTRATION),
    ("POST", REGISTRATIONS + "/{id}", ""): Line(TOKEN, f"{REGISTRATIONS}/matrix", 202, REGISTRATION),
    ("DELETE", REGISTRATIONS, ""): Line(TOKEN, REGISTRATIONS, 202),
    ("DELETE", REGISTRATIONS + "/{id}", ""): Line(TOKEN, f"{REGISTRATIONS}/matrix", 202),
}

# Kinds of tokens in the other header: credentials.py.
SERVED = {"skype chat user", "skype joining user", "skype limited user"}
WHO = {
    (TOKEN, PUBLIC_DOOR): (SERVED, 401), (TOKEN, ADMIN_DOOR): (set(), 404), (TOKEN, SOCKET): (set(), 404),
    (PROBES, PUBLIC_DOOR): (None, 0), (PROBES, ADMIN_DOOR): (set(), 404), (PROBES, SOCKET): (set(), 404),
}
FORBIDDEN = {(TOKEN, PUBLIC_DOOR): {"skype user"}}
