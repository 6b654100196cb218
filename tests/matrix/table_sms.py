"""The lines of text messages: what each route of the wire and of the administration may answer, by hand, from the
contract. Placeholders as in table.py, and {message}, the id of a message that nobody has reported on yet, {sender} and
{number}, a sender and a recipient that were never used."""

from table import RESOURCE, SERVER, WIRE_KEY, Line

V = "api-version="
FIRST, SECOND, OPTOUTS, REPORTS = "2020-07-20-preview1", "2020-08-20-preview", "2024-12-10-preview", "2025-08-01-preview"
MMS = "2023-06-30-privatepreview"
NEW, OLD = V + "2026-01-23", V + FIRST
FROM, TO = "+18005550100", "+14255550123"
SEND = {"from": FROM, "smsRecipients": [{"to": TO}], "message": "matrix"}
PEOPLE = {"from": FROM, "recipients": [{"to": "+14255550177"}]}
ENTRY = "/admin/sms/optouts/{sender}/{recipient}"

WIRE = {
    ("POST", "/sms", FIRST): Line(WIRE_KEY, f"/sms?{OLD}", 200, {"from": FROM, "to": [TO], "message": "matrix"}),
    ("POST", "/sms", SECOND): Line(WIRE_KEY, f"/sms?{NEW}", 202, SEND),
    **{("POST", f"/sms/optouts{colon}{what}", OPTOUTS): Line(WIRE_KEY, f"/sms/optouts{colon}{what}?{NEW}", 200, PEOPLE)
       for what in ("add", "remove", "check") for colon in (":", "/:")},
    ("POST", "/mms", MMS): Line(WIRE_KEY, f"/mms?{V}{MMS}", 400, {}),
    # sent without a report, it has none
    ("GET", "/deliveryReports/{id}", REPORTS): Line(WIRE_KEY, f"/deliveryReports/{{message}}?{NEW}", 404),
}

ADMINISTRATION = {
    ("GET", "/admin/sms/messages", ""): Line(RESOURCE, "/admin/sms/messages?limit=1", 200),
    ("DELETE", "/admin/sms/messages", ""): Line(RESOURCE, "/admin/sms/messages", 204),
    ("GET", "/admin/sms/messages:wait", ""): Line(
        RESOURCE, "/admin/sms/messages:wait?to=%2B14255559999&timeoutSeconds=0", 204),
    ("GET", "/admin/sms/messages/{id}", ""): Line(RESOURCE, "/admin/sms/messages/{message}", 200),
    ("POST", "/admin/sms/messages/{id}:report", ""): Line(
        RESOURCE, "/admin/sms/messages/{message}:report", 202, {"deliveryStatus": "Delivered"}),
    ("POST", "/admin/sms/inbound", ""): Line(
        RESOURCE, "/admin/sms/inbound", 202, {"from": TO, "to": FROM, "message": "matrix"}),
    ("GET", "/admin/sms/senders", ""): Line(RESOURCE, "/admin/sms/senders?limit=1", 200),
    ("PUT", "/admin/sms/senders/{id}", ""): Line(RESOURCE, "/admin/sms/senders/{sender}", 201, {}),
    ("GET", "/admin/sms/senders/{id}", ""): Line(RESOURCE, "/admin/sms/senders/nobody", 404),
    ("DELETE", "/admin/sms/senders/{id}", ""): Line(RESOURCE, "/admin/sms/senders/nobody", 404),
    ("GET", "/admin/sms/optouts", ""): Line(RESOURCE, "/admin/sms/optouts?limit=1", 200),
    ("PUT", ENTRY, ""): Line(RESOURCE, "/admin/sms/optouts/12345/{number}", 201),
    ("GET", ENTRY, ""): Line(RESOURCE, "/admin/sms/optouts/12345/{number}", 200),
    ("DELETE", ENTRY, ""): Line(RESOURCE, "/admin/sms/optouts/12345/{number}", 204),
    ("GET", "/admin/sms/transports", ""): Line(SERVER, "/admin/sms/transports", 200),
    ("PUT", "/admin/sms/transports/{name}", ""): Line(SERVER, "/admin/sms/transports/{name}", 201, {"kind": "inbox"}),
    ("GET", "/admin/sms/transports/{name}", ""): Line(SERVER, "/admin/sms/transports/inbox", 200),
    ("DELETE", "/admin/sms/transports/{name}", ""): Line(SERVER, "/admin/sms/transports/none", 404),
    ("GET", "/admin/sms/transports/{name}:status", ""): Line(SERVER, "/admin/sms/transports/inbox:status", 200),
}

LINES = {**WIRE, **ADMINISTRATION}

# Which action of roles each row asks for: s sends and changes opt-outs, q asks what became of messages.
ASKS = {row[:2]: "q" if row[1].endswith("check") or row[0] == "GET" else "s" for row in WIRE}
