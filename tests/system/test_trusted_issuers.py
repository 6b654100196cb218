"""Tokens of other issuers through the real port (managed-identity §4): who is let in, every attack, and what the
issuer itself may do: be slow, huge, silent, dead, elsewhere."""

import concurrent.futures
import json
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest
from oidc_issuer import (AUDIENCE, Key, b64, changed, drip, encoded, endless, fixed, hmac_sign, late, padded, redirect,
                         signed_token, silent)
from test_issuer import App, by_assertion, refusal
from test_issuer import ask as ask_token
from trusted import ALGS, SUBJECT, TARGET, add, issuer, own_issuer, refused, stranger, trust, whoami  # noqa: F401
from waiting import until
from wire import Wire, head

SANITIZED_SECONDS = 12  # 5 s are the limit of a fetch; the rest is a busy machine's


# -- let in --


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("number", range(len(ALGS)), ids=ALGS)
def test_let_in(server, issuer, number, secure):
    token = issuer.token(issuer.keys[number])
    who = whoami(server, token, secure)
    assert who.status == 200, (who, who.headers.get("x-callgate-explain"))
    assert who.json()["kind"] == "bearer" and who.json()["principal"] == issuer.about["objectId"], who
    assert "Contributor" in json.dumps(who.json()["roles"])
    assert server.bearer("POST", TARGET, token, {}, secure).status == 201


def test_let_in_by_an_issuer_with_a_certificate_of_its_own(server, own_issuer):
    issuer = own_issuer(secure=True)
    about = trust(server, issuer)
    assert about["test"]["ok"] and about["test"]["kids"] == [issuer.keys[0].kid]
    assert server.bearer("POST", TARGET, issuer.token(), {}, secure=True).status == 201


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["api://other", AUDIENCE]], ids=["text", "one", "two"])
def test_audiences_that_match(server, issuer, aud):
    assert whoami(server, issuer.token(aud=aud)).status == 200


def test_the_rule_that_matches_says_who(server, own_issuer):
    issuer = own_issuer()
    first = trust(server, issuer, role=None, subject="a", principalName=f"first-{issuer.port}")
    second = trust(server, issuer, role="Contributor", subject=None, claims={"repository": "o/r", "ref": "main"},
                   principalName=f"second-{issuer.port}")
    assert first["objectId"] != second["objectId"] and first["id"] == second["id"]
    assert whoami(server, issuer.token(sub="a")).json()["principal"] == first["objectId"]
    by_claims = issuer.token(sub="b", repository="o/r", ref="main")
    assert whoami(server, by_claims).json()["principal"] == second["objectId"]
    assert server.bearer("POST", TARGET, by_claims, {}).status == 201
    answer = server.bearer("POST", TARGET, issuer.token(sub="a"), {})
    assert answer.status == 403 and "identity/write/action" in answer.headers["x-callgate-explain"], answer
    for claims in ({"repository": "o/r"}, {"repository": "o/r", "ref": "dev"}, {"repository": {"o/r": 1}, "ref": "main"},
                   {"repository": "O/R", "ref": "main"}, {"repository": ["x", "y"], "ref": "main"}):
        refused(whoami(server, issuer.token(sub="b", **claims)), "no rule of the issuer's record")


def test_a_role_counts_from_the_next_request_on(server, own_issuer):
    issuer = own_issuer()
    about = trust(server, issuer, role=None)
    token = issuer.token()
    connections = [server.connect() for _ in range(8)]
    body = {"Authorization": f"Bearer {token}"}

    def all_of():
        return {server.send("POST", TARGET, body, b"", connection).status for connection in connections}

    assert all_of() == {403}
    given = server.admin("POST", "/admin/role-assignments", {"principal": about["principalName"],
                                                             "role": "Contributor"})
    assert given.status == 201 and all_of() == {201}
    assert server.admin("DELETE", f"/admin/role-assignments/{given.json()['id']}").status == 204
    assert all_of() == {403}


# -- attacks with a token --

NO_KID = "its issuer has no key of this kid"
NO_SIGNATURE = "the token's signature does not verify"
NOT_TRUSTED = "nor one that it trusts"
NO_RULE = "no rule of the issuer's record matches"
NO_AUDIENCE = "none of the audiences"


def with_key(issuer, alg):
    return next(key for key in issuer.keys if key.alg == alg)


def forged(issuer, stranger, **header):
    """Signed by the stranger, in the name of the issuer."""
    key = stranger.keys[0]
    return signed_token({"alg": key.alg, "typ": "JWT", **header}, issuer.claims(), key.sign)


def doubled(issuer):
    text = json.dumps(issuer.claims())[:-1] + f', "sub": "{SUBJECT}"}}'
    key = issuer.keys[0]
    return signed_token({"alg": key.alg, "kid": key.kid}, text.encode(), key.sign)


def by_hmac(issuer, secret):
    key = with_key(issuer, "RS256")
    return signed_token({"alg": "HS256", "typ": "JWT", "kid": key.kid}, issuer.claims(), hmac_sign(secret))


def short_of(issuer, alg):
    token = issuer.token(with_key(issuer, alg))
    head_, _, _ = token.rpartition(".")
    return head_ + "." + b64(b"\0" * 64)


def in_seconds(**offsets):
    return {name: int(time.time()) + offset for name, offset in offsets.items()}


ATTACKS = {
    # whose token it is
    "issuer that nobody trusts": (lambda i, s: s.token(), NOT_TRUSTED),
    "issuer with a slash behind": (lambda i, s: i.token(iss=i.url + "/"), NOT_TRUSTED),
    "issuer in capitals": (lambda i, s: i.token(iss=i.url.replace("localhost", "LOCALHOST")), NOT_TRUSTED),
    "issuer by its address": (lambda i, s: i.token(iss=i.url.replace("localhost", "127.0.0.1")), NOT_TRUSTED),
    "issuer's path below": (lambda i, s: i.token(iss=i.url + "/realms/x"), NOT_TRUSTED),
    "issuer in a list": (lambda i, s: i.token(iss=[i.url]), NOT_TRUSTED),
    "no issuer": (lambda i, s: i.token(iss=None), NOT_TRUSTED),
    "another's key and kid": (lambda i, s: forged(i, s, kid="nobody-1"), NO_KID),
    "another's key, the issuer's kid": (lambda i, s: forged(i, s, kid=i.keys[0].kid), NO_SIGNATURE),
    # the header brings a key along
    "jwk": (lambda i, s: forged(i, s, kid=i.keys[0].kid, jwk=s.keys[0].jwk()), NO_SIGNATURE),
    "jku": (lambda i, s: forged(i, s, kid=i.keys[0].kid, jku=s.url + "/keys"), NO_SIGNATURE),
    "jku and its kid": (lambda i, s: forged(i, s, kid="stranger", jku=s.url + "/keys"), NO_KID),
    "x5u": (lambda i, s: forged(i, s, kid=i.keys[0].kid, x5u=s.url + "/keys"), NO_SIGNATURE),
    "x5c": (lambda i, s: forged(i, s, kid=i.keys[0].kid, x5c=["MIIB"]), NO_SIGNATURE),
    # key ids
    "no kid, and another's key": (lambda i, s: forged(i, s), NO_SIGNATURE),
    "kid is a path": (lambda i, s: i.token(header={"kid": "../../../../etc/passwd"}), NO_KID),
    "kid is SQL": (lambda i, s: i.token(header={"kid": "' OR 1=1 --"}), NO_KID),
    "kid is an address": (lambda i, s: i.token(header={"kid": s.url + "/keys"}), NO_KID),
    "kid with a NUL": (lambda i, s: i.token(header={"kid": i.keys[0].kid + "\0x"}), NO_KID),
    "kid of 600 characters": (lambda i, s: i.token(header={"kid": "k" * 600}), "too long"),
    "kid is a number": (lambda i, s: i.token(header={"kid": 1}), "kid is not a string"),
    "kid is an object": (lambda i, s: i.token(header={"kid": {"$ne": 1}}), "kid is not a string"),
    # algorithms
    "alg none": (lambda i, s: signed_token({"alg": "none"}, i.claims(), lambda _: b"x"), "alg is none"),
    "alg NoNe": (lambda i, s: signed_token({"alg": "NoNe"}, i.claims(), lambda _: b"x"), "alg is none"),
    "HS256 by the PEM": (lambda i, s: by_hmac(i, with_key(i, "RS256").public_pem()), "alg"),
    "HS256 by the JWK": (lambda i, s: by_hmac(i, json.dumps(with_key(i, "RS256").jwk()).encode()), "alg"),
    "RS256 by the key of PS256": (lambda i, s: i.token(with_key(i, "PS256"), header={"alg": "RS256"}), "algorithm"),
    "ES256 by the kid of RS256": (lambda i, s: i.token(with_key(i, "ES256"), header={"kid": i.keys[0].kid}),
                                  "algorithm"),
    "ES256 of zeros": (lambda i, s: short_of(i, "ES256"), NO_SIGNATURE),
    "EdDSA of zeros": (lambda i, s: short_of(i, "EdDSA"), NO_SIGNATURE),
    # forms
    "crit": (lambda i, s: i.token(header={"crit": ["exp"]}), "header has crit"),
    "zip": (lambda i, s: i.token(header={"zip": "DEF"}), "zip"),
    "b64": (lambda i, s: i.token(header={"b64": False}), "b64"),
    "typ of a proof": (lambda i, s: i.token(header={"typ": "dpop+jwt"}), "type (typ)"),
    "a claim twice": (lambda i, s: doubled(i), "repeats a member"),
    "payload changed": (lambda i, s: ".".join((i.token().split(".")[0], encoded(i.claims(exp=int(time.time()) + 9999)),
                                               i.token().split(".")[2])), NO_SIGNATURE),
    # claims
    "audience of another service": (lambda i, s: i.token(aud="https://graph.microsoft.com"), NO_AUDIENCE),
    "audience of our own issuer": (lambda i, s: i.token(aud="https://communication.azure.com/"), NO_AUDIENCE),
    "audience begins alike": (lambda i, s: i.token(aud=AUDIENCE + "x"), NO_AUDIENCE),
    "audience with a slash behind": (lambda i, s: i.token(aud=AUDIENCE + "/"), NO_AUDIENCE),
    "audiences of others": (lambda i, s: i.token(aud=["a", "b"]), NO_AUDIENCE),
    "empty list of audiences": (lambda i, s: i.token(aud=[]), NO_AUDIENCE),
    "no audience": (lambda i, s: i.token(aud=None), NO_AUDIENCE),
    "another's subject": (lambda i, s: i.token(sub="admin"), NO_RULE),
    "subject in capitals": (lambda i, s: i.token(sub=SUBJECT.upper()), NO_RULE),
    "subject is a list": (lambda i, s: i.token(sub=[SUBJECT]), NO_RULE),
    "no subject": (lambda i, s: i.token(sub=None), NO_RULE),
    # times; 300 s of difference are allowed
    "expired": (lambda i, s: i.token(**in_seconds(iat=-900, nbf=-900, exp=-302)), "it has expired (exp)"),
    "not yet": (lambda i, s: i.token(**in_seconds(nbf=+330, exp=+900)), "it is not valid yet (nbf)"),
    "issued in the future": (lambda i, s: i.token(**in_seconds(iat=+330, exp=+900)), "in the future (iat)"),
    "no end": (lambda i, s: i.token(exp=None), "exp is missing"),
    "end as a text": (lambda i, s: i.token(exp=str(int(time.time()) + 600)), "exp is missing or not a time"),
    "end after the year 9999": (lambda i, s: i.token(exp=253402300800), "exp is missing or not a time"),
}


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(server, issuer, stranger, name, secure):
    make, reason = ATTACKS[name]
    before = issuer.fetches
    refused(whoami(server, make(issuer, stranger), secure), reason)
    answer = server.bearer("POST", TARGET, make(issuer, stranger), {}, secure)
    assert answer.status == 401, answer
    assert issuer.fetches <= before + 1 and whoami(server, issuer.token()).status == 200


def test_a_trusted_issuer_speaks_for_itself_alone(server, own_issuer):
    """Both are trusted; each one's key under the other's name, with either's kid."""
    one, two = own_issuer(), own_issuer()
    two.keys.append(Key("RS256", one.keys[0].kid))
    two.keys[0].kid = "of-two"
    trust(server, one)
    about = trust(server, two)
    refused(whoami(server, signed_token({"alg": "RS256", "kid": two.keys[0].kid}, one.claims(), two.keys[0].sign)),
            NO_KID)
    refused(whoami(server, signed_token({"alg": "RS256", "kid": one.keys[0].kid}, one.claims(), two.keys[1].sign)),
            NO_SIGNATURE)
    for key in two.keys:
        assert whoami(server, two.token(key)).json()["principal"] == about["objectId"]
    refused(whoami(server, two.token(header={"kid": None})), "names no key, and its issuer has several")


def test_no_kid_is_fine_when_there_is_one_key(server, own_issuer):
    issuer = own_issuer()
    trust(server, issuer)
    assert whoami(server, issuer.token(header={"kid": None})).status == 200


def test_audience_of_another_trusted_issuer(server, own_issuer):
    one, two = own_issuer(), own_issuer()
    trust(server, one, audiences=["api://one"])
    trust(server, two, audiences=["api://two"])
    assert whoami(server, one.token(aud="api://one")).status == 200
    refused(whoami(server, one.token(aud="api://two")), NO_AUDIENCE)


def test_an_algorithm_that_the_record_does_not_allow(server, own_issuer):
    issuer = own_issuer(algs=("RS256", "ES256"))
    trust(server, issuer, algorithms=["ES256"])
    assert whoami(server, issuer.token(issuer.keys[1])).status == 200
    refused(whoami(server, issuer.token(issuer.keys[0])), "not one that the issuer's record allows")


@pytest.mark.parametrize("tid,scp,reason", [
    ("0a1b2c3d-0000-4000-8000-000000000002", None, "iss"), (None, None, "iss")])
def test_tenant_confusion(server, tid, scp, reason):
    """Tokens in the name of Entra's tenants that nobody trusts here: refused without a question to the network."""
    key = Key("RS256", "k")
    tenant = "0a1b2c3d-0000-4000-8000-000000000001"
    now = int(time.time())
    for iss in (f"https://login.microsoftonline.com/{tenant}/v2.0", f"https://sts.windows.net/{tenant}/",
                "https://login.microsoftonline.com/common/v2.0"):
        claims = {"iss": iss, "tid": tid or tenant, "oid": tenant, "aud": "https://communication.azure.com/",
                  "exp": now + 600, "nbf": now, "iat": now}
        began = time.monotonic()
        refused(whoami(server, signed_token({"alg": "RS256", "kid": "k"}, claims, key.sign)), reason)
        assert time.monotonic() - began < 2


def test_tenant_of_an_entra_record(server, own_issuer, tmp_path):
    """A record of one tenant, whose keys lie in a file: tid, oid and kind of token must be its own."""
    key = Key("RS256", "entra-1")
    tenant, other, oid = (f"0a1b2c3d-0000-4000-8000-00000000000{n}" for n in (3, 4, 5))
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [key.jwk()]}))
    iss = f"https://login.microsoftonline.com/{tenant}/v2.0"
    made = server.admin("POST", "/admin/issuers", {"issuer": iss, "jwksFile": str(path)})
    assert made.status == 201 and made.json()["kind"] == "entra", made
    now = int(time.time())

    def token(**members):
        claims = {"iss": iss, "tid": tenant, "oid": oid, "aud": "https://communication.azure.com/", "exp": now + 600,
                  "nbf": now, "iat": now, "idtyp": "app", **members}
        return signed_token({"alg": "RS256", "kid": "entra-1"}, {n: v for n, v in claims.items() if v is not None},
                            key.sign)

    assert whoami(server, token()).json()["principal"] == oid
    assert whoami(server, token(iss=f"https://sts.windows.net/{tenant}/")).json()["principal"] == oid
    for members, reason in (({"tid": other}, "tid is not the tenant"), ({"tid": None}, "tid is not the tenant"),
                            ({"iss": iss.replace(tenant, other)}, NOT_TRUSTED),
                            ({"iss": iss.replace(tenant, "common")}, NOT_TRUSTED),
                            ({"iss": iss.replace(tenant, "{tenantid}")}, NOT_TRUSTED),
                            ({"oid": None}, "oid is missing"), ({"oid": "x"}, "no id"),
                            ({"idtyp": "user"}, "speaks for a person"),
                            ({"scp": "user_impersonation", "idtyp": None}, "speaks for a person"),
                            ({"aud": "https://management.azure.com/"}, "aud"),
                            ({"aud": "https://graph.microsoft.com"}, "aud")):
        refused(whoami(server, token(**members)), reason)
    assert server.admin("DELETE", f"/admin/issuers/{made.json()['id']}").status == 204


# -- the clock --


@pytest.mark.parametrize("claims,good", [
    (dict(iat=-2000, nbf=-2000, exp=-299), True), (dict(iat=-2000, nbf=-2000, exp=-300), False),
    (dict(iat=+300, nbf=+300, exp=+900), True), (dict(nbf=+301, exp=+900), False), (dict(iat=+301, exp=+900), False),
], ids=["ended 299 s ago", "ended 300 s ago", "begins in 300 s", "begins in 301 s", "issued in 301 s"])
def test_the_clock_at_the_edge(fresh_server, own_issuer, claims, good):
    server, issuer = fresh_server(), own_issuer()
    trust(server, issuer)
    noon = 1795521600  # a time that the clock is set to; nothing of it depends on when the test runs
    usual = dict(iat=-10, nbf=-10, exp=+600)
    token = issuer.token(**{name: noon + offset for name, offset in {**usual, **claims}.items()})
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(noon))
    assert server.admin("PUT", "/admin/clock", {"set": stamp}).status == 200
    answer = whoami(server, token)
    assert answer.status == (200 if good else 401), (answer, answer.headers.get("x-callgate-explain"))


# -- how often the issuer is asked --


def later(server, seconds):
    """The server's clock goes on from now + seconds."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    answer = server.admin("PUT", "/admin/clock", {"set": stamp})
    assert answer.status == 200, answer


def many(calls, workers=32):
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def test_a_flood_of_kids_asks_once_in_five_minutes(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    trust(server, issuer)
    assert issuer.fetches == 1, "the test before it was written"

    def flood(name):
        tokens = [issuer.token(header={"kid": f"{name}-{i}"}, exp=int(time.time()) + 7200) for i in range(150)]
        answers = many(lambda token=token, i=i: whoami(server, token, secure=i % 2 == 0)
                       for i, token in enumerate(tokens))
        assert {answer.status for answer in answers} == {401}

    flood("a")
    assert issuer.fetches == 1
    later(server, 310)
    flood("b")
    assert issuer.fetches == 2, "one fetch for the whole flood"
    later(server, 500)
    flood("c")
    assert issuer.fetches == 2, "and none for the next, before five minutes have passed again"
    assert whoami(server, issuer.token(exp=int(time.time()) + 7200)).status == 200


def test_rotation(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    trust(server, issuer)
    ends = int(time.time()) + 7200
    old = issuer.token(exp=ends)
    assert whoami(server, old).status == 200
    issuer.rotate()
    new = issuer.token(exp=ends)
    refused(whoami(server, new), NO_KID)
    assert whoami(server, old).status == 200, "nobody has looked yet"
    later(server, 310)
    assert whoami(server, new).status == 200, "the unknown kid asks the issuer again"
    assert issuer.fetches == 2
    refused(whoami(server, old), NO_KID)


@pytest.mark.parametrize("secure", [False, True], ids=["http issuer", "https issuer"])
def test_first_requests_of_all_share_one_fetch(fresh_server, own_issuer, secure):
    server, issuer = fresh_server("--threads", "2"), own_issuer(secure=secure)
    about = trust(server, issuer, untested=True)
    assert about["test"] is None and not issuer.count
    issuer.wrong[issuer.jwks] = late(1.5)
    token, gate = issuer.token(), threading.Barrier(100)

    def first(tls):
        connection = server.connect(tls)
        connection.connect()
        gate.wait()
        return server.send("POST", TARGET, {"Authorization": f"Bearer {token}"}, b"", connection).status

    answers = many([lambda i=i: first(i % 2 == 0) for i in range(100)], workers=100)
    assert set(answers) == {201}, answers
    assert issuer.count == {issuer.discovery: 1, issuer.jwks: 1}


def test_the_first_fetch_fails_for_all_alike(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    trust(server, issuer, untested=True)
    issuer.wrong[issuer.discovery] = fixed(b"{}", 500)
    token = issuer.token()
    answers = many([lambda i=i: whoami(server, token, secure=i % 2 == 0) for i in range(60)])
    assert {answer.status for answer in answers} == {401}, answers
    assert issuer.count[issuer.discovery] == 1, "not again before its pause is over"
    issuer.wrong.clear()
    later(server, 15)
    assert whoami(server, token).status == 200, "and by itself when it is well again"


def test_an_issuer_that_is_dead(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    trust(server, issuer)
    token = issuer.token(exp=int(time.time()) + 30 * 86400)
    assert whoami(server, token).status == 200
    issuer.close()
    for seconds in (3600 * 2, 86400 + 3600, 6 * 86400):  # renewal behind it, an old set, a stale one
        later(server, seconds)
        for _ in range(3):
            began = time.monotonic()
            assert whoami(server, token).status == 200, seconds
            assert time.monotonic() - began < SANITIZED_SECONDS
            time.sleep(0.2)
    assert "issuer.keys_stale" in server.log()
    later(server, 8 * 86400)
    whoami(server, token)
    time.sleep(0.3)
    assert whoami(server, token).status == 401, "a set lives seven days at most without its issuer"


def test_a_principal_of_another_issuer_is_no_client_here(server, issuer):
    made = server.admin("GET", f"/admin/apps/{issuer.about['objectId']}").json()
    fields = {"grant_type": "client_credentials", "scope": "https://communication.azure.com//.default",
              "client_id": made["clientId"], "client_secret": "guessed"}
    refusal(ask_token(server, fields), 400, "unauthorized_client", 700016)


def test_an_assertion_that_nobody_can_check_is_no_wrong_credential(server, own_issuer):
    issuer = own_issuer()
    app = App(server)
    app.admin("POST", "/federated", {"name": "one", "issuer": issuer.url, "subject": SUBJECT})
    issuer.wrong[issuer.jwks] = fixed(b"{}", 500)
    answer = ask_token(server, by_assertion(app, issuer.token(aud="api://AzureADTokenExchange")))
    refusal(answer, 503, "temporarily_unavailable", 90033)
    assert answer.headers["Retry-After"] and "the issuer answers with an error" in answer.json()["error_description"]


def test_an_unknown_kid_of_a_dead_issuer_is_refused_and_the_rest_served(fresh_server, own_issuer):
    server, issuer = fresh_server(), own_issuer()
    trust(server, issuer)
    ends = int(time.time()) + 7200
    good, bad = issuer.token(exp=ends), issuer.token(exp=ends, header={"kid": "x"})
    issuer.close()
    later(server, 310)
    refused(whoami(server, bad), NO_KID)
    assert whoami(server, good).status == 200


def test_a_slow_fetch_holds_up_nobody_else(fresh_server, own_issuer):
    server, slow, quick = fresh_server("--threads", "2"), own_issuer(), own_issuer()
    trust(server, slow, untested=True)
    trust(server, quick, subject="quick")
    slow.wrong[slow.discovery] = silent
    waiting = [threading.Thread(target=whoami, args=(server, slow.token()), daemon=True) for _ in range(20)]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    for _ in range(20):
        assert whoami(server, quick.token(sub="quick")).status == 200
        assert server.signed("GET", "/admin/whoami").status == 200
    assert time.monotonic() - began < 4
    for thread in waiting:
        thread.join(SANITIZED_SECONDS)
        assert not thread.is_alive(), "who waits for keys is answered within the limit of a fetch"


# the shorter grace is over before any fetch is: what waits then is brought to its end by the stop itself
@pytest.mark.parametrize("grace", ["10s", "200ms"])
@pytest.mark.parametrize("wrong", [silent, drip, endless], ids=["silent", "drips", "endless"])
def test_stopped_while_requests_wait_for_keys(fresh_server, own_issuer, wrong, grace):
    server = fresh_server("--threads", "2", "--net-drain-timeout", grace)
    issuers = [own_issuer() for _ in range(6)]
    for issuer in issuers:
        trust(server, issuer, untested=True)
        issuer.wrong[issuer.discovery] = wrong
    tokens, ended = [issuer.token() for issuer in issuers], []

    def ask(token, tls):
        try:
            ended.append(whoami(server, token, tls).status)
        except (OSError, HTTPException):
            ended.append("closed")

    # whichever loop fetches the keys of one of them, somebody waits for these on the other
    threads = [threading.Thread(target=ask, args=(token, i % 2 == 0), daemon=True) for i in range(5) for token in tokens]
    for thread in threads:
        thread.start()
    time.sleep(0.4)
    began = time.monotonic()
    assert server.stop(timeout=40) == 0
    assert time.monotonic() - began < 10 + SANITIZED_SECONDS
    for thread in threads:
        thread.join(10)
    assert len(ended) == 30, "every request has an end"


def test_a_body_is_what_it_was_after_the_wait_for_keys(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "1"), own_issuer()
    trust(server, issuer, untested=True)
    issuer.wrong[issuer.jwks] = late(1.5)
    answers = []

    def ask():
        answers.append(server.bearer("POST", TARGET, issuer.token(), {"createTokenWithScopes": ["chat"]}))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: issuer.count[issuer.jwks])
    for _ in range(20):
        assert server.signed("POST", TARGET, {"createTokenWithScopes": ["x" * 4000]}).status == 400
    asking.join()
    assert answers[0].status == 201 and "accessToken" in answers[0].json(), answers


def test_a_client_that_goes_while_it_waits(fresh_server, own_issuer):
    server, issuer = fresh_server("--threads", "2"), own_issuer()
    trust(server, issuer, untested=True)
    issuer.wrong[issuer.jwks] = late(1.5)
    octets = head("GET", "/admin/whoami", {"Host": "localhost", "Authorization": f"Bearer {issuer.token()}"})
    for _ in range(20):
        with Wire(server.http_port) as wire:
            wire.send(octets)
    assert whoami(server, issuer.token()).status == 200
    assert issuer.fetches == 1


# -- what an issuer may do wrong: noticed by who adds it --

def jwks_at(url):
    return {"discovery": changed(jwks_uri=url)}


def many_keys(count):
    def answer(handler, document):
        key = json.loads(document)["keys"][0]
        keys = [{**key, "kid": f"k{i}"} for i in range(count)]
        handler.whole(200, json.dumps({"keys": keys}).encode())
    return answer


WRONG = {  # name: path → what it plays, sentence of the refusal
    "no document": ({"discovery": fixed(b"{}", 404)}, "HTTP 404"),
    "an error": ({"jwks": fixed(b"", 500)}, "HTTP 500"),
    "another issuer's document": ({"discovery": changed(issuer="https://other.example")}, "is another issuer's"),
    "a slash more in issuer": ({"discovery": lambda h, d: changed(issuer=h.issuer.url + "/")(h, d)},
                               "is another issuer's"),
    "no issuer in it": ({"discovery": changed(issuer=None)}, "is another issuer's"),
    "no jwks_uri": ({"discovery": changed(jwks_uri=None)}, "has no jwks_uri"),
    "HTML": ({"discovery": fixed(b"<html>hello</html>")}, "is no JSON object"),
    "HTML for keys": ({"jwks": fixed(b"<html>hello</html>")}, "is no JSON object"),
    "a list for keys": ({"jwks": fixed(b"[]")}, "is no JSON object"),
    "keys is an object": ({"jwks": fixed(b'{"keys":{}}')}, "has no list of keys"),
    "no keys": ({"jwks": fixed(b'{"keys":[]}')}, "has no key that can be used"),
    "secret keys alone": ({"jwks": fixed(b'{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}')},
                          "has no key that can be used"),
    "nothing": ({"jwks": fixed(b"")}, "is no JSON object"),
    "101 keys": ({"jwks": many_keys(101)}, "has too many keys"),
    "600 KiB of configuration": ({"discovery": padded(600 * 1024)}, "too large"),
    "600 KiB of keys": ({"jwks": padded(600 * 1024)}, "too large"),
    "endless configuration": ({"discovery": endless}, "too large"),
    "endless keys": ({"jwks": endless}, "too large"),
    "drips": ({"jwks": drip}, ""),
    "silent": ({"discovery": silent}, ""),
    "redirect to another host": ({"discovery": redirect("http://127.0.0.2:1/x")}, "redirects to another"),
    "redirect to another name": ({"jwks": redirect("https://example.com/keys")}, "redirects to another"),
    "redirect to metadata": ({"discovery": redirect("http://169.254.169.254/latest/meta-data")},
                             "redirects to another"),
    "redirect to a file": ({"jwks": redirect("file:///etc/passwd")}, "redirects to another"),
    "keys at the metadata service": (jwks_at("http://169.254.169.254/keys"), "no https URL"),
    "keys at the metadata service, https": (jwks_at("https://169.254.169.254/keys"), "private host"),
    "keys at a private address": (jwks_at("https://10.0.0.1/keys"), "private host"),
    "keys at an address as a number": (jwks_at("https://2852039166/keys"), ""),
    "keys at a mapped address": (jwks_at("https://[::ffff:169.254.169.254]/keys"), ""),
    "keys at a name of one label": (jwks_at("https://metadata/keys"), "private host"),
    "keys at .internal": (jwks_at("https://metadata.google.internal/keys"), "private host"),
    "keys over http": (jwks_at("http://keys.example.com/keys"), "no https URL"),
    "keys in a file": (jwks_at("file:///etc/passwd"), "no https URL"),
    "keys by another protocol": (jwks_at("gopher://localhost/keys"), "no https URL"),
    "redirect to itself, again and again": ({"jwks": lambda h, d: redirect(h.path)(h, d)}, "redirects too often"),
    "keys at a URL with a user": (jwks_at("https://u:p@localhost/keys"), ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_issuer_that_is_wrong_is_not_added(server, own_issuer, name):
    plays, sentence = WRONG[name]
    issuer = own_issuer()
    for which, play in plays.items():
        issuer.wrong[getattr(issuer, which)] = play
    began = time.monotonic()
    answer = add(server, issuer)
    assert answer.status == 400, answer
    error = answer.json()["error"]
    assert "keys of this issuer can't be had" in error["message"] and sentence in error["message"], error
    assert "Check the address" in error["message"], "and it says what to do"
    assert time.monotonic() - began < SANITIZED_SECONDS
    assert issuer.url not in server.admin("GET", "/admin/issuers").body.decode(), "nothing was written"
    refused(whoami(server, issuer.token()), NOT_TRUSTED)


def test_a_redirect_within_the_host_is_followed(server, own_issuer):
    issuer = own_issuer()
    there = issuer.jwks
    issuer.wrong[issuer.discovery] = changed(jwks_uri=issuer.url + "/old")
    issuer.wrong["/old"] = redirect(issuer.url + there)
    trust(server, issuer)
    assert issuer.count == {issuer.discovery: 1, "/old": 1, there: 1}
    assert whoami(server, issuer.token()).status == 200


def test_a_hundred_keys_are_not_too_many(server, own_issuer):
    issuer = own_issuer()
    issuer.wrong[issuer.jwks] = many_keys(100)
    assert trust(server, issuer)["test"]["keys"] == 100


def test_a_certificate_that_nobody_vouches_for(server, own_issuer):
    issuer = own_issuer(secure=True)
    answer = add(server, issuer, caFile=None)
    assert answer.status == 400 and "certificate problem" in answer.json()["error"]["message"], answer
    assert not issuer.count
    other = own_issuer(secure=True)
    answer = add(server, issuer, caFile=other.ca_file)
    assert answer.status == 400 and "OpenID configuration: " in answer.json()["error"]["message"], answer
    assert not issuer.count


@pytest.mark.parametrize("body,sentence", [
    ({"issuer": "ftp://x.example"}, "issuer must be an https URL"),
    ({"issuer": "http://issuer.example"}, "issuer must be an https URL"),
    ({"issuer": "http://127.0.0.1.example"}, "issuer must be an https URL"),
    ({"issuer": "http://10.1.2.3"}, "issuer must be an https URL"),
    ({"issuer": "https://a@b.example"}, "issuer must be an https URL"),
    ({"issuer": "https://b.example?x=1"}, "issuer must be an https URL"),
    ({"issuer": "https://b.example#x"}, "issuer must be an https URL"),
    ({"issuer": ""}, "issuer"), ({}, "issuer"), ({"issuer": 1}, "issuer"),
    ({"issuer": "https://b.example", "subject": "a"}, "audiences must name at least one"),
    ({"issuer": "https://b.example", "audiences": ["x"]}, "rules must say"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "algorithms": ["HS256"]}, "algorithms"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "algorithms": ["none"]}, "algorithms"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "nonsense": 1}, "nonsense"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "jwksFile": "keys.json"}, "full path"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "jwksFile": "/nowhere/keys.json"},
     "can't be read"),
    ({"issuer": "https://b.example", "audiences": ["x"], "subject": "a", "jwksUrl": "http://b.example/k"}, "https URL"),
    ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "one tenant of Entra ID"),
    ({"issuer": "https://b.example", "audiences": ["x"], "claims": {"a": [1]}}, "claims"),
])
def test_bodies_that_are_wrong(server, body, sentence):
    before = server.admin("GET", "/admin/issuers").json()
    answer = server.admin("POST", "/admin/issuers", body)
    assert answer.status == 400 and sentence in answer.json()["error"]["message"], answer
    assert server.admin("GET", "/admin/issuers").json() == before


def resident(server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_endless_answers_take_no_memory(fresh_server, own_issuer):
    server, issuer = fresh_server(), own_issuer()
    about = trust(server, issuer)
    token = issuer.token()
    test = f"/admin/issuers/{about['id']}:test"
    assert server.admin("POST", test).json()["ok"]
    for path in (issuer.discovery, issuer.jwks):
        issuer.wrong = {path: endless}
        before, sent = resident(server), issuer.sent
        for _ in range(15):
            shown = server.admin("POST", test).json()
            assert not shown["ok"] and "too large" in shown["failure"], shown
        assert issuer.sent - sent < 15 * 8 * 1024 * 1024, "it is hung up on"
        assert resident(server) - before < 64 * 1024, "KiB; a freed answer is kept for a while by a sanitizer"
    assert whoami(server, token).status == 200, "the set that was there is kept"


def test_testing_shows_what_is_wrong_and_keeps_the_set(server, own_issuer):
    issuer = own_issuer()
    about = trust(server, issuer)
    issuer.wrong[issuer.jwks] = fixed(b"no", 503)
    shown = server.admin("POST", f"/admin/issuers/{about['id']}:test").json()
    assert not shown["ok"] and "HTTP 503" in shown["failure"] and shown["keys"] == 1, shown
    assert whoami(server, issuer.token()).status == 200
