"""User access tokens: who accepts them, and how they die (authentication §3, §4; design D14, D19, D20)."""

import base64
import hashlib
import hmac
import json
import time
import urllib.request

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wire import Wire, head

ISSUE = "/identities/{}/:issueAccessToken?api-version=2023-10-01"
REVOKE = "/identities/{}/:revokeAccessTokens?api-version=2023-10-01"
DELETE = "/identities/{}?api-version=2023-10-01"
DENIED = b'{"error":{"code":"Denied","message":"Denied by the resource provider."}}'


def issue(server, user, **options):
    document = {"scopes": ["chat", "voip"], **options.pop("document", {})}
    answer = server.signed("POST", ISSUE.format(user), document, **options)
    assert answer.status == 200, answer
    return answer.json()["token"]


def whoami(server, token, **options):
    return server.bearer("GET", "/admin/whoami", token, **options)


def lives(server, token):
    answer = whoami(server, token)
    assert answer.status in (200, 401), answer
    assert answer.status == 200 or answer.body == DENIED
    return answer.status == 200


class Callers:
    """Connections that reach every loop."""

    def __init__(self, server, n=12):
        self.server, self.connections = server, [Wire(server.http_port) for _ in range(n)]

    def statuses(self, token):
        host = f"localhost:{self.server.http_port}"
        octets = head("GET", "/admin/whoami", {"Host": host, "Authorization": f"Bearer {token}"})
        return {wire.send(octets).receive().status for wire in self.connections}

    def close(self):
        for wire in self.connections:
            wire.socket.close()


@pytest.fixture
def callers(server):
    made = Callers(server)
    yield made
    made.close()


def move_clock(server, document):
    answer = server.admin("PUT", "/admin/clock", document)
    assert answer.status == 200, answer
    return answer.json()


# -- whoami, and who may use a user's token --


@pytest.mark.parametrize("secure", [False, True])
def test_whoami_of_a_user(server, secure):
    user, token = server.new_user(["voip", "chat.join"])
    answer = whoami(server, token, secure=secure)
    assert answer.status == 200, answer
    shown = answer.json()
    assert shown["kind"] == "user" and shown["principal"] == user and shown["resource"] == "default"
    assert sorted(shown["scopes"]) == ["chat.join", "voip"] and shown["roles"] == [] and "key" not in shown
    exp = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert shown["expiresOn"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(exp)))


def test_whoami_of_others(server):
    key = server.signed("GET", "/admin/whoami", key=server.secondary).json()
    assert (key["kind"], key["resource"], key["key"], key["scopes"]) == ("accessKey", "default", "secondary", [])
    for answer in (server.admin("GET", "/admin/whoami"), server.admin_tcp("GET", "/admin/whoami")):
        assert answer.json()["kind"] == "administrator", answer
    assert server.admin("GET", "/admin/whoami?resource=nobody").status == 404


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}"])
def test_scheme_without_case(server, header):
    _, token = server.new_user()
    assert server.send("GET", "/admin/whoami", {"Authorization": header.format(token)}).status == 200


@pytest.mark.parametrize("target", ["/admin/whoami?access_token={}", "/admin/whoami?token={}"])
def test_token_in_the_query(server, target):
    _, token = server.new_user()
    answer = server.send("GET", target.format(token))
    assert answer.status == 401 and answer.body == DENIED


def test_authorization_twice(server):
    _, token = server.new_user()
    host, line = f"localhost:{server.http_port}", f"Authorization: Bearer {token}\r\n"
    for second in (line, "Authorization: Basic YTpi\r\n"):
        with Wire(server.http_port) as wire:
            octets = f"GET /admin/whoami HTTP/1.1\r\nHost: {host}\r\n{line}{second}\r\n".encode()
            assert wire.send(octets).receive().status == 401


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def public_forms(key: dict) -> dict[str, bytes]:
    """Our public key in every spelling that a careless library would take for an HMAC key."""
    public = jwt.PyJWK(key).key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    written = json.dumps(key, separators=(",", ":")).encode()
    forms = {"PEM": pem.rstrip(b"\n"), "DER": der, "JWK": written, "JWK, sorted": json.dumps(key, sort_keys=True).encode()}
    return {f"{name}{end}": octets + tail for name, octets in forms.items()
            for end, tail in (("", b""), (" and a newline", b"\n"))}


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_public_key_as_hmac_key(fresh_server, algorithm):
    server = fresh_server("--auth-token-alg", algorithm)
    _, token = server.new_user()
    top, body, _ = token.split(".")
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(k for k in server.send("GET", "/.well-known/jwks.json").json()["keys"] if k["kid"] == kid)
    assert server.bearer("GET", "/admin/whoami", token).status == 200
    for form, secret in public_forms(key).items():
        for header in (top, encoded(json.dumps({"alg": "HS256", "kid": kid, "typ": "JWT"}).encode())):
            mac = hmac.new(secret, f"{header}.{body}".encode(), hashlib.sha256).digest()
            answer = server.bearer("GET", "/admin/whoami", f"{header}.{body}.{encoded(mac)}")
            assert answer.status == 401 and answer.headers["x-callgate-explain"], (form, answer)


# -- discovery --


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_library_verifies_tokens_by_discovery(fresh_server, algorithm):
    server = fresh_server("--auth-token-alg", algorithm)
    second = server.new_resource("second")
    for issuer in (f"https://localhost:{server.https_port}", f"http://localhost:{server.http_port}"):
        secure = issuer.startswith("https")
        user, _ = server.new_user()
        token = issue(server, user, secure=secure)
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", context=server.tls() if secure else None,
                                    timeout=20) as response:
            about = json.load(response)
        assert about["issuer"] == issuer and about["jwks_uri"].startswith(issuer)
        keys = jwt.PyJWKClient(about["jwks_uri"], ssl_context=server.tls() if secure else None)
        claims = jwt.decode(token, keys.get_signing_key_from_jwt(token).key, algorithms=[algorithm], issuer=issuer)
        assert "8:" + claims["skypeid"] == user
        top = jwt.get_unverified_header(token)
        assert top["alg"] == algorithm and top["typ"] == "JWT" and top["kid"] and "x5t" not in top
        with pytest.raises(jwt.InvalidSignatureError):
            first, body, signature = token.split(".")
            jwt.decode(f"{first}.{body}.{signature[::-1]}", keys.get_signing_key_from_jwt(token).key,
                       algorithms=[algorithm], options={"verify_exp": False})
    answer = server.send("GET", "/.well-known/openid-configuration", {"Host": second.host(server.http_port)})
    assert answer.json()["issuer"] == f"http://second.localhost:{server.http_port}"
    jwks = server.send("GET", "/.well-known/jwks.json").json()["keys"]
    assert all(not {"d", "p", "q"} & set(key) for key in jwks) and all(key["use"] == "sig" for key in jwks)


def test_key_rotation_overlaps(fresh_server):
    server = fresh_server()
    user, old = server.new_user()
    made = server.admin("POST", "/admin/signing-keys:rotate", {})
    assert made.status == 201 and made.json()["state"] == "active", made
    new = issue(server, user)
    kids = [jwt.get_unverified_header(token)["kid"] for token in (old, new)]
    assert kids[0] != kids[1] == made.json()["kid"]
    assert lives(server, old) and lives(server, new)
    listed = {key["kid"] for key in server.send("GET", "/.well-known/jwks.json").json()["keys"]}
    assert set(kids) <= listed
    ahead = server.admin("POST", "/admin/signing-keys:rotate", {"activateIn": "2h", "alg": "RS256"}).json()
    assert ahead["state"] == "next"
    assert jwt.get_unverified_header(issue(server, user))["kid"] == kids[1], "not before its time"
    assert ahead["kid"] in {key["kid"] for key in server.send("GET", "/.well-known/jwks.json").json()["keys"]}
    move_clock(server, {"advance": "2h1m"})
    top = jwt.get_unverified_header(issue(server, user))
    assert (top["kid"], top["alg"]) == (ahead["kid"], "RS256")
    move_clock(server, {"advance": "26h"})
    listed = {key["kid"] for key in server.send("GET", "/.well-known/jwks.json").json()["keys"]}
    assert kids[0] not in listed, "its last token has expired"
    assert ahead["kid"] in listed


# -- death --


def test_revocation_is_at_once_on_every_loop(server, callers):
    for _ in range(3):
        user, first = server.new_user()
        second = issue(server, user)
        assert callers.statuses(first) == callers.statuses(second) == {200}
        assert server.signed("POST", REVOKE.format(user)).status == 204
        assert callers.statuses(first) == callers.statuses(second) == {401}
        later = issue(server, user)  # in the same second, mostly
        assert callers.statuses(later) == {200}
        assert callers.statuses(first) == {401}


def test_deletion_is_at_once_on_every_loop(server, callers):
    user, token = server.new_user()
    assert callers.statuses(token) == {200}
    assert server.signed("DELETE", DELETE.format(user)).status == 204
    assert callers.statuses(token) == {401}
    answer = server.signed("POST", ISSUE.format(user), {"scopes": ["chat"]})
    assert answer.status == 404 and answer.json()["error"]["message"] == "Provided identity doesn't exist."


def test_tokens_valid_from(fresh_server):
    server = fresh_server()
    user, _ = server.new_user()
    move_clock(server, {"advance": "-1h"})
    early = issue(server, user)
    assert server.admin("DELETE", "/admin/clock").status == 200
    late = issue(server, user)
    half = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 1800))
    patch = f"/identities/{user}?api-version=2020-07-20-preview2"
    media = {"Content-Type": "application/merge-patch+json"}
    assert server.signed("PATCH", patch, {"tokensValidFrom": half}, headers=media).status == 204
    assert not lives(server, early) and lives(server, late)
    ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    assert server.signed("PATCH", patch, {"tokensValidFrom": ahead}, headers=media).status == 204
    assert not lives(server, late)
    assert lives(server, issue(server, user)), "the time is clamped to now"


def test_tokens_die_with_the_key_that_issued_them(fresh_server):
    server = fresh_server("--threads", "2")
    user, _ = server.new_user()
    by_primary, by_secondary = issue(server, user), issue(server, user, key=server.secondary)
    by_administrator = server.admin("POST", f"/admin/users/{user}:issueToken", {"scopes": ["chat"]}).json()["token"]
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in (by_primary, by_secondary,
                                                                                    by_administrator)]
    assert claims[0]["cgk"].startswith("p") and claims[1]["cgk"].startswith("s") and "cgk" not in claims[2]
    callers = Callers(server)
    assert server.admin("POST", "/admin/keys/primary:regenerate").status == 200
    server.refresh_keys()
    assert callers.statuses(by_primary) == {401}
    assert callers.statuses(by_secondary) == callers.statuses(by_administrator) == {200}
    callers.close()
    kept = issue(server, user)
    assert server.admin("POST", "/admin/keys/primary:regenerate", {"keepTokens": True}).status == 200
    server.refresh_keys()
    assert lives(server, kept) and not lives(server, by_primary)
    assert server.admin("POST", "/admin/keys/primary:regenerate", {"keepTokens": False}).status == 200
    server.refresh_keys()
    assert not lives(server, kept) and lives(server, by_secondary)


def test_deaths_outlive_a_restart(fresh_server):
    server = fresh_server()
    living, token = server.new_user()
    revoked, dead = server.new_user()
    deleted, gone = server.new_user()
    server.signed("POST", REVOKE.format(revoked))
    server.signed("DELETE", DELETE.format(deleted))
    for how in (server.stop, server.kill):
        how()
        server.start()
        assert lives(server, token) and not lives(server, dead) and not lives(server, gone)
        assert lives(server, issue(server, revoked))


def test_resource_of_a_token_disabled_and_deleted(fresh_server):
    server = fresh_server()
    second = server.new_resource("second")
    host = second.host(server.http_port)
    made = server.signed("POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": ["chat"]},
                         key=second.primary, host=host).json()
    headers = {"Host": host, "Authorization": f"Bearer {made['accessToken']['token']}"}
    assert server.send("GET", "/admin/whoami", headers).status == 200
    assert server.send("GET", "/admin/whoami", {**headers, "Host": f"localhost:{server.http_port}"}).status == 401
    assert server.admin("PATCH", "/admin/resources/second", {"state": "disabled"}).status == 200
    assert server.send("GET", "/admin/whoami", headers).status == 401
    assert server.admin("PATCH", "/admin/resources/second", {"state": "active"}).status == 200
    assert server.send("GET", "/admin/whoami", headers).status == 200
    assert server.admin("DELETE", "/admin/resources/second?confirm=second").status == 204
    assert server.send("GET", "/admin/whoami", headers).status == 401


# -- the clock --


def test_expiry_drill(fresh_server):
    server = fresh_server()
    user, _ = server.new_user()
    answer = server.signed("POST", ISSUE.format(user), {"scopes": ["chat"], "expiresInMinutes": 60})
    token = answer.json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})

    def at(seconds):
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(claims["exp"] + seconds))
        move_clock(server, {"set": text + (".000Z" if seconds == 0 else "Z")})
        return lives(server, token)

    assert at(-10)
    assert not at(0), "no tolerance"
    assert not at(60)
    assert at(-30), "and back"
    assert server.signed("GET", "/admin/whoami").status == 200, "signatures follow either clock"
    assert server.admin("DELETE", "/admin/clock").json()["offsetSeconds"] == 0
    assert lives(server, token)


def test_token_from_the_past_is_near_its_end(fresh_server):
    server = fresh_server()
    move_clock(server, {"advance": "-23h55m"})
    user, token = server.new_user()
    exp = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert server.admin("DELETE", "/admin/clock").status == 200
    assert 200 < exp - time.time() < 310 and lives(server, token)


def test_token_from_the_future(fresh_server):
    server = fresh_server()
    move_clock(server, {"advance": "1h"})
    _, token = server.new_user()
    server.admin("DELETE", "/admin/clock")
    answer = whoami(server, token)
    assert answer.status == 401 and "iat" in answer.headers["x-callgate-explain"]


def test_revocation_is_remembered_when_time_goes_back(fresh_server):
    server = fresh_server()
    user, token = server.new_user()
    server.signed("POST", REVOKE.format(user))
    move_clock(server, {"advance": "72h"})
    server.new_user()
    server.admin("DELETE", "/admin/clock")
    assert not lives(server, token)


def test_clock_outlives_a_restart(fresh_server):
    server = fresh_server()
    move_clock(server, {"advance": "3h"})
    server.stop()
    server.start()
    assert abs(server.admin("GET", "/admin/clock").json()["offsetSeconds"] - 3 * 3600) <= 1
