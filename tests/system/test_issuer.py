"""The embedded issuer over the real port: discovery, keys, tokens, checked as a stranger would."""

import base64
import datetime
import hashlib
import http.client
import json
import time
import urllib.parse
import uuid

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SCOPE = "https://communication.azure.com//.default"
AUDIENCE = "https://communication.azure.com/"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class App:
    """An application of a server, with a secret."""

    def __init__(self, server, name=None, role="Contributor"):
        made = server.admin("POST", "/admin/apps", {"name": name or f"app-{uuid.uuid4().hex[:8]}", "role": role})
        assert made.status == 201, made
        self.server = server
        self.client_id = made.json()["clientId"]
        secret = self.admin("POST", "/secrets", {})
        self.secret = secret["secret"]
        self.tenant = secret["tenantId"]

    def admin(self, method, path="", document=None):
        answer = self.server.admin(method, f"/admin/apps/{self.client_id}{path}", document)
        assert answer.status in (200, 201), answer
        return answer.json()


class Client:
    """Certificate and key of a client that signs for itself."""

    def __init__(self, days=30, begins_days_ago=1, key=None):
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "worker")])
        begins = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=begins_days_ago)
        cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(begins)
                .not_valid_after(begins + datetime.timedelta(days=days)).sign(self.key, hashes.SHA256()))
        self.pem = cert.public_bytes(serialization.Encoding.PEM).decode()
        self.der = cert.public_bytes(serialization.Encoding.DER)

    def assertion(self, aud, client_id, algorithm="PS256", headers=None, **claims):
        now = time.time()
        payload = {"aud": aud, "iss": client_id, "sub": client_id, "jti": str(uuid.uuid4()), "exp": now + 600,
                   "nbf": int(now), **claims}
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).decode().rstrip("=")
        return jwt.encode(payload, self.key, algorithm, {"x5t#S256": thumbprint, **(headers or {})})


def get(server, path):
    answer = server.send("GET", path, secure=True)
    assert answer.status == 200, answer
    return answer


def ask(server, fields, path="/adfs/oauth2/v2.0/token", headers=None):
    body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
    return server.send("POST", path, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}, body,
                       secure=True)


def by_secret(app, **more):
    return {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.secret,
            "scope": SCOPE, **more}


def by_assertion(app, assertion, **more):
    return {"grant_type": "client_credentials", "client_id": app.client_id, "scope": SCOPE,
            "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **more}


def verified(server, token, audience=AUDIENCE, tenant="adfs"):
    """The claims, by nothing but the published documents."""
    configuration = get(server, f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    keys = get(server, urllib.parse.urlsplit(configuration["jwks_uri"]).path).json()["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(key for key in keys if key["kid"] == kid)
    return jwt.decode(token, jwt.PyJWK(key).key, ["RS256"], audience=audience, issuer=configuration["issuer"])


@pytest.fixture(scope="module")
def app(server):
    return App(server)


def refusal(answer, status, error, number):
    document = answer.json()
    assert (answer.status, document["error"], document["error_codes"]) == (status, error, [number]), answer
    assert document["error_description"].startswith(f"AADSTS{number}: ")
    return document


def test_discovery_names_the_host_that_was_called(server):
    base = f"https://localhost:{server.https_port}"
    document = get(server, "/adfs/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == f"{base}/adfs/oauth2/v2.0/token"
    assert document["issuer"].startswith(base + "/") and document["issuer"].endswith("/v2.0")
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    tenant = document["issuer"].split("/")[-2]
    same = get(server, f"/{tenant.upper()}/v2.0/.well-known/openid-configuration").json()
    assert same["issuer"] == document["issuer"] and same["token_endpoint"] == f"{base}/{tenant}/oauth2/v2.0/token"


def test_keys_are_those_of_their_certificates(server):
    keys = get(server, "/common/discovery/v2.0/keys").json()["keys"]
    assert len(keys) >= 2, "the present one and the next"
    for key in keys:
        der = base64.b64decode(key["x5c"][0])
        assert base64.urlsafe_b64encode(hashlib.sha1(der).digest()).decode().rstrip("=") == key["x5t"]
        numbers = x509.load_der_x509_certificate(der).public_key().public_numbers()
        assert numbers == jwt.PyJWK(key).key.public_numbers()
        assert key["use"] == "sig" and key["alg"] == "RS256" and "d" not in key


def test_a_secret_brings_a_token_that_a_stranger_can_check(server, app):
    answer = ask(server, by_secret(app))
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "no-store, no-cache"
    token = answer.json()["access_token"]
    header, claims = jwt.get_unverified_header(token), verified(server, token)
    assert header["typ"] == "JWT" and header["alg"] == "RS256" and header["x5t"]
    assert claims["appid"] == claims["azp"] == app.client_id
    assert claims["oid"] == claims["sub"] and claims["tid"] == app.tenant and claims["idtyp"] == "app"
    assert claims["exp"] - claims["iat"] == 3599 and claims["iat"] - claims["nbf"] == 300


def test_the_token_opens_the_data_plane(server, app):
    token = ask(server, by_secret(app)).json()["access_token"]
    answer = server.bearer("POST", "/identities?api-version=2023-10-01", token, secure=True)
    assert answer.status == 201, answer


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"])
def test_a_certificate_brings_a_token(server, app, algorithm):
    client = Client()
    app.admin("POST", "/certificates", {"certificate": client.pem})
    endpoint = f"https://localhost:{server.https_port}/adfs/oauth2/v2.0/token"
    assertion = client.assertion(endpoint, app.client_id, algorithm, {"x5c": [base64.b64encode(client.der).decode()]})
    for _ in range(2):  # the libraries use one several times
        answer = ask(server, by_assertion(app, assertion))
        assert answer.status == 200, answer
        assert verified(server, answer.json()["access_token"])["appidacr"] == "2"
    changed = assertion[:-8] + ("A" * 8 if assertion[-8:] != "A" * 8 else "B" * 8)
    refusal(ask(server, by_assertion(app, changed)), 401, "invalid_client", 700027)
    for certificate in app.admin("GET")["certificates"]:
        assert server.admin("DELETE", f"/admin/apps/{app.client_id}/certificates/{certificate['id']}").status < 300
    refusal(ask(server, by_assertion(app, assertion)), 401, "invalid_client", 700027)


def test_an_assertion_for_another_endpoint_is_refused(server, app):
    client = Client()
    app.admin("POST", "/certificates", {"certificate": client.pem})
    for aud in ("https://login.microsoftonline.com/adfs/oauth2/v2.0/token", "https://localhost/adfs/oauth2/v2.0/token"):
        assertion = client.assertion(aud, app.client_id)
        refusal(ask(server, by_assertion(app, assertion)), 401, "invalid_client", 700023)


def test_v1_answers_with_texts(server, app):
    fields = by_secret(app, resource=AUDIENCE)
    del fields["scope"]
    document = ask(server, fields, "/adfs/oauth2/token").json()
    assert document["expires_in"] in ("3598", "3599") and document["resource"] == AUDIENCE
    assert int(document["expires_on"]) - time.time() == pytest.approx(3599, abs=30)


def test_scopes_of_java_and_http_basic(server, app):
    fields = {"grant_type": "client_credentials", "scope": f"offline_access {SCOPE} profile openid"}
    pair = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode()
    answer = ask(server, fields, headers={"Authorization": f"Basic {pair}"})
    assert answer.status == 200, answer


def test_capabilities_come_into_the_token_as_sent(server, app):
    claims = {"id_token": {"x": None}, "access_token": {"xms_cc": {"values": ["CP1"]}}}
    token = ask(server, by_secret(app, claims=json.dumps(claims))).json()["access_token"]
    assert verified(server, token)["xms_cc"] == ["CP1"]


def test_refusals_say_what_to_do(server, app):
    wrong = refusal(ask(server, by_secret(app, client_secret="wrong")), 401, "invalid_client", 7000215)
    assert "AZURE_CLIENT_SECRET" in wrong["error_description"]
    page = server.send("GET", urllib.parse.urlsplit(wrong["error_uri"])._replace(scheme="", netloc="").geturl())
    assert page.status == 200 and b"AADSTS7000215" in page.body
    refusal(ask(server, by_secret(app, client_id=str(uuid.uuid4()))), 400, "unauthorized_client", 700016)
    refusal(ask(server, by_secret(app), "/contoso/oauth2/v2.0/token"), 400, "invalid_request", 90002)
    refusal(ask(server, by_secret(app, scope="https://vault.azure.net/.default")), 400, "invalid_resource", 500011)


def test_http_basic_is_told_that_it_was_wrong(server, app):
    fields, pair = {"grant_type": "client_credentials", "scope": SCOPE}, f"{app.client_id}:wrong".encode()
    answer = ask(server, fields, headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
    refusal(answer, 401, "invalid_client", 7000215)
    assert answer.headers["WWW-Authenticate"].startswith("Basic "), answer
    assert "WWW-Authenticate" not in ask(server, by_secret(app, client_secret="wrong")).headers


def test_the_presented_texts_are_named_whole(server, app):
    client = Client()
    aud, long = f"api://{'a' * 80}", {"iss": f"https://login.microsoftonline.com/{uuid.uuid4()}/v2.0",
                                      "sub": f"repo:{'o' * 39}/{'r' * 60}:ref:refs/heads/main"}
    answer = ask(server, by_assertion(app, client.assertion(aud, app.client_id, **long)))
    described = refusal(answer, 401, "invalid_client", 700211)["error_description"]
    assert all(f"'{text}'" in described for text in (aud, *long.values())), described


def test_the_reason_is_a_sentence_of_its_own(server, app):
    client = Client()
    answer = ask(server, by_assertion(app, client.assertion("https://localhost/", app.client_id)))
    described = refusal(answer, 401, "invalid_client", 700027)["error_description"]
    assert " Reason: its thumbprint (x5t, x5t#S256) is that of no certificate of this application. " in described


def test_changes_of_an_application_count_at_once(server):
    app = App(server)
    token = ask(server, by_secret(app)).json()["access_token"]
    app.admin("PATCH", "", {"disabled": True})
    refusal(ask(server, by_secret(app)), 401, "unauthorized_client", 7000112)
    assert server.bearer("POST", "/identities?api-version=2023-10-01", token, secure=True).status == 401
    app.admin("PATCH", "", {"disabled": False})
    assert ask(server, by_secret(app)).status == 200


def test_a_token_of_ours_is_a_proof_where_it_is_registered(server, app):
    exchanger, chained = App(server), App(server)
    token = ask(server, by_secret(exchanger, scope="api://AzureADTokenExchange/.default")).json()["access_token"]
    claims = verified(server, token, "api://AzureADTokenExchange")
    refusal(ask(server, by_assertion(chained, token)), 401, "invalid_client", 700211)
    chained.admin("POST", "/federated", {"name": "chain", "issuer": claims["iss"], "subject": claims["sub"]})
    answer = ask(server, by_assertion(chained, token))
    assert answer.status == 200, answer
    assert verified(server, answer.json()["access_token"])["appid"] == chained.client_id


def test_large_and_odd_bodies(server, app):
    assert ask(server, b"x=" + b"a" * 70000).status == 413
    refusal(ask(server, b"grant_type=client_credentials&grant_type=x"), 400, "invalid_request", 90100)
    refusal(ask(server, b"%"), 400, "invalid_request", 90100)
    assert ask(server, {"grant_type": "x"}, headers={"Content-Type": "application/json"}).status == 415


def test_wrong_secrets_are_slowed_down(fresh_server):
    server = fresh_server()
    app = App(server)
    for i in range(100):
        refusal(ask(server, by_secret(app, client_secret=f"wrong-{i}")), 401, "invalid_client", 7000215)
    answer = ask(server, by_secret(app))
    refusal(answer, 429, "temporarily_unavailable", 90055)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    other = App(server)
    assert ask(server, by_secret(other)).status == 200


def test_settings_change_tokens_and_assertions(fresh_server):
    server = fresh_server("--issuer-token-seconds", "7300", "--issuer-version", "1.0", "--issuer-alg", "ES256",
                          "--issuer-jti-once")
    app, client = App(server), Client()
    document = ask(server, by_secret(app)).json()
    assert document["refresh_in"] == pytest.approx(3650, abs=1)
    token = document["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["ver"] == "1.0" and claims["iss"].endswith(f"/{app.tenant}/")
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    configuration = get(server, "/adfs/.well-known/openid-configuration").json()
    assert configuration["id_token_signing_alg_values_supported"] == ["ES256"]
    app.admin("POST", "/certificates", {"certificate": client.pem})
    assertion = client.assertion(configuration["token_endpoint"], app.client_id)
    assert ask(server, by_assertion(app, assertion)).status == 200
    refusal(ask(server, by_assertion(app, assertion)), 401, "invalid_client", 50013)


def test_nothing_secret_reaches_the_log(fresh_server):
    server = fresh_server("--log-level", "debug")
    app, client = App(server), Client()
    app.admin("POST", "/certificates", {"certificate": client.pem})
    assertion = client.assertion(f"https://localhost:{server.https_port}/adfs/oauth2/v2.0/token", app.client_id)
    pair = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode()
    basic = {"grant_type": "client_credentials", "scope": SCOPE}
    answers = [ask(server, by_secret(app)), ask(server, by_assertion(app, assertion)),
               ask(server, basic, headers={"Authorization": f"Basic {pair}"})]
    ask(server, by_secret(app, client_secret="hunter2-hunter2"))
    ask(server, by_secret(app), f"/adfs/oauth2/v2.0/token?client_secret={app.secret}")
    time.sleep(0.5)
    log = server.log()
    assert log.count('"issuer.token"') == 4 and '"issuer.refused"' in log
    assert f'"client":"{app.client_id}"' in log
    for hidden in [app.secret, "hunter2-hunter2", assertion, assertion.split(".")[2], pair,
                   *(answer.json()["access_token"].split(".")[2] for answer in answers)]:
        assert hidden not in log
