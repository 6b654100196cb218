"""Principals, roles and trusted issuers through the administration and the command line, to the token that counts."""

import http.client
import json
import re
import subprocess
import time
import urllib.parse
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from test_issuer import SCOPE, Client, ask, by_assertion

IDENTITIES = "/identities?api-version=2023-10-01"


def cli(server, *args, code=0):
    told = server.cli(*args)
    assert told.returncode == code, told
    return told.stdout


def data(server, *args):
    return json.loads(cli(server, *args, "--json"))


def get_token(server, name):
    return cli(server, "token", "get", "--as", name, "--raw").strip()


def status_with(server, token):
    return server.bearer("POST", IDENTITIES, token, {}, secure=True).status


def test_what_a_role_allows_counts_on_the_next_request(server):
    made = data(server, "app", "create", "role-taker", "--role", "none")
    assert made["roles"] == [] and re.fullmatch(r"[0-9a-f-]{36}", made["tenantId"])
    token = get_token(server, "role-taker")
    assert status_with(server, token) == 403
    given = data(server, "role", "assign", "role-taker", "Callgate Identity Contributor")
    assert status_with(server, token) == 201
    cli(server, "role", "remove", "role-taker", "callgate identity contributor")
    assert status_with(server, token) == 403
    cli(server, "role", "remove", given["id"], code=4)
    cli(server, "role", "assign", "nobody-of-this-name", "Contributor", code=4)
    cli(server, "role", "list", "--principal", "nobody-of-this-name", code=4)
    cli(server, "role", "remove", "nobody-of-this-name", "Contributor", code=4)
    cli(server, "role", "assign", "role-taker", "No Such Role", code=4)
    data(server, "role", "assign", "role-taker", "Contributor", "--scope", "/")
    assert status_with(server, token) == 201
    cli(server, "app", "disable", "role-taker")
    assert status_with(server, token) == 401
    cli(server, "app", "enable", "role-taker")
    assert status_with(server, token) == 201
    cli(server, "app", "revoke", "role-taker")
    assert status_with(server, token) == 401
    new = get_token(server, "role-taker")
    assert status_with(server, new) == 201
    assert "issued before the time from which" in server.cli("token", "inspect", token).stdout
    assert data(server, "token", "inspect", new)["state"] == "alive"
    cli(server, "app", "delete", "role-taker")
    assert status_with(server, token) == 401


def test_a_role_of_another_resource_is_no_role_here(server):
    server.new_resource("elsewhere")
    cli(server, "app", "create", "traveller", "--role", "none")
    cli(server, "role", "assign", "traveller", "Contributor", "--resource", "elsewhere")
    assert status_with(server, get_token(server, "traveller")) == 403


def test_the_command_that_a_refusal_names_helps(server):
    named = server.new_resource("explained")
    made = data(server, "app", "create", "puzzled", "--role", "none")
    group = f"/subscriptions/{server.admin('GET', '/admin/tenant').json()['subscriptionId']}/resourceGroups/g"
    tries = [("https://communication.azure.com/", "POST", IDENTITIES, 201),
             ("https://management.azure.com/", "GET",
              f"{group}/providers/Microsoft.Communication/communicationServices?api-version=2025-09-01", 404)]  # it may look, and there is none
    for audience, method, target, good in tries:
        token = cli(server, "token", "get", "--as", "puzzled", "--audience", audience, "--raw").strip()
        headers = {"Authorization": f"Bearer {token}", "Host": named.host(server.https_port)}
        refused = server.send(method, target, headers, secure=True)
        assert refused.status == 403 and made["objectId"] in refused.headers["x-callgate-explain"], refused
        command = re.search(r": callgate (role assign .*) gives it a role$", refused.headers["x-callgate-explain"])[1]
        cli(server, *("Contributor" if word == "ROLE" else word for word in command.split()))
        assert server.send(method, target, headers, secure=True).status == good
        assert status_with(server, get_token(server, "puzzled")) == 403, "on the default resource it has none"


def test_a_role_is_taken_where_it_was_meant(server):
    server.new_resource("taken")
    cli(server, "app", "create", "twice", "--role", "none")
    places = [("--scope", "/"), ("--resource", "taken"), ()]
    for place in places:
        cli(server, "role", "assign", "twice", "Reader", *place)

    def scopes():
        return sorted(item["scope"].rsplit("/", 1)[1] for item in data(server, "role", "list", "--principal", "twice"))

    assert scopes() == ["", "default", "taken"]
    told = server.cli("role", "remove", "twice", "Reader")
    assert told.returncode == 0 and "twice has the role at /" in told.stderr and scopes() == ["", "taken"], told
    told = server.cli("role", "remove", "twice", "Reader")
    assert told.returncode == 4 and "has no role Reader there" in told.stderr and scopes() == ["", "taken"], told
    cli(server, "role", "remove", "twice", "Reader", "--resource", "taken", "--scope", "/", code=2)
    cli(server, "role", "remove", "twice", "reader", "--resource", "taken")
    assert scopes() == [""]
    cli(server, "role", "remove", "twice", "Reader", "--scope", "/")
    assert scopes() == []


def test_a_role_is_given_where_it_can_count(server):
    subscription = f"/subscriptions/{server.admin('GET', '/admin/tenant').json()['subscriptionId']}"
    cli(server, "app", "create", "placed", "--role", "none")

    def status(scope):
        body = {"principal": "placed", "role": "Reader", "scope": scope}
        return server.admin("POST", "/admin/role-assignments", body).status

    for scope in ("/", subscription, f"{subscription.upper()}/resourceGroups/some",
                  f"{subscription}/resourceGroups/some/providers/Microsoft.Communication/communicationServices/later"):
        assert status(scope) == 201, scope
    for scope in ("/subscriptions", "/subscriptions/00000000-0000-4000-8000-000000000000", f"{subscription}0",
                  f"{subscription}/resourceGroup/some", f"{subscription}/resourceGroups", "/resourceGroups/some"):
        assert status(scope) == 400, scope


def test_a_secret_lives_until_it_is_removed(server):
    made = data(server, "app", "create", "keeper", "--role", "Callgate Identity Contributor", "--secret")
    assert made["variables"]["AZURE_CLIENT_SECRET"] == made["secret"]
    assert made["variables"]["AZURE_AUTHORITY_HOST"] == f"https://localhost:{server.https_port}"
    fields = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": made["clientId"],
              "client_secret": made["secret"]}
    answer = ask(server, fields)
    assert answer.status == 200 and status_with(server, answer.json()["access_token"]) == 201
    shown = data(server, "app", "show", "keeper")
    assert made["secret"] not in json.dumps(shown) and made["secret"] not in server.log()
    cli(server, "app", "secret", "remove", "keeper", shown["secrets"][0]["id"])
    assert ask(server, fields).status == 401
    assert status_with(server, answer.json()["access_token"]) == 401


def test_a_certificate_from_a_file_signs_in(server, tmp_path):
    client, pem = Client(), tmp_path / "client.pem"
    pem.write_text(client.pem)
    made = data(server, "app", "create", "certified", "--role", "Callgate Identity Contributor")
    shown = data(server, "app", "cert", "add", "certified", str(pem))
    endpoint = f"https://localhost:{server.https_port}/adfs/oauth2/v2.0/token"
    answer = ask(server, by_assertion(type("App", (), made | {"client_id": made["clientId"]}),
                                      client.assertion(endpoint, made["clientId"])))
    assert answer.status == 200, answer
    cli(server, "app", "cert", "remove", "certified", shown["certificates"][0]["id"])
    assert status_with(server, answer.json()["access_token"]) == 401
    key = tmp_path / "key.pem"
    key.write_text(client.pem + "-----BEGIN PRIVATE KEY-----\n")
    cli(server, "app", "cert", "add", "certified", str(key), code=5)


def test_a_certificate_that_no_client_signs_with_is_refused(server):
    made = data(server, "app", "create", "curved", "--role", "none")
    client = Client(key=ec.generate_private_key(ec.SECP384R1()))
    answer = server.admin("POST", f"/admin/apps/{made['clientId']}/certificates", {"certificate": client.pem})
    assert answer.status == 400 and "neither RSA nor P-256" in answer.json()["error"]["message"], answer


@pytest.mark.parametrize("address", ["http://10.0.0.1", "https://issuer.example/?x=1", "https://me@issuer.example",
                                     "https://issuer.example/#x", "https://issuer example", "ftp://issuer.example"])
def test_a_federated_issuer_is_an_address_that_can_be_asked(server, address):
    made = server.admin("POST", "/admin/apps", {"name": f"federal-{time.monotonic_ns()}", "role": "none"}).json()
    path = f"/admin/apps/{made['clientId']}/federated"
    answer = server.admin("POST", path, {"name": "one", "issuer": address, "subject": "worker"})
    assert answer.status == 400 and answer.json()["error"]["target"] == "$.issuer", answer


class Issuer:
    """Another issuer, whose key set lies in a file."""

    def __init__(self, folder, url="https://issuer.example"):
        self.url, self.key, self.file = url, ec.generate_private_key(ec.SECP256R1()), folder / "keys.json"
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        self.file.write_text(json.dumps({"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]}))

    def token(self, **claims):
        payload = {"iss": self.url, "aud": "callgate", "exp": int(time.time()) + 600, **claims}
        return jwt.encode(payload, self.key, "ES256", {"kid": "one"})


@pytest.fixture
def issuer(server, tmp_path):
    one = Issuer(tmp_path)
    yield one
    server.cli("issuer", "remove", one.url)


def test_a_trusted_issuers_token_means_a_principal(server, issuer):
    token = issuer.token(sub="robot")
    assert status_with(server, token) == 401
    made = data(server, "issuer", "add", issuer.url, "--audience", "callgate", "--subject", "robot", "--name", "robot-1",
                "--jwks-file", str(issuer.file))
    assert made["test"]["ok"] and made["test"]["kids"] == ["one"] and made["principalName"] == "robot-1"
    assert status_with(server, token) == 403
    cli(server, "role", "assign", made["objectId"], "Callgate Identity Contributor")
    assert status_with(server, token) == 201
    assert status_with(server, issuer.token(sub="Robot")) == 401
    assert status_with(server, issuer.token(sub="robot", aud="other")) == 401
    told = data(server, "token", "inspect", token)
    assert told["issuer"] == "trusted (oidc)" and told["principal"] == "robot-1 (foreign)", told
    assert told["state"] == "alive" and told["roles"] == "Callgate Identity Contributor"
    told = json.loads(server.cli("token", "inspect", issuer.token(sub="Robot"), "--json").stdout)
    assert told["principal"] == "not known: only a token that counts tells whom it means", told
    assert told["state"] == "dead" and told["roles"] == "not known"
    cli(server, "app", "disable", "robot-1")
    assert status_with(server, token) == 401
    cli(server, "app", "enable", "robot-1")
    # a further rule, by a claim
    data(server, "issuer", "add", issuer.url, "--claim", "team=red", "--name", "reds")
    cli(server, "role", "assign", "reds", "Callgate Identity Contributor")
    assert status_with(server, issuer.token(sub="x", team=["blue", "red"])) == 201
    assert status_with(server, issuer.token(sub="x", team="blue")) == 401
    assert json.loads(cli(server, "issuer", "test", issuer.url, "--json"))["ok"] is True
    issuer.file.write_text("{}")
    assert server.cli("issuer", "test", issuer.url).returncode == 1
    cli(server, "issuer", "remove", issuer.url)
    assert status_with(server, token) == 401
    cli(server, "app", "show", "robot-1", code=4)


def test_an_issuer_that_can_t_be_asked_is_not_trusted(server, tmp_path):
    told = server.cli("issuer", "add", "https://127.0.0.1:9", "--audience", "a", "--subject", "s")
    assert told.returncode == 1 and "can't be had" in told.stderr, told
    (tmp_path / "empty.json").write_text('{"keys":[]}')
    told = server.cli("issuer", "add", "https://empty.example", "--audience", "a", "--subject", "s", "--jwks-file",
                      str(tmp_path / "empty.json"))
    assert told.returncode == 1, told
    assert data(server, "issuer", "list") == []


def test_the_servers_own_issuer_needs_no_trust(server):
    tenant = server.admin("GET", "/admin/tenant").json()["tenantId"]
    told = server.cli("issuer", "add", f"https://localhost:{server.https_port}/{tenant}/v2.0", "--audience", "a",
                      "--subject", "s")
    assert told.returncode == 1 and "this server's own issuer" in told.stderr, told
    assert data(server, "issuer", "list") == []


def test_trust_and_secrets_are_the_business_of_an_administrator_nearby(server):
    rows = json.loads(subprocess.run([server.program, "routes", "--json"], capture_output=True, check=True).stdout)
    near = {(row["method"], row["path"]) for row in rows if row["need"] == "local"}
    assert {("POST", "/admin/issuers"), ("DELETE", "/admin/issuers/{id}"), ("POST", "/admin/token"),
            ("GET", "/admin/identities/{name}:header"), ("POST", "/admin/identities/{name}:renewHeader"),
            ("POST", "/admin/identities/{name}:serve")} <= near


def test_a_rotated_issuer_key_leaves_tokens_alive(server):
    cli(server, "app", "create", "long-lived", "--role", "Callgate Identity Contributor")
    token = get_token(server, "long-lived")
    rotated = data(server, "key", "rotate", "--purpose", "issuer")
    fresh = get_token(server, "long-lived")
    assert jwt.get_unverified_header(fresh)["kid"] == rotated["kid"] != jwt.get_unverified_header(token)["kid"]
    assert status_with(server, token) == status_with(server, fresh) == 201


def test_variables_for_clients(server):
    cli(server, "app", "create", "env-app", "--role", "none")
    names = json.loads(cli(server, "env", "--app", "env-app", "--shell", "json"))
    assert names["AZURE_TENANT_ID"] == "adfs" and names["AZURE_AUTHORITY_HOST"] == f"https://localhost:{server.https_port}"
    assert "AZURE_CLIENT_SECRET" not in names and "COMMUNICATION_SERVICES_CONNECTION_STRING" not in names
    assert "CALLGATE_ADMIN_TOKEN_FILE" not in names, "who needs roles gets no way around them"
    cli(server, "env", "--identity", "default", code=3)


def test_the_identity_listener_is_named_for_clients(fresh_server):
    server = fresh_server("--imds", "127.0.0.1:0")
    names = json.loads(cli(server, "env", "--identity", "default", "--shell", "json"))
    port = json.loads((Path(server.data) / "server.json").read_text())["imds"]["port"]
    assert names["IDENTITY_ENDPOINT"] == f"http://127.0.0.1:{port}/msi/token"
    query = urllib.parse.urlencode({"api-version": "2019-08-01", "resource": "https://communication.azure.com/"})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/msi/token?{query}", headers={"X-IDENTITY-HEADER": names["IDENTITY_HEADER"]})
    assert connection.getresponse().status == 200
    connection.close()


def test_secrets_stay_out_of_the_log(server):
    made = data(server, "app", "create", "quiet", "--secret")
    header = server.admin("GET", "/admin/identities/default:header").json()["header"]
    token = get_token(server, "quiet")
    log = server.log()
    assert "application.created" in log and "token.issued" in log
    for secret in (made["secret"], header, token, token.split(".")[2]):
        assert secret not in log
