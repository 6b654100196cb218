"""Other issuers and the trust in them: what tests of their tokens share."""

import pytest
from oidc_issuer import AUDIENCE, Issuer

TARGET = "/identities?api-version=2023-10-01"
ALGS = ("RS256", "ES256", "EdDSA", "PS256")
SUBJECT = "build-agent"


def add(server, issuer, **members):
    body = {"issuer": issuer.url, "audiences": [AUDIENCE], "subject": SUBJECT, **members}
    if issuer.ca_file:
        body.setdefault("caFile", issuer.ca_file)
    return server.admin("POST", "/admin/issuers", {name: value for name, value in body.items() if value is not None})


def add_rule(server, issuer, subject):
    return server.admin("POST", "/admin/issuers", {"issuer": issuer.url, "audiences": [AUDIENCE], "subject": subject})


def trust(server, issuer, role="Contributor", **members) -> dict:
    """The issuer with one rule, whose principal has a role on the default resource."""
    made = add(server, issuer, **members)
    assert made.status == 201, made
    if role:
        given = server.admin("POST", "/admin/role-assignments", {"principal": made.json()["objectId"], "role": role})
        assert given.status == 201, given
    return made.json()


def whoami(server, token, secure=False, connection=None):
    return server.send("GET", "/admin/whoami", {"Authorization": f"Bearer {token}"}, b"", connection, secure)


def refused(answer, reason):
    assert answer.status == 401, answer
    assert answer.json()["error"]["code"] in ("Denied", "Unauthorized"), answer
    explain = answer.headers["x-callgate-explain"]
    assert reason in explain, explain
    return explain


@pytest.fixture(scope="module")
def issuer(server):
    with Issuer(algs=ALGS) as one:
        one.about = trust(server, one, algorithms=list(ALGS))
        yield one


@pytest.fixture(scope="module")
def stranger():
    """Nobody trusts it. It must never be asked for anything."""
    with Issuer(algs=ALGS) as one:
        yield one
        assert not one.count, "an issuer that nobody trusts was asked"


@pytest.fixture
def own_issuer():
    """A function that starts issuers of a test alone."""
    running = []

    def start(**options):
        running.append(Issuer(**options))
        return running[-1]

    yield start
    for one in running:
        one.close()
