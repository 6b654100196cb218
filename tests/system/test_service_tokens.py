"""Service tokens of our own issuer through the real port (managed-identity §1, §3): what each role opens, how a token
dies, the claims challenge by hand, and attacks by name."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from oidc_issuer import Key, b64, encoded, hmac_sign, signed_token
from wire import Wire, head

TARGET = "/identities?api-version=2023-10-01"
TOKEN = "/adfs/oauth2/v2.0/token"
SCOPE = "https://communication.azure.com//.default"
MANAGEMENT = "https://management.azure.com/.default"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CP1 = {"access_token": {"xms_cc": {"values": ["cp1"]}}}
ACTION = "Microsoft.Communication/CommunicationServices/identity/{}/action"


class App:
    """An application, its secret, and tokens for it."""

    def __init__(self, server, name, role="none"):
        self.server, self.name = server, name
        made = server.admin("POST", "/admin/apps", {"name": name, "role": role})
        assert made.status == 201, made
        self.id, self.oid, self.tenant = (made.json()[member] for member in ("clientId", "objectId", "tenantId"))
        self.secret = self.new_secret()["secret"]

    def new_secret(self, **members) -> dict:
        made = self.server.admin("POST", f"/admin/apps/{self.name}/secrets", members)
        assert made.status == 201, made
        return made.json()

    def ask(self, target=TOKEN, secure=True, secret=None, claims=None, scope=SCOPE, **fields):
        form = {"grant_type": "client_credentials", "client_id": self.id, "client_secret": secret or self.secret,
                "scope": scope, **({"claims": json.dumps(claims)} if claims else {}), **fields}
        return self.server.send("POST", target, FORM, urlencode(form).encode(), secure=secure)

    def token(self, **options) -> str:
        answer = self.ask(**options)
        assert answer.status == 200, answer
        return answer.json()["access_token"]

    def assign(self, role, **members) -> str:
        made = self.server.admin("POST", "/admin/role-assignments", {"principal": self.name, "role": role, **members})
        assert made.status == 201, made
        return made.json()["id"]

    def unassign(self, assignment):
        assert self.server.admin("DELETE", f"/admin/role-assignments/{assignment}").status == 204

    def patch(self, **members):
        answer = self.server.admin("PATCH", f"/admin/apps/{self.name}", members)
        assert answer.status == 200, answer


@pytest.fixture
def new_app(server, request):
    """A function that makes applications of a test alone."""
    count = iter(range(100))

    def make(role="none", on=None) -> App:
        made = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
        return App(on or server, f"app-{made}-{next(count)}-{time.monotonic_ns()}", role)

    return make


@pytest.fixture(scope="module")
def reader(server):
    """An application that may do everything, and a token of it."""
    app = App(server, f"module-{time.monotonic_ns()}", "Contributor")
    app.one = app.token()
    return app


class Callers:
    """Connections that reach every loop, plain and over TLS."""

    def __init__(self, server, plain=12, tls=4):
        self.host = f"localhost:{server.http_port}"
        self.wires = [Wire(server.http_port) for _ in range(plain)]
        self.wires += [Wire(server.https_port, server.tls()) for _ in range(tls)]

    def statuses(self, token, method="POST", target=TARGET) -> set:
        octets = head(method, target, {"Host": self.host, "Authorization": f"Bearer {token}"}, b"")
        return {wire.send(octets).receive().status for wire in self.wires}

    def close(self):
        for wire in self.wires:
            wire.socket.close()


@pytest.fixture
def callers():
    made = []

    def make(server):
        made.append(Callers(server))
        return made[-1]

    yield make
    for one in made:
        one.close()


def whoami(server, token, secure=True):
    return server.bearer("GET", "/admin/whoami", token, secure=secure)


def refused(answer, reason, error="invalid_token"):
    assert answer.status == 401, answer
    assert answer.json()["error"]["code"] == "Denied", answer
    assert reason in answer.headers["x-callgate-explain"], answer.headers["x-callgate-explain"]
    assert f'error="{error}"' in answer.headers["WWW-Authenticate"], answer.headers["WWW-Authenticate"]


def move(server, **how):
    answer = server.admin("PUT", "/admin/clock", how)
    assert answer.status == 200, answer


# -- let in --


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("target", [TOKEN, "/{tenant}/oauth2/v2.0/token", "/common/oauth2/v2.0/token",
                                    "/organizations/oauth2/v2.0/token"])
def test_from_secret_to_user(server, new_app, target, secure):
    app = new_app("Callgate Data Contributor")
    answer = app.ask(target.format(tenant=app.tenant), secure)
    assert answer.status == 200 and answer.json()["token_type"] == "Bearer", answer
    assert 3590 < answer.json()["expires_in"] <= 3599 and "no-store" in answer.headers["Cache-Control"]
    token = answer.json()["access_token"]
    who = whoami(server, token, secure).json()
    assert who["kind"] == "bearer" and who["principal"] == app.oid and who["clientId"] == app.id, who
    assert who["roles"] == ["Callgate Data Contributor"] and who["resource"] == "default"
    made = server.bearer("POST", TARGET, token, {"createTokenWithScopes": ["chat"]}, secure)
    assert made.status == 201, made
    assert whoami(server, made.json()["accessToken"]["token"], secure).json()["kind"] == "user"


def test_verified_by_the_published_keys(server, reader):
    """What a stranger sees who verifies it: by a library, from the discovery document on."""
    found = server.send("GET", f"/{reader.tenant}/v2.0/.well-known/openid-configuration", secure=True).json()
    keys = server.send("GET", "/" + found["jwks_uri"].split("/", 3)[3], secure=True).json()["keys"]
    kid = jwt.get_unverified_header(reader.one)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid)).key
    claims = jwt.decode(reader.one, key, ["RS256"], audience="https://communication.azure.com/",
                        issuer=found["issuer"])
    assert claims["oid"] == reader.oid and claims["tid"] == reader.tenant and claims["idtyp"] == "app"


# -- every Identity route by role --

V = "?api-version=2023-10-01"
NEW = "?api-version=2025-06-30"
ASSIGNMENT = "/access/teamsExtension/tenants/0a1b2c3d-0000-4000-8000-000000000001/assignments/" \
             "0a1b2c3d-0000-4000-8000-000000000002"
ROUTES = {  # name: method, target, body, action
    "create": ("POST", "/identities" + V, {}, "write"),
    "create with a token": ("POST", "/identities" + V, {"createTokenWithScopes": ["chat"]}, "write"),
    "create, 2020": ("POST", "/identities?api-version=2020-07-20-preview2", {}, "write"),
    "show": ("GET", "/identities/{user}?api-version=2025-03-02-preview", None, "read"),
    "delete": ("DELETE", "/identities/{user}" + V, None, "write"),
    "change, 2020": ("PATCH", "/identities/{user}?api-version=2020-07-20-preview2",
                     {"tokensValidFrom": "2020-01-01T00:00:00Z"}, "write"),
    "issue": ("POST", "/identities/{user}/:issueAccessToken" + V, {"scopes": ["chat"]}, "token"),
    "issue, short": ("POST", "/identities/{user}:issueAccessToken" + V, {"scopes": ["chat"]}, "token"),
    "issue, 2020": ("POST", "/identities/{user}/token?api-version=2020-07-20-preview2", {"scopes": ["chat"]}, "token"),
    "revoke": ("POST", "/identities/{user}/:revokeAccessTokens" + V, {}, "token"),
    "revoke, short": ("POST", "/identities/{user}:revokeAccessTokens" + V, {}, "token"),
    "exchange a Teams user": ("POST", "/teamsUser/:exchangeAccessToken" + V, {"token": "x"}, "token"),
    "show an assignment": ("GET", ASSIGNMENT + NEW, None, "read"),
    "put an assignment": ("PUT", ASSIGNMENT + NEW, {"principalType": "user"}, "write"),
    "delete an assignment": ("DELETE", ASSIGNMENT + NEW, None, "write"),
}
ROLES = {
    "Owner": {"read", "write", "token"},
    "Contributor": {"read", "write", "token"},
    "Communication and Email Service Owner": {"read", "write", "token"},
    "Callgate Data Contributor": {"read", "write", "token"},
    "Callgate Identity Contributor": {"read", "write", "token"},
    "Callgate Token Issuer": {"token"},
    "Callgate Reader": {"read"},
    "Callgate SMS Sender": set(),
    "Reader": set(),
    "User Access Administrator": set(),
    None: set(),
}


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_what_a_role_opens(server, new_app, role):
    app = new_app(role or "none")
    token = app.token()
    for name, (method, target, body, action) in ROUTES.items():
        user, _ = server.new_user()
        answer = server.bearer(method, target.format(user=user), token, body, secure=True)
        if action in ROLES[role]:
            assert answer.status not in (401, 403), (name, answer)
            continue
        assert answer.status == 403 and answer.json()["error"]["code"] == "Forbidden", (name, answer)
        explain = answer.headers["x-callgate-explain"]
        assert ACTION.format(action) in explain and app.oid in explain, (name, explain)
        assert ("has no role" in explain) == (role in (None, "Reader", "User Access Administrator")) \
            or "has roles, but none" in explain, (name, explain)


def test_a_role_of_ones_own(server, new_app):
    name = f"Writer {time.monotonic_ns()}"
    made = server.admin("POST", "/admin/roles", {"name": name, "permissions": [
        {"dataActions": ["Microsoft.Communication/CommunicationServices/identity/*"],
         "notDataActions": [ACTION.format("token")]}]})
    assert made.status == 201, made
    app = new_app(name)
    token, (user, _) = app.token(), server.new_user()
    assert server.bearer("POST", TARGET, token, {}).status == 201
    issued = server.bearer("POST", f"/identities/{user}/:issueAccessToken{V}", token, {"scopes": ["chat"]})
    assert issued.status == 403 and ACTION.format("token") in issued.headers["x-callgate-explain"], issued


def test_a_role_on_one_resource_opens_no_other(server, new_app):
    one, two = (server.new_resource(f"{name}{time.monotonic_ns()}") for name in ("one", "two"))
    app = new_app()
    app.assign("Contributor", resource=one.name)
    token = app.token()

    def ask(host):
        return server.send("POST", TARGET, {"Host": host, "Authorization": f"Bearer {token}"}).status

    port = server.http_port
    assert ask(one.host(port)) == 201
    assert ask(two.host(port)) == 403 and ask(f"localhost:{port}") == 403


def test_an_administrators_route_takes_no_service_token(server, new_app):
    token = new_app("Owner").token()
    for method, target in (("GET", "/admin/apps"), ("POST", "/admin/apps"), ("GET", "/admin/keys"),
                           ("POST", "/admin/role-assignments"), ("GET", "/admin/issuers"), ("GET", "/admin/users")):
        answer = server.bearer(method, target, token, None)
        assert answer.status in (401, 403, 404), (target, answer)


def test_no_role_as_the_cloud_says_it(fresh_server):
    server = fresh_server("--auth-no-role", "401")
    app = App(server, "app")
    answer = server.bearer("POST", TARGET, app.token(), {})
    assert answer.status == 401 and answer.json()["error"]["code"] == "Denied", answer
    app.assign("Callgate Reader")
    assert server.bearer("POST", TARGET, app.token(), {}).status == 403, "a role, and not this action"


# -- from one request to the next, on every connection of both loops --


def test_a_role_comes_and_goes_at_once(fresh_server, callers):
    server = fresh_server("--threads", "2")
    app = App(server, "app")
    token, ask = app.token(), callers(server)
    assert ask.statuses(token) == {403}
    for role in ("Contributor", "Callgate Identity Contributor"):
        given = app.assign(role)
        assert ask.statuses(token) == {201}
        app.unassign(given)
        assert ask.statuses(token) == {403}
    above = app.assign("Owner", scope="/")
    assert ask.statuses(token) == {201}
    app.unassign(above)
    assert ask.statuses(token) == {403}


def test_disabled_enabled_deleted(fresh_server, callers):
    server = fresh_server("--threads", "2")
    app = App(server, "app", "Contributor")
    token, ask = app.token(), callers(server)
    assert ask.statuses(token) == {201}
    app.patch(disabled=True)
    assert ask.statuses(token) == {401}
    refused(server.bearer("POST", TARGET, token, {}), "its application is disabled")
    answer = app.ask()
    assert answer.status == 401 and 7000112 in answer.json()["error_codes"], answer
    app.patch(disabled=False)
    assert ask.statuses(token) == {201}
    assert server.admin("DELETE", "/admin/apps/app").status == 204
    assert ask.statuses(token) == {401}
    refused(server.bearer("POST", TARGET, token, {}), "its application does not exist any more")
    answer = app.ask()
    assert answer.status == 400 and 700016 in answer.json()["error_codes"], answer
    again = App(server, "app")
    assert again.oid != app.oid and ask.statuses(again.token()) == {403}, "the same name is another application"
    assert ask.statuses(token) == {401}


def test_revoked(fresh_server, callers):
    server = fresh_server("--threads", "2")
    app = App(server, "app", "Contributor")
    other = App(server, "other", "Contributor")
    tokens, ask, untouched = [app.token() for _ in range(3)], callers(server), other.token()
    assert {frozenset(ask.statuses(token)) for token in tokens} == {frozenset({201})}
    app.patch(revokeTokens=True)
    assert {frozenset(ask.statuses(token)) for token in tokens} == {frozenset({401})}
    assert ask.statuses(untouched) == {201}, "and nobody else's"
    for _ in range(3):
        assert ask.statuses(app.token()) == {201}, "a new one counts, also in the same second"
    for _ in range(3):  # once more, and again: what was issued in between is as dead
        between = app.token()
        app.patch(revokeTokens=True)
        assert ask.statuses(between) == {401}
        assert ask.statuses(app.token()) == {201}


def test_a_removed_secret_takes_its_tokens_along(server, new_app):
    app = new_app("Contributor")
    second = app.new_secret(description="second")
    old = app.token(secret=second["secret"])
    assert whoami(server, old).status == 200
    assert server.admin("DELETE", f"/admin/apps/{app.name}/secrets/{second['id']}").status == 204
    refused(whoami(server, old), "before the time from which the application's tokens are valid")
    answer = app.ask(secret=second["secret"])
    assert answer.status == 401 and 7000215 in answer.json()["error_codes"], answer
    assert whoami(server, app.token()).status == 200


def test_a_deleted_resource(server, new_app):
    one = server.new_resource(f"gone{time.monotonic_ns()}")
    app = new_app()
    app.assign("Contributor", resource=one.name)
    headers = {"Host": one.host(server.http_port), "Authorization": f"Bearer {app.token()}"}
    assert server.send("POST", TARGET, headers).status == 201
    assert server.admin("DELETE", f"/admin/resources/{one.name}?confirm={one.name}").status == 204
    assert server.send("POST", TARGET, headers).status == 401


def test_kept_over_a_restart(fresh_server):
    server = fresh_server()
    app = App(server, "app", "Contributor")
    live, dead = app.token(), App(server, "dead", "Contributor")
    dead_token = dead.token()
    dead.patch(revokeTokens=True)
    assert server.stop() == 0
    server.start()
    assert server.bearer("GET", "/admin/whoami", dead_token).status == 401
    assert server.bearer("POST", TARGET, live, {}).status == 201, "whatever port it has now"
    assert server.bearer("POST", TARGET, app.token(), {}).status == 201


# -- claims challenge --


def challenge_claims(answer) -> dict:
    header = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in header and header.startswith("Bearer "), header
    assert "/common/oauth2/authorize" in header
    return json.loads(base64.b64decode(header.split('claims="')[1].split('"')[0]))


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_claims_challenge_by_hand(server, new_app, secure):
    app = new_app("Contributor")
    token = app.token(claims=CP1)
    assert jwt.decode(token, options={"verify_signature": False})["xms_cc"] == ["cp1"]
    assert server.bearer("POST", TARGET, token, {}, secure).status == 201
    app.patch(revokeTokens=True)
    answer = server.bearer("POST", TARGET, token, {}, secure)
    assert answer.status == 401
    claims = challenge_claims(answer)
    wanted = claims["access_token"]["nbf"]
    assert wanted["essential"] is True and isinstance(wanted["value"], str)
    merged = {"access_token": {**CP1["access_token"], **claims["access_token"]}}
    new = app.token(claims=merged)
    assert jwt.decode(new, options={"verify_signature": False})["iat"] >= int(wanted["value"])
    assert server.bearer("POST", TARGET, new, {}, secure).status == 201, "at once: nobody waits for the next second"
    assert server.bearer("POST", TARGET, token, {}, secure).status == 401


@pytest.mark.parametrize("values,challenged", [(["CP1"], True), (["cp1", "x"], True), (["cp2"], False), ([], False)])
def test_who_gets_a_challenge(server, new_app, values, challenged):
    app = new_app("Contributor")
    token = app.token(claims={"access_token": {"xms_cc": {"values": values}}})
    app.patch(revokeTokens=True)
    answer = whoami(server, token)
    assert answer.status == 401
    assert ("insufficient_claims" in answer.headers["WWW-Authenticate"]) == challenged, answer.headers


def test_no_challenge_where_a_new_token_helps_nobody(server, new_app):
    app = new_app("Contributor")
    token = app.token(claims=CP1)
    app.patch(disabled=True)
    answer = whoami(server, token)
    assert answer.status == 401 and "insufficient_claims" not in answer.headers["WWW-Authenticate"], answer.headers


def test_a_key_is_told_of_no_bearer_challenge_of_claims(server):
    answer = server.send("POST", TARGET)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "HMAC-SHA256, Bearer"


# -- time --


def test_the_end_of_a_token_by_the_clock(fresh_server, callers):
    server = fresh_server("--threads", "2")
    app = App(server, "app", "Contributor")
    token, ask = app.token(), callers(server)
    ends = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert ask.statuses(token) == {201}

    def at(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends + seconds))

    move(server, set=at(-20))
    assert ask.statuses(token) == {201}
    move(server, set=at(0))
    assert ask.statuses(token) == {401}, "no second more: it is our own clock that wrote it"
    refused(server.bearer("POST", TARGET, token, {}), "it has expired (exp)")
    assert ask.statuses(app.token()) == {201}
    move(server, set=at(-7200))
    refused(server.bearer("POST", TARGET, token, {}), "in the future (iat)")
    assert server.admin("DELETE", "/admin/clock").status == 200
    assert ask.statuses(token) == {201}


def test_a_secret_ends_by_the_clock(fresh_server):
    server = fresh_server()
    app = App(server, "app", "Contributor")
    brief = app.new_secret(expiresIn="1h")["secret"]
    assert app.ask(secret=brief).status == 200
    move(server, advance="61m")
    answer = app.ask(secret=brief)
    assert answer.status == 401 and 7000222 in answer.json()["error_codes"], answer
    assert app.ask().status == 200


# -- attacks by name --


def parts(token):
    top, payload, signature = token.split(".")
    return (json.loads(base64.urlsafe_b64decode(top + "==")), json.loads(base64.urlsafe_b64decode(payload + "==")),
            signature)


def published(server, token):
    kid = parts(token)[0]["kid"]
    return next(key for key in server.send("GET", "/common/discovery/keys", secure=True).json()["keys"]
                if key["kid"] == kid)


def pem_of(key):
    return jwt.PyJWK(key).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def by_hmac(server, token, secret):
    header, claims, _ = parts(token)
    return signed_token({**header, "alg": "HS256"}, claims, hmac_sign(secret))


def user_kid(server):
    return server.send("GET", "/.well-known/jwks.json", secure=True).json()["keys"][0]["kid"]


def other_key(token, **header):
    own, claims, _ = parts(token)
    key = Key("RS256", own["kid"])
    return signed_token({**own, **header}, claims, key.sign)


def changed_claim(token, **claims):
    _, own, signature = parts(token)
    return ".".join((token.split(".")[0], encoded({**own, **claims}), signature))


def flipped(token):
    head_, _, signature = token.rpartition(".")
    return f"{head_}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def last_bits(token):
    """The same octets, were the unused bits of the last character not looked at."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def encrypted(token):
    return ".".join((encoded({"alg": "RSA-OAEP", "enc": "A256GCM"}), b64(b"k" * 256), b64(b"i" * 12), b64(b"c" * 99),
                     b64(b"t" * 16)))


def as_json(token):
    protected, payload, signature = token.split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature}, separators=(",", ":"))


ATTACKS = {
    "alg none": lambda s, t: ".".join((encoded({**parts(t)[0], "alg": "none"}), t.split(".")[1], "")),
    "alg none with the signature": lambda s, t: ".".join((encoded({**parts(t)[0], "alg": "None"}), *t.split(".")[1:])),
    "HS256 by the published PEM": lambda s, t: by_hmac(s, t, pem_of(published(s, t))),
    "HS256 by the PEM without its last line end": lambda s, t: by_hmac(s, t, pem_of(published(s, t)).strip()),
    "HS256 by the published JWK": lambda s, t: by_hmac(s, t, json.dumps(published(s, t), separators=(",", ":")).encode()),
    "HS256 by the modulus": lambda s, t: by_hmac(s, t, base64.urlsafe_b64decode(published(s, t)["n"] + "==")),
    "HS256 by nothing": lambda s, t: by_hmac(s, t, b""),
    "PS256 in the header": lambda s, t: ".".join((encoded({**parts(t)[0], "alg": "PS256"}), *t.split(".")[1:])),
    "kid of the user key set": lambda s, t: other_key(t, kid=user_kid(s)),
    "ES256 with the kid of the user key set": lambda s, t: signed_token(
        {**parts(t)[0], "alg": "ES256", "kid": user_kid(s)}, parts(t)[1], Key("ES256", "x").sign),
    "unknown kid": lambda s, t: other_key(t, kid="nobody"),
    "no kid": lambda s, t: ".".join((encoded({"alg": "RS256", "typ": "JWT"}), *t.split(".")[1:])),
    "our kid, another key": lambda s, t: other_key(t),
    "jwk in the header": lambda s, t: other_key(t, jwk=Key("RS256", "x").jwk()),
    "jku in the header": lambda s, t: other_key(t, jku="https://127.0.0.1:1/keys"),
    "x5c in the header": lambda s, t: other_key(t, x5c=[published(s, t)["x5c"][0]]),
    "crit": lambda s, t: other_key(t, crit=["exp"]),
    "zip": lambda s, t: other_key(t, zip="DEF"),
    "cut": lambda s, t: t[:-4],
    "cut in the payload": lambda s, t: t[:len(t) // 2],
    "no signature": lambda s, t: t.rpartition(".")[0] + ".",
    "two parts": lambda s, t: t.rpartition(".")[0],
    "four parts": lambda s, t: t + ".AAAA",
    "trailing octet": lambda s, t: t + "A",
    "trailing padding": lambda s, t: t + "=",
    "unused bits of the last character": lambda s, t: last_bits(t),
    "signature changed": lambda s, t: flipped(t),
    "later end": lambda s, t: changed_claim(t, exp=parts(t)[1]["exp"] + 9),
    "another principal": lambda s, t: changed_claim(t, oid="0a1b2c3d-0000-4000-8000-000000000001"),
    "JWE": lambda s, t: encrypted(t),
    "JSON serialisation": lambda s, t: as_json(t),
    "20 KiB": lambda s, t: t + "A" * 12000,
    "standard base64": lambda s, t: t.replace("-", "+").replace("_", "/") if set("-_") & set(t) else t + "+",
    "empty": lambda s, t: "",
    "one dot": lambda s, t: ".",
    "percent-encoded": lambda s, t: t.replace(".", "%2E"),
}


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(server, reader, name, secure):
    bad = ATTACKS[name](server, reader.one)
    assert bad != reader.one
    for method, target in (("POST", TARGET), ("GET", "/admin/whoami")):
        answer = server.bearer(method, target, bad, None, secure)
        assert answer.status == 401, answer
        assert answer.json()["error"]["code"] == "Denied" and answer.headers["x-callgate-explain"]
    assert whoami(server, reader.one, secure).status == 200


def on_the_wire(server, lines, secure, target=TARGET):
    octets = f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: 0\r\n\r\n".encode("latin-1")
    port, context = (server.https_port, server.tls()) if secure else (server.http_port, None)
    with Wire(port, context) as wire:
        return wire.send(octets).receive()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("lines", [
    "Authorization: Bearer {t}\r\nAuthorization: Bearer {t}\r\n", "Authorization: Bearer {t}\r\nAuthorization: x\r\n",
    "Authorization: x\r\nauthorization: Bearer {t}\r\n", "Authorization: Bearer {t}, Bearer {t}\r\n",
    "Authorization: Bearer {t} {t}\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
    "Authorization: {t}\r\n", "Authorization: Bearer{t}\r\n", "Authorization: Bearer \"{t}\"\r\n",
    "Authorization: Basic {b}\r\n", "Authorization: Token {t}\r\n", "Authorization: DPoP {t}\r\n",
    "Authorization: Bearer access_token={t}\r\n", "Authorization: HMAC-SHA256 {t}\r\n",
    "X-Authorization: Bearer {t}\r\n", "Proxy-Authorization: Bearer {t}\r\n", "Cookie: access_token={t}\r\n",
    "X-Forwarded-Access-Token: {t}\r\n", "Authorization : Bearer {t}\r\n",
])
def test_forms_of_the_header(server, reader, lines, secure):
    basic = base64.b64encode(f"{reader.id}:{reader.secret}".encode()).decode()
    reply = on_the_wire(server, lines.format(t=reader.one, b=basic), secure)
    assert reply.status in (400, 401), reply
    assert on_the_wire(server, f"authorization: bEaReR {reader.one}\r\n", secure).status == 201


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "bearer"])
def test_token_in_the_query(server, reader, name):
    assert on_the_wire(server, "", True, f"{TARGET}&{name}={reader.one}").status == 401


def test_key_and_token_together(server, reader):
    from wire import spelled
    host = f"localhost:{server.http_port}"
    headers = spelled(server.primary, "POST", TARGET, host)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Host")
    reply = on_the_wire(server, lines + f"Authorization: Bearer {reader.one}\r\n", False)
    assert reply.status in (400, 401), reply


@pytest.mark.parametrize("scope,target", [(MANAGEMENT, TARGET), ("api://AzureADTokenExchange/.default", TARGET)])
def test_audience_of_another_service(server, reader, scope, target):
    token = reader.token(scope=scope)
    refused(server.bearer("POST", target, token, {}), "aud")


def test_a_user_token_is_no_service_token_and_the_other_way_round(server, reader):
    _, token = server.new_user()
    answer = server.bearer("POST", TARGET, token, {})
    assert answer.status == 401 and "user token" in answer.headers["x-callgate-explain"], answer


def test_another_server_of_ours(fresh_server, server):
    """The same program with another data directory: another tenant, another key, another address."""
    other = fresh_server()
    token = App(other, "app", "Owner").token()
    assert whoami(other, token).status == 200
    refused(whoami(server, token), "issuer (iss) is not this server's")
    header, claims, _ = parts(token)
    own = App(server, f"own-{time.monotonic_ns()}", "Contributor")
    _, good, _ = parts(own.token())
    key = Key("RS256", header["kid"])
    refused(whoami(server, signed_token(header, {**claims, "iss": good["iss"]}, key.sign)), "key (kid)")


def test_a_signing_key_that_is_rotated(fresh_server):
    server = fresh_server("--threads", "2")
    app = App(server, "app", "Contributor")
    old = app.token()
    before = {key["kid"] for key in server.send("GET", "/common/discovery/keys", secure=True).json()["keys"]}
    assert len(before) >= 2, "the next one is published before it signs"
    rotated = server.admin("POST", "/admin/signing-keys:rotate", {"purpose": "issuer", "activateIn": "0s"})
    assert rotated.status in (200, 201) and rotated.json()["kid"] not in before, rotated
    new = app.token()
    assert parts(new)[0]["kid"] == rotated.json()["kid"] != parts(old)[0]["kid"]
    assert whoami(server, new).status == 200 and whoami(server, old).status == 200, "the old ones live out their time"
    forged = signed_token(parts(new)[0], parts(new)[1], Key("RS256", "x").sign)
    refused(whoami(server, forged), "signature does not verify")


def test_guessed_secrets(server, new_app):
    app = new_app("Contributor")
    for wrong in (app.secret[:-1], app.secret + "x", app.secret.swapcase(), "", " " + app.secret):
        answer = app.ask(client_secret=wrong)
        assert answer.status in (400, 401), (wrong, answer)
        assert app.secret not in answer.body.decode()
    assert app.ask().status == 200


def test_nothing_of_a_token_or_secret_is_logged(fresh_server):
    server = fresh_server("--log-level", "debug")
    app = App(server, "app", "Contributor")
    said = []
    for secure in (False, True):
        token = app.token(secure=secure, claims=CP1)
        assert server.bearer("POST", TARGET, token, {}, secure).status == 201
        for bad in (token + "A", token[:-3], flipped(token), changed_claim(token, exp=9)):
            assert server.bearer("POST", TARGET, bad, {}, secure).status == 401
        on_the_wire(server, f"Authorization: Token {token}\r\n", secure)
        on_the_wire(server, "", secure, f"{TARGET}&access_token={token}")
        app.ask(secret="guess-" + app.secret)
        basic = base64.b64encode(f"{app.id}:{app.secret}".encode()).decode()
        form = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        assert server.send("POST", TOKEN, {**FORM, "Authorization": f"Basic {basic}"}, form, secure=secure).status == 200
        assert server.send("POST", TOKEN + f"?client_secret={app.secret}", FORM, b"", secure=secure).status == 400
        said += [token.split(".")[1][20:60], token.split(".")[2][:40], basic]
    mac = hmac.new(b"", app.secret.encode(), hashlib.sha256).hexdigest()
    assert server.stop() == 0
    log = server.log()
    assert app.id in log, "it says who asked"
    for secret in (app.secret, app.secret[:12], app.secret[-12:], mac, *said):
        assert secret not in log


def test_the_published_keys_hold_nothing_private(server, reader):
    for target in ("/common/discovery/keys", f"/{reader.tenant}/discovery/v2.0/keys", "/adfs/discovery/keys"):
        for key in server.send("GET", target, secure=True).json()["keys"]:
            assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key), target
            assert isinstance(jwt.PyJWK(key).key, rsa.RSAPublicKey)
