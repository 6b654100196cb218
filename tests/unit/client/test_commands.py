#!/usr/bin/env python3
"""Every command against a server that answers as the administration contract says.

usage: test_commands.py PROGRAM, a build of the command line with the module beside it."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.parse

PROGRAM = os.path.abspath(sys.argv[1])
KEY = base64.b64encode(b"Callgate-fake-test-key-0123456789-not-a-secret-0123456789-ABCDEF").decode()
USER = "8:acs:00000000-0000-0000-0000-000000000001_0000000a-0000-0000-0000-000000000002"
USER_PATH = "/admin/users/" + urllib.parse.quote(USER, safe="")


def b64(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


TOKEN = b64({"alg": "ES256", "kid": "k1", "typ": "JWT"}) + "." + b64(
    {"skypeid": USER[2:], "scp": 1792, "iat": 1, "exp": 4102444800, "acsScope": "chat"}) + "." + "A" * 86
EXPIRED = b64({"alg": "ES256", "kid": "k1"}) + "." + b64({"skypeid": USER[2:], "exp": 5}) + "." + "A" * 86
RESOURCE = {"name": "blue", "id": "1", "location": "europe", "names": ["b.example"]}
CLOCK = {"now": "2026-11-23T15:00:00.000Z", "offsetSeconds": 0}
CREATED = {"id": USER, "createdOn": "2026-11-23T15:00:00.000Z", "externalId": "alice\x1b[31m"}
APP = {"name": "mail", "kind": "app", "clientId": "c-1", "disabled": False, "roles": ["Reader"]}
SECRET = {"id": "s-1", "secret": "it's a secret", "clientId": "c-1"}
ROLE = {"id": "r-1", "principal": "mail", "role": "Reader", "scope": "/"}
ISSUER = {"id": "i-2", "issuer": "https://idp.example", "kind": "oidc", "audiences": ["a"]}

SMS = {"messageId": "Outgoing_1", "direction": "outbound", "from": "+18005550100", "to": "+14255550123",
       "message": "code 42", "state": "delivered", "report": {"deliveryStatus": "Delivered"}}
SENDER = {"sender": "+18005550100", "kind": "tollFree", "enforceOptOut": True, "transport": "inbox"}
TRANSPORT = {"name": "carrier-a", "kind": "smpp", "host": "h", "password": "***"}
LISTED, WAIT = "/admin/sms/messages?limit=", "/admin/sms/messages:wait?to=%2B14255550123&since="
ACCEPTED = {"to": "+14255550123", "messageId": "Outgoing_1", "httpStatusCode": 202, "successful": True}
REFUSED = {"to": "+1425", "httpStatusCode": 400, "errorMessage": "Invalid To", "successful": False}

THREAD, HERE, CHAT = "19:abc@thread.v2", "/chat/threads/19%3Aabc%40thread.v2", "?api-version=2025-03-15"
OWNERS = "/admin" + HERE
MEMBER = {"communicationIdentifier": {"rawId": USER}, "displayName": "Anna\x1b[31m"}
PROPERTIES = {"id": THREAD, "topic": "Lunch", "createdOn": "T"}
SAID = {"id": "17", "type": "text", "content": {"message": "hi"}, "senderCommunicationIdentifier": {"rawId": USER}}
NOTED = {"id": "16", "type": "participantAdded", "content": {
    "participants": [MEMBER, {"communicationIdentifier": {"rawId": "8:acs:x"}}],
    "initiatorCommunicationIdentifier": {"rawId": USER}}}
GONE = {"id": "15", "type": "text", "content": {"message": ""}, "deletedOn": "T", "senderDisplayName": "Ben"}

# method and target -> (status, answer); octets are sent as they are
ANSWERS = {
    "GET /admin/status": (200, {"version": "0.1.0", "store": {"healthy": True}}),
    "GET /admin/resources?limit=1000": (200, {"value": [RESOURCE]}),
    "POST /admin/resources": (201, RESOURCE),
    "GET /admin/resources/blue": (200, RESOURCE),
    "DELETE /admin/resources/blue?confirm=blue": (204, None),
    "GET /admin/keys?reveal=true": (200, {"primary": {"key": KEY, "lastUsedOn": None}, "secondary": {"key": KEY}}),
    "GET /admin/keys": (200, {"primary": {"regeneratedOn": "T"}, "secondary": {}}),
    "GET /admin/keys?resource=blue": (200, {"primary": {"regeneratedOn": "BLUE"}, "secondary": {}}),
    "POST /admin/keys/primary:regenerate": (200, {"key": KEY, "connectionString": "c"}),
    "POST /admin/signing-keys:rotate": (200, {"kid": "k2"}),
    "GET /admin/tenant": (200, {"tenantId": "t", "authority": "https://localhost:8443"}),
    "POST /admin/apps": (201, APP), "GET /admin/apps/mail": (200, APP), "PATCH /admin/apps/mail": (200, APP),
    "GET /admin/apps?limit=1000": (200, {"value": [APP]}), "DELETE /admin/apps/mail": (204, None),
    "POST /admin/apps/c-1/secrets": (201, SECRET), "POST /admin/apps/mail/secrets": (201, SECRET),
    "DELETE /admin/apps/mail/secrets/s-1": (204, None), "DELETE /admin/apps/mail/certificates/s-1": (204, None),
    "POST /admin/apps/mail/certificates": (201, APP), "POST /admin/apps/mail/federated": (201, APP),
    "DELETE /admin/apps/mail/federated/ci": (204, None),
    "POST /admin/identities": (201, APP), "POST /admin/identities:assign": (201, APP),
    "GET /admin/identities?limit=1000": (200, {"value": [APP]}), "DELETE /admin/identities/mail": (204, None),
    "GET /admin/identities/mail:header": (200, {"header": "h-1"}),
    "POST /admin/identities/mail:serve": (200, b'{"endpoint":"http://127.0.0.1:1/msi/token","header":"h-2"}\n'),
    "POST /admin/role-assignments": (201, ROLE), "DELETE /admin/role-assignments/r-1": (204, None),
    "GET /admin/role-assignments?limit=1000": (200, {"value": [ROLE]}),
    "GET /admin/role-assignments?limit=1000&principal=mail": (200, {"value": [ROLE]}),
    "GET /admin/roles": (200, {"value": [{"name": "Reader", "id": "i-1", "builtIn": True}]}),
    "POST /admin/roles": (201, {"name": "Only SMS"}), "DELETE /admin/roles/Only%20SMS": (204, None),
    "POST /admin/issuers": (201, ISSUER), "GET /admin/issuers?limit=1000": (200, {"value": [ISSUER]}),
    "DELETE /admin/issuers/i-2": (204, None), "POST /admin/issuers/i-2:test": (200, {"ok": False, "failure": "no host"}),
    "POST /admin/token": (200, {"token": "service-token", "expiresOn": "T"}),
    "POST /admin/users": (201, CREATED),
    "GET /admin/users?limit=1000": (200, {"value": [CREATED], "nextLink": "https://localhost:1/admin/users?after=x"}),
    "GET /admin/users?after=x": (200, {"value": [{"id": "second"}]}),
    "GET /admin/users?limit=1&prefix=8%3A": (200, {"value": [CREATED], "nextLink": "https://localhost:1/never"}),
    f"GET {USER_PATH}": (200, CREATED),
    f"DELETE {USER_PATH}": (204, None),
    f"GET {USER_PATH}:export": (200, b'{"kind":"user"}\n{"kind":"x"}\n'),
    f"POST {USER_PATH}:issueToken": (200, {"token": TOKEN, "expiresOn": "2026-11-24T15:00:00Z"}),
    "GET /admin/users/gone": (404, {"error": {"code": "UserNotFound", "message": "There is no such user."}}),
    "GET /admin/clock": (200, CLOCK), "PUT /admin/clock": (200, CLOCK), "DELETE /admin/clock": (200, CLOCK),
    "POST /sms?api-version=2026-01-23": (202, lambda body: {"value": [
        ACCEPTED if len(one["to"]) > 9 else REFUSED for one in json.loads(body)["smsRecipients"]]}),
    f"GET {LISTED}1000&to=%2B14255550123&state=delivered": (200, {"value": [SMS]}),
    f"GET {LISTED}2": (200, {"value": [SMS, SMS, SMS]}), f"GET {LISTED}1": (200, {"value": [SMS]}),
    "GET /admin/sms/messages?resource=blue&limit=1": (200, {"value": []}),
    "GET /admin/sms/messages/Outgoing_1": (200, SMS), "DELETE /admin/sms/messages": (204, None),
    f"GET {WAIT}Outgoing_1&timeoutSeconds=10": (200, SMS), f"GET {WAIT}1m&timeoutSeconds=1": (204, None),
    "POST /admin/sms/messages/Outgoing_1:report": (202, None),
    "POST /admin/sms/inbound": (202, {"messageId": "Incoming_1"}),
    "PUT /admin/sms/senders/%2B18005550100": (201, SENDER), "GET /admin/sms/senders/%2B18005550100": (200, SENDER),
    "PUT /admin/sms/senders/My%20shop": (201, SENDER), "GET /admin/sms/senders?limit=1000": (200, {"value": [SENDER]}),
    "DELETE /admin/sms/senders/%2B18005550100": (204, None),
    "PUT /admin/sms/optouts/12345/%2B14255550123": (201, {}), "PUT /admin/sms/optouts/12345/%2B14255550124": (200, {}),
    "DELETE /admin/sms/optouts/12345/%2B14255550123": (204, None),
    "GET /admin/sms/optouts/12345/%2B14255550123": (200, {"sender": "12345", "isOptedOut": True}),
    "GET /admin/sms/optouts/12345/%2B14255550124": (200, {"sender": "12345", "isOptedOut": False}),
    "GET /admin/sms/optouts?limit=1000&sender=12345": (200, {"value": [{"sender": "12345", "recipient": "+1"}]}),
    "PUT /admin/sms/transports/carrier-a": (201, TRANSPORT), "GET /admin/sms/transports/carrier-a": (200, TRANSPORT),
    "GET /admin/sms/transports?limit=1000": (200, {"value": [TRANSPORT]}),
    "GET /admin/sms/transports/carrier-a:status": (200, {"name": "carrier-a", "status": {"state": "up"}}),
    "DELETE /admin/sms/transports/carrier-a": (204, None),
    f"POST /chat/threads{CHAT}": (201, lambda body: {"chatThread": PROPERTIES, **(
        {"invalidParticipants": [{"target": "8:acs:x", "code": "404", "message": "no such user"}]}
        if b"8:acs:x" in body else {})}),
    f"GET /chat/threads{CHAT}&maxPageSize=200": (200, {"value": [{**PROPERTIES, "lastMessageReceivedOn": "L"}]}),
    f"GET {HERE}{CHAT}": (200, PROPERTIES), f"PATCH {HERE}{CHAT}": (204, None), f"DELETE {HERE}{CHAT}": (204, None),
    f"POST {HERE}/messages{CHAT}": (201, {"id": "17"}),
    f"GET {HERE}/messages{CHAT}&maxPageSize=2&startTime=S": (200, {
        "value": [SAID], "nextLink": f"https://elsewhere:1{HERE}/messages?syncState=x"}),
    f"GET {HERE}/messages?syncState=x": (200, {"value": [NOTED, GONE]}),
    f"PATCH {HERE}/messages/17{CHAT}": (204, None), f"DELETE {HERE}/messages/17{CHAT}": (204, None),
    f"GET {HERE}/participants{CHAT}&maxPageSize=200": (200, {"value": [MEMBER]}),
    f"POST {HERE}/participants/:add{CHAT}": (201, {}), f"POST {HERE}/participants/:remove{CHAT}": (204, None),
    f"GET /admin/chat/threads?limit=1000&user={urllib.parse.quote(USER, safe='')}": (200, {"value": [PROPERTIES]}),
    f"GET {OWNERS}": (200, {**PROPERTIES, "participants": [MEMBER]}), f"DELETE {OWNERS}": (204, None),
    f"GET {OWNERS}/messages?limit=1000": (200, {"value": [SAID, NOTED, GONE]}),
    "POST /admin/backup": (200, b"SQLite format 3\0" * 1000),
    f"POST /identities/{USER_PATH[13:]}/:revokeAccessTokens?api-version=2023-10-01": (204, None),
    "GET /.well-known/openid-configuration": (200, {"jwks_uri": "http://localhost:1/keys"}),
    "GET /keys": (200, {"keys": [{"kid": "k1", "kty": "EC", "crv": "P-256", "alg": "ES256", "x": "", "y": ""}]}),
    "GET /admin/whoami": (401, {"error": {"code": "Denied", "message": "no"}}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = f"{self.command} {self.path}"
        status, data = ANSWERS.get(name, (404, {"error": {"code": "NoSuchRow", "message": name}}))
        Handler.seen.append((name, body.decode(), dict(self.headers)))
        data = data(body) if callable(data) else data
        data = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        if status == 401:
            self.send_header("x-callgate-explain", "token; revoked")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def start(folder):
    tcp = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    unix = UnixServer(os.path.join(folder, "admin.sock"), Handler)
    for server in (tcp, unix):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(os.path.join(folder, "admin.token"), "w") as f:
        f.write("administrator-secret\n")
    with open(os.path.join(folder, "server.json"), "w") as f:
        json.dump({"pid": 1, "version": "0.1.0", "mode": "dev", "domain": "localhost", "https": None,
                   "http": {"address": "127.0.0.1", "port": tcp.server_address[1]},
                   "adminSocket": f"{folder}/admin.sock", "adminToken": f"{folder}/admin.token",
                   "caFile": f"{folder}/ca.pem", "caBundle": f"{folder}/ca-bundle.pem",
                   "trustStore": f"{folder}/trust store.p12", "trustStorePassword": "changeit"}, f)
    return tcp.server_address[1]


def main():
    folder = tempfile.mkdtemp(prefix="callgate-test-")
    port = start(folder)
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("CALLGATE_", "COMMUNICATION_", "SSL_", "XDG_"))}
    clean["CALLGATE_DATA"] = folder

    def run(*args, code=0, stdin="", env=None, **more):
        Handler.seen.clear()
        done = subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, text=True, timeout=60,
                              env={**clean, **(env or {})}, **more)
        assert done.returncode == code, (args, done)
        assert KEY not in done.stderr and "administrator-secret" not in done.stdout + done.stderr, done
        return done.stdout + done.stderr

    # what is shown
    assert run("status") == "version        0.1.0\nstore.healthy  yes\n"
    assert json.loads(run("status", "--json"))["store"] == {"healthy": True}
    assert run("resource", "list").splitlines()[0] == 'NAME  ID  LOCATION  PORT  NAMES'
    assert json.loads(run("resource", "list", "--json")) == [RESOURCE]
    run("resource", "create", "blue", "--port", "8500", "--name", "a", "--name=b")
    assert json.loads(Handler.seen[-1][1]) == {"name": "blue", "port": 8500, "names": ["a", "b"]}
    run("resource", "create", "blue", "--port", "0", code=2)
    run("resource", "show", "blue")
    run("resource", "delete", "blue", code=2)
    assert not Handler.seen
    run("resource", "delete", "blue", "--yes")
    assert "BLUE" in run("key", "list", "--resource", "blue") and KEY not in run("key", "list")
    assert KEY in run("key", "list", "--reveal")
    run("key", "regenerate", "primary", "--keep-tokens")
    assert Handler.seen[-1][1] == '{"keepTokens":true}'
    run("key", "regenerate", "third", code=2)
    assert "k2" in run("key", "rotate")

    # users
    run("user", "create", "--external-id", "alice")
    assert Handler.seen[-1][1] == '{"externalId":"alice"}'
    listed = run("user", "list")
    assert "second" in listed and "\x1b" not in listed
    assert len(json.loads(run("user", "list", "--limit", "1", "--prefix", "8:", "--json"))) == 1
    run("user", "show", USER)
    run("user", "delete", USER)
    assert run("user", "export", USER).count("\n") == 2
    copy = os.path.join(folder, "copy")
    run("user", "export", USER, "--out", copy)
    run("user", "export", USER, "--out", copy, code=5)
    missing = run("user", "show", "gone", code=4)
    assert missing.startswith("callgate: UserNotFound: There is no such user.\n  status 404, request id ")
    assert json.loads(run("user", "show", "gone", "--json", code=4))["error"]["code"] == "UserNotFound"

    # tokens
    assert run("token", "issue", "--raw").strip() == TOKEN
    run("token", "issue", USER, "--scope", "chat,voip.join", "--minutes", "60")
    assert Handler.seen[-1][1] == '{"scopes":["chat","voip.join"],"expiresInMinutes":60}'
    run("token", "revoke", USER)
    assert Handler.seen[-1][2]["Authorization"].startswith("HMAC-SHA256 ")
    told = json.loads(run("token", "inspect", "-", "--json", stdin=TOKEN + "\n", code=1))
    assert (told["signature"], told["server"], told["state"]) == ("bad", "refused", "dead"), told
    told = json.loads(run("token", "inspect", TOKEN, "--offline", "--json"))
    assert told["kind"] == "user access token" and told["claims"]["scp"] == 1792, told
    told = json.loads(run("token", "inspect", EXPIRED, "--offline", "--json", code=1))
    assert told["why"] == "it has expired", told
    run("token", "inspect", "a.b", code=1)

    # applications
    def body():
        return json.loads(Handler.seen[-1][1])

    run("app", "create", "mail", "--role", "Reader")
    assert body() == {"name": "mail", "role": "Reader"}
    run("app", "create", "mail", "--expires-in", "1d", code=2)
    told = run("app", "create", "mail", "--secret", "--expires-in", "90d")
    assert told.count("it's a secret") == 1 and "export AZURE_CLIENT_SECRET='it'\\''s a secret'\n" in told, told
    lines = run("app", "create", "mail", "--export", "dotenv").splitlines()
    assert lines[:3] == ["AZURE_AUTHORITY_HOST=https://localhost:8443", "AZURE_TENANT_ID=adfs", "AZURE_CLIENT_ID=c-1"]
    told = json.loads(run("app", "secret", "add", "mail", "--description", "ci", "--json"))
    assert told["variables"]["AZURE_CLIENT_SECRET"] == told["secret"] == "it's a secret"
    run("app", "secret", "add", "mail", "--export", "csh", code=2)
    assert "Reader" in run("app", "list") and "c-1" in run("app", "show", "mail")
    for words, document in ((("disable",), {"disabled": True}), (("enable",), {"disabled": False}),
                            (("revoke",), {"revokeTokens": True})):
        run("app", *words, "mail")
        assert Handler.seen[-1][0] == "PATCH /admin/apps/mail" and body() == document
    run("app", "secret", "remove", "mail", "s-1")
    run("app", "cert", "remove", "mail", "s-1")
    pem = os.path.join(folder, "cert.pem")
    for text, code in (("-----BEGIN CERTIFICATE-----\n", 0), ("-----BEGIN PRIVATE KEY-----\n", 5), ("a\0b", 5),
                       ("x" * 20000, 5)):
        with open(pem, "w") as f:
            f.write(text)
        run("app", "cert", "add", "mail", pem, code=code)
        assert bool(Handler.seen) == (code == 0)
    run("app", "cert", "add", "mail", pem + ".none", code=5)
    run("app", "federated", "add", "mail", "ci", "--issuer", "https://i", code=2)
    run("app", "federated", "add", "mail", "ci", "--issuer", "https://i", "--subject", "s", "--audience", "a")
    assert body() == {"name": "ci", "issuer": "https://i", "subject": "s", "audience": "a"}
    run("app", "federated", "remove", "mail", "ci")
    run("app", "delete", "mail")
    assert "Did you mean `callgate app show`?" in run("app", "shwo", "mail", code=2)

    # identities, roles, issuers, service tokens
    run("identity", "create", "mail", "--group", "g", "--role", "none")
    assert body() == {"name": "mail", "group": "g", "role": "none"}
    run("identity", "assign", "blue")
    assert body() == {"resource": "blue"}
    run("identity", "list")
    run("identity", "delete", "mail")
    for wrong in (("true",), ("mail", "true"), ("--",), ("mail", "--"), ("a", "b", "--", "true")):
        run("identity", "run", *wrong, code=2)
    run("identity", "run", "gone", "--", "true", code=4)
    told = run("identity", "run", "mail", "--", "env", env={
        "MSI_ENDPOINT": "x", "AZURE_CLIENT_ID": "x", "AZURE_POD_IDENTITY_AUTHORITY_HOST": "x", "SSL_CERT_FILE": "x"})
    names = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    assert names["IDENTITY_ENDPOINT"] == "http://127.0.0.1:1/msi/token" and names["IDENTITY_HEADER"] == "h-2"
    assert names["AZURE_TOKEN_CREDENTIALS"] == "ManagedIdentityCredential"
    assert names["SSL_CERT_FILE"].endswith("ca-bundle.pem") and KEY not in told
    assert not {"MSI_ENDPOINT", "AZURE_CLIENT_ID", "AZURE_POD_IDENTITY_AUTHORITY_HOST"} & set(names)
    told = run("identity", "run", "mail", "--keep-env", "--", "env",
               env={"MSI_ENDPOINT": "x", "SSL_CERT_FILE": "x", "IDENTITY_HEADER": "x", "AZURE_TOKEN_CREDENTIALS": "dev"})
    assert {"MSI_ENDPOINT=x", "SSL_CERT_FILE=x", "IDENTITY_HEADER=h-2", "AZURE_TOKEN_CREDENTIALS=dev"} <= set(
        told.splitlines())
    run("role", "assign", "mail", "Reader", "--scope", "/")
    assert body() == {"principal": "mail", "role": "Reader", "scope": "/"}
    assert "r-1" in run("role", "list")
    assert "at / (--scope)" in run("role", "remove", "mail", "reader", code=4)
    run("role", "remove", "mail", "reader", "--scope", "/")
    assert Handler.seen[-1][0] == "DELETE /admin/role-assignments/r-1"
    run("role", "remove", "mail", "Owner", code=4)
    run("role", "remove", "mail", "Reader", "--scope", "/x", code=4)
    run("role", "remove", "r-1")
    assert "Reader" in run("role", "show") and "i-1" in run("role", "show", "READER")
    run("role", "show", "Emperor", code=4)
    definition = '{"name":"Only SMS","permissions":[]}'
    run("role", "create", "-", stdin=definition)
    assert Handler.seen[-1][1] == definition
    run("role", "create", folder + "/none", code=5)
    run("role", "create", "-", stdin="x" * 70000, code=5)
    run("role", "delete", "Only SMS")
    run("issuer", "add", code=2)
    run("issuer", "add", "https://i", "--claim", "odd", code=2)
    run("issuer", "add", "https://i", "--jwks-file", folder + "/none", code=5)
    run("issuer", "add", "https://i", "--audience", "a", "--audience", "b", "--subject", "s", "--claim", "x=y=z",
        "--name", "n", "--alg", "ES256", "--ca-file", pem, "--allow-private", "--untested")
    assert body() == {"issuer": "https://i", "audiences": ["a", "b"], "algorithms": ["ES256"], "subject": "s",
                      "principalName": "n", "allowPrivate": True, "untested": True, "claims": {"x": "y=z"},
                      "caFile": os.path.realpath(pem)}
    run("issuer", "add", "--tenant", "t-1")
    assert body() == {"issuer": "https://login.microsoftonline.com/t-1/v2.0"}
    run("issuer", "add", "https://i", "--tenant", "t-1", code=2)
    run("issuer", "list")
    assert "no host" in run("issuer", "test", "https://idp.example", code=1)
    run("issuer", "remove", "https://idp.example")
    run("issuer", "remove", "https://other.example", code=4)
    assert run("token", "get", "--as", "mail", "--raw") == "service-token\n"
    run("token", "get", "--as", "mail", "--resource", "https://management.azure.com/")
    assert body() == {"as": "mail", "resource": "https://management.azure.com/"}
    run("token", "get", code=2)
    run("key", "rotate", "--purpose", "issuer")
    assert body() == {"purpose": "issuer"}
    run("key", "rotate", "--purpose", "odd", code=2)
    run("env", "--app", "mail", code=3)  # no https listener
    run("env", "--identity", "mail", code=3)  # no identity endpoint
    run("env", "--app", "mail", "--identity", "mail", code=2)

    # what a script's unset variable leaves
    for words in (("user", "show"), ("resource", "show"), ("sms", "show"), ("chat", "thread", "show"), ("token", "issue")):
        assert "the first argument is empty" in run(*words, "", code=2), words
    assert "is neither key" in run("user", "list", "--connection-string", "", code=2)
    assert "--scope names no scope" in run("token", "issue", "--scope", "", code=2)

    # text messages
    sent = run("sms", "send", "+18005550100", "+14255550123", "+14255550124", "hi", "--report", "--tag", "t")
    assert sent == "Outgoing_1\nOutgoing_1\n"
    assert body()["from"] == "+18005550100" and body()["message"] == "hi"
    assert body()["smsSendOptions"] == {"enableDeliveryReport": True, "tag": "t"}
    assert [one["to"] for one in body()["smsRecipients"]] == ["+14255550123", "+14255550124"]
    assert "HMAC" in Handler.seen[-1][2]["Authorization"]
    told = run("sms", "send", "Contoso", "+14255550123", "+1425", "-", stdin="from\nstdin\n", code=1)
    assert "Outgoing_1\n" in told and "callgate: +1425: 400 Invalid To" in told and body()["message"] == "from\nstdin"
    told = json.loads(run("sms", "send", "Contoso", "+14255550123", "x", "--json", "--report-timeout", "60"))
    assert told == [ACCEPTED] and body()["smsSendOptions"]["deliveryReportTimeoutInSeconds"] == 60
    run("sms", "send", "Contoso", "+14255550123", "x", "--report-timeout", "soon", code=2)
    run("sms", "send", "Contoso", "+14255550123", code=2)
    assert "code 42" in run("sms", "list", "--to", "+14255550123", "--state", "delivered")
    assert len(json.loads(run("sms", "list", "--limit", "2", "--json"))) == 2
    run("sms", "list", "--limit", "0", code=2)
    assert "report.deliveryStatus  Delivered" in run("sms", "show", "Outgoing_1")
    assert run("sms", "wait", "+14255550123") == "code 42\n"
    assert json.loads(run("sms", "wait", "+14255550123", "--json")) == SMS
    told = run("sms", "wait", "+14255550123", "--since", "1m", "--within", "1", code=1)
    assert "no message to +14255550123 came" in told
    run("sms", "wait", "+14255550123", "--within", "soon", code=2)
    run("sms", "wait", "+14255550123", "--resource", "blue", "--within", "0", code=4)  # asks, since the beginning
    assert Handler.seen[-1][0].endswith("&since=1970-01-01T00%3A00%3A00Z&timeoutSeconds=0"), Handler.seen
    assert "Incoming_1" in run("sms", "inbound", "+14255550123", "+18005550100", "STOP")
    assert body() == {"from": "+14255550123", "to": "+18005550100", "message": "STOP"}
    run("sms", "inbound", "+14255550123", "+18005550100", "-", stdin="help\n")
    assert body()["message"] == "help"
    run("sms", "report", "Outgoing_1", "Failed", "--code", "4006", "--segments-failed", "1")
    assert body() == {"deliveryStatus": "Failed", "code": 4006, "segmentsFailed": 1}
    run("sms", "report", "Outgoing_1", "Failed", "--code", "x", code=2)
    run("sms", "clear")

    # senders, opt-outs, transports
    run("sender", "set", "+18005550100", "--kind", "tollFree", "--transport", "carrier-a", "--rate", "10",
        "--enforce-opt-out", "no", "--reply-stop", "bye")
    assert body() == {"kind": "tollFree", "transport": "carrier-a", "replies": {"stop": "bye"}, "enforceOptOut": False,
                      "ratePerMinute": 10}
    run("sender", "set", "My shop")
    assert body() == {"replies": {}}
    run("sender", "set", "My shop", "--rate", "fast", code=2)
    run("sender", "set", "My shop", "--enforce-opt-out", "maybe", code=2)
    assert "tollFree" in run("sender", "list") and "inbox" in run("sender", "show", "+18005550100")
    run("sender", "delete", "+18005550100")
    run("optout", "add", "12345", "+14255550123", "+14255550124")
    assert [name for name, _, _ in Handler.seen] == ["PUT /admin/sms/optouts/12345/%2B14255550123",
                                                     "PUT /admin/sms/optouts/12345/%2B14255550124"]
    run("optout", "remove", "12345", "+14255550123")
    assert "12345" in run("optout", "list", "12345")
    run("optout", "check", "12345", "+14255550123")
    run("optout", "check", "12345", "+14255550124", code=1)
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as f:
        f.write(" hush \n")
    shown = run("transport", "set", "carrier-a", "smpp", "host=h", "port=2775", "tls=true", "code=007",
                "systemId:=\"12\"", "list:=[1]", "--password-file", secret, "--secret-file", f"other={secret}")
    assert body() == {"kind": "smpp", "host": "h", "port": 2775, "tls": True, "code": "007", "systemId": "12",
                      "list": [1], "password": "hush", "other": "hush"}
    assert "hush" not in shown and "***" in shown
    run("transport", "set", "carrier-a", "smpp", "--password-file", "-", stdin="hush\n")
    assert body() == {"kind": "smpp", "password": "hush"}
    run("transport", "set", "carrier-a", "--file", "-", stdin='{"kind":"http","url":"u"}')
    assert body() == {"kind": "http", "url": "u"}
    for wrong, status in ((("smpp", "host"), 2), (("smpp", "=x"), 2), (("smpp", "a:=nul"), 2), (("smpp", "a:=1,2"), 2),
                          (("smpp", "--secret-file", "x"), 2), (("smpp", "--password-file", folder + "/none"), 5),
                          (("--file", secret), 5)):
        run("transport", "set", "carrier-a", *wrong, code=status)
        assert not Handler.seen
    assert "smpp" in run("transport", "list") and "***" in run("transport", "show", "carrier-a")
    assert "status.state  up" in run("transport", "status", "carrier-a")
    run("transport", "delete", "carrier-a")

    # chat: as a user by a token that is issued, or that is given; or as the owner
    me = ("--as", USER)
    assert run("chat", "thread", "create", "Lunch", f"{USER}=Anna", "8:acs:b", *me, "--share-from", "S",
               "--delete-after", "30", "--metadata", '{"a":"b"}') == f"{THREAD}\n"
    assert [name for name, _, _ in Handler.seen] == [f"POST {USER_PATH}:issueToken", f"POST /chat/threads{CHAT}"]
    assert Handler.seen[0][1] == '{"scopes":["chat"]}' and Handler.seen[1][2]["Authorization"] == f"Bearer {TOKEN}"
    assert body() == {"topic": "Lunch", "metadata": {"a": "b"}, "retentionPolicy": {
        "kind": "threadCreationDate", "deleteThreadAfterDays": 30}, "participants": [
        {"communicationIdentifier": {"rawId": USER, "communicationUser": {"id": USER}}, "displayName": "Anna",
         "shareHistoryTime": "S"},
        {"communicationIdentifier": {"rawId": "8:acs:b", "communicationUser": {"id": "8:acs:b"}},
         "shareHistoryTime": "S"}]}
    told = run("chat", "thread", "create", "Lunch", "8:acs:x", *me, code=1)
    assert THREAD in told and "callgate: 8:acs:x was not added: 404 no such user" in told
    run("chat", "thread", "create", "Lunch", code=2)
    run("chat", "thread", "create", "Lunch", *me, "--token", "t", code=2)
    run("chat", "thread", "create", "Lunch", *me, "--delete-after", "soon", code=2)
    run("chat", "thread", "create", "Lunch", *me, "--metadata", "[]", code=2)
    assert not [name for name, _, _ in Handler.seen if "/chat/" in name]
    by_token = {"CALLGATE_USER_TOKEN": "given-token"}
    assert "Lunch" in run("chat", "thread", "list", env=by_token)
    assert [head["Authorization"] for _, _, head in Handler.seen] == ["Bearer given-token"]
    run("chat", "thread", "list", "--user", USER, env=by_token, code=2)
    elsewhere = {"CALLGATE_ENDPOINT": f"http://localhost:{port}/", "CALLGATE_DATA": folder + "/none"}
    assert json.loads(run("chat", "thread", "show", THREAD, "--token", "given-token", "--json",
                          env=elsewhere)) == PROPERTIES
    run("chat", "thread", "show", THREAD, "--token", "t", "--endpoint", "http://chat.example", code=2)  # plain HTTP
    run("chat", "thread", "update", THREAD, *me, "--topic", "Dinner", "--delete-after", "never")
    assert body() == {"topic": "Dinner", "retentionPolicy": {"kind": "none"}}
    assert Handler.seen[-1][2]["Content-Type"] == "application/merge-patch+json"
    run("chat", "thread", "update", THREAD, *me, code=2)
    run("chat", "thread", "delete", THREAD, *me)
    assert run("chat", "message", "send", THREAD, "-", *me, "--name", "Anna", "--html", stdin="<b>x</b>\n") == "17\n"
    assert body() == {"content": "<b>x</b>", "senderDisplayName": "Anna", "type": "html"}
    assert json.loads(run("chat", "message", "send", THREAD, "x", *me, "--json")) == {"id": "17"}
    lines = run("chat", "message", "list", THREAD, *me, "--since", "S", "--limit", "2").splitlines()
    assert len(lines) == 3 and lines[1].split() == ["17", USER, "text", "hi"] and "participantAdded" in lines[2]
    run("chat", "message", "edit", THREAD, "17", "new", *me)
    assert body() == {"content": "new"}
    run("chat", "message", "delete", THREAD, "17", *me)
    assert "Anna?[31m" in run("chat", "participant", "list", THREAD, *me)
    run("chat", "participant", "add", THREAD, f"{USER}=A=B", *me)
    assert body()["participants"][0]["displayName"] == "A=B"
    run("chat", "participant", "remove", THREAD, USER, *me)
    assert body() == {"rawId": USER, "communicationUser": {"id": USER}}
    assert "Lunch" in run("chat", "thread", "list", "--user", USER)
    assert "Anna" in run("chat", "participant", "list", THREAD)
    run("chat", "thread", "show", THREAD)
    told = run("chat", "message", "list", THREAD)
    assert "(deleted)" in told and "Anna?[31m, 8:acs:x" in told
    assert json.loads(run("chat", "message", "list", THREAD, "--json")) == [SAID, NOTED, GONE]
    run("chat", "thread", "delete", THREAD)
    run("chat", "message", "send", THREAD, "x", code=2)
    run("chat", "watch", THREAD, code=2)
    run("chat", "watch", THREAD, *me, "--count", "0", code=2)
    told = run("chat", "watch", *me, code=4)  # this server has no realtime
    assert "NoSuchRow: GET /realtime" in told, told

    # env
    lines = run("env").splitlines()
    assert f"export CALLGATE_HTTP_CONNECTION_STRING='endpoint=http://localhost:{port}/;accesskey={KEY}'" in lines
    assert lines[-1].startswith("# Java")
    shell = subprocess.run(["sh", "-c", 'eval "$("$0" env)"; printf %s "$CALLGATE_JAVA_OPTIONS"', PROGRAM],
                           capture_output=True, text=True, env=clean, check=True)
    assert shell.stdout == f"-Djavax.net.ssl.trustStore='{folder}/trust store.p12' " \
                           "-Djavax.net.ssl.trustStorePassword=changeit"
    names = json.loads(run("env", "--shell", "json"))
    assert names["SSL_CERT_FILE"].endswith("ca-bundle.pem") and names["NODE_EXTRA_CA_CERTS"].endswith("ca.pem")
    assert "COMMUNICATION_SERVICES_CONNECTION_STRING" not in names  # no https listener
    assert run("env", "--shell", "fish").startswith("set -gx ")
    assert run("env", "--shell", "powershell").startswith("$env:")
    assert f"CALLGATE_HTTP_ENDPOINT=http://localhost:{port}/\n" in run("env", "--shell", "dotenv")
    run("env", "--shell", "csh", code=2)

    # sign
    headers = json.loads(run("sign", "post", "/x?a=b", "--body", "-", "--json", stdin="{}"))
    text = f"POST\n/x?a=b\n{headers['x-ms-date']};localhost:{port};{headers['x-ms-content-sha256']}"
    mac = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
    assert headers["authorization"].endswith(base64.b64encode(mac).decode())
    key_file = os.path.join(folder, "key")
    with open(key_file, "w") as f:
        f.write(KEY + "\n")
    line = run("sign", "GET", "https://name.example/it's", "--key-file", key_file, "--curl")
    assert line.endswith("'https://name.example/it'\\''s'\n") and "--cacert" not in line
    run("sign", "GET", "relative", code=2)

    # as the resource, and as an administrator elsewhere
    connection = f"endpoint=http://localhost:{port}/;accesskey={KEY}"
    for env in ({}, {"COMMUNICATION_SERVICES_CONNECTION_STRING": connection}):
        text = "env" if env else connection
        run("user", "show", USER, "--connection-string", text, env=env)
        assert Handler.seen[-1][2]["Authorization"].startswith("HMAC-SHA256 ")
    run("user", "show", USER, env={"COMMUNICATION_SERVICES_CONNECTION_STRING": connection,
                                   "CALLGATE_DATA": folder + "/none"})
    run("status", "--endpoint", f"http://localhost:{port}", "--admin-token-file", f"{folder}/admin.token")
    assert Handler.seen[-1][2]["Authorization"] == "Bearer administrator-secret"
    run("status", "--endpoint", f"http://localhost:{port}", code=2)
    run("status", "--connection-string", connection, code=2)

    # clock, backup
    run("clock", "show")
    run("clock", "set", "2026-11-23T15:00:00Z")
    assert Handler.seen[-1][1] == '{"set":"2026-11-23T15:00:00Z"}'
    run("clock", "advance", "-10m")
    assert Handler.seen[-1][1] == '{"advance":"-10m"}'
    run("clock", "advance", "10", code=2)
    run("clock", "reset")
    backup = os.path.join(folder, "backup")
    assert "16000 octets" in run("backup", backup)
    assert os.stat(backup).st_mode & 0o777 == 0o600 and os.path.getsize(backup) == 16000
    run("backup", backup, code=5)
    run("backup", backup, "--force")

    # nobody there
    os.remove(os.path.join(folder, "admin.sock"))
    assert "no server runs" in run("status", code=3)
    run("status", env={"CALLGATE_DATA": folder + "/none"}, code=3)
    run("backup", folder + "/second", code=3)
    assert not os.path.exists(folder + "/second.part")

    # help and suggestions
    rows = [line.split("  ")[1] for line in run("help").splitlines() if line.startswith("  ")]
    assert len(rows) >= 23
    for words in rows:
        text = run(*words.split(), "--help")
        assert text == run("help", *words.split()) or words in ("serve", "config", "restore"), words
        assert f"  callgate {words}" in text, words
        assert "Exit codes" in text
    assert "Did you mean `callgate status`?" in run("stauts", code=2)
    for words in (("event", "subscription", "--help"), ("help", "event", "subscription")):
        listed = run(*words)
        assert "usage: callgate event subscription COMMAND" in listed
        assert "event subscription list" in listed and "event replay" not in listed
    assert "event subscription list" in run("event", "subscription", code=2)
    assert "Did you mean `callgate event subscription create`?" in run("event", "subscription", "creat", code=2)
    assert "did you mean --data?" in run("status", "--dta", "x", code=2)
    run(code=2)
    print("ok")


if __name__ == "__main__":
    main()
