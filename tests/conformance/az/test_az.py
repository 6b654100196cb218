"""The az command line, told once where this cloud is: signing in, groups, resources, roles, identities, plain requests.

It asks Microsoft Graph for the names of principals; there is none here, so they are given by their object ids.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

SCENE = json.loads(Path(os.environ["CALLGATE_SCENE"]).read_text(), object_hook=lambda made: SimpleNamespace(**made))
KEPT = json.loads((Path(__file__).resolve().parents[1] / "versions.json").read_text())["sdk_az"]["newest"]
BASE = SCENE.endpoint.rstrip("/")
KIND = ("--resource-type", "Microsoft.Communication/communicationServices")
NEW = json.dumps({"location": "Global", "properties": {"dataLocation": "Europe"}})
OUTSIDER = ("--assignee-object-id", SCENE.outsider.objectId)


class Az:
    """az with a configuration of its own; an answer is what it printed, an error its words."""

    def __init__(self, folder: Path):
        self.environment = {
            **os.environ, "AZURE_CONFIG_DIR": str(folder), "REQUESTS_CA_BUNDLE": SCENE.caBundle,
            "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "yes", "AZURE_CORE_NO_COLOR": "yes",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([os.environ["AZ_PROGRAM"], *words, "--output", "json"], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    def __call__(self, *words: str):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def fails(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode != 0, done.stdout
        return done.stderr


def signed_in(folder: Path, who) -> Az:
    az = Az(folder)
    az("cloud", "register", "--name", "callgate", "--endpoint-resource-manager", BASE, "--endpoint-active-directory", BASE,
       "--endpoint-active-directory-resource-id", "https://management.azure.com/",
       "--endpoint-active-directory-graph-resource-id", BASE, "--endpoint-microsoft-graph-resource-id", BASE)
    az("cloud", "set", "--name", "callgate")
    az("login", "--service-principal", "--username", who.clientId, f"--password={who.secret}", "--tenant", SCENE.tenant)
    return az


@pytest.fixture(scope="session")
def az(tmp_path_factory) -> Az:
    return signed_in(tmp_path_factory.mktemp("owner"), SCENE.owner)


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def group(az):
    name = unique("group")
    yield az("group", "create", "--name", name, "--location", "global")["name"]
    az("group", "delete", "--name", name, "--yes")


@pytest.fixture
def resource(az, group):
    place = ("--resource-group", group, "--name", unique("az"), *KIND)
    made = az("resource", "create", *place, "--location", "global", "--is-full-object", "--properties", NEW)
    yield SimpleNamespace(group=group, place=place, id=made["id"], name=made["name"], properties=made["properties"])
    az("resource", "delete", *place)


def test_the_installed_package_is_that_of_the_kept_table(az):
    assert az("version")["azure-cli"] == KEPT["packages"]["azure-cli"]


def test_login_finds_the_subscription_and_the_tenant(az):
    account = az("account", "show")
    assert (account["id"], account["tenantId"]) == (SCENE.subscription, SCENE.tenant)
    assert (account["user"]["name"], account["environmentName"]) == (SCENE.owner.clientId, "callgate")


def test_login_with_a_certificate(tmp_path):
    az = Az(tmp_path)
    az("cloud", "register", "--name", "callgate", "--endpoint-resource-manager", BASE, "--endpoint-active-directory", BASE,
       "--endpoint-active-directory-resource-id", "https://management.azure.com/")
    az("cloud", "set", "--name", "callgate")
    accounts = az("login", "--service-principal", "--username", SCENE.worker.clientId, "--certificate",
                  SCENE.worker.certificate, "--tenant", SCENE.tenant)
    assert [one["id"] for one in accounts] == [SCENE.subscription]


def test_a_wrong_secret_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="7000215"):
        signed_in(tmp_path, SimpleNamespace(clientId=SCENE.owner.clientId, secret="wrong"))


def test_a_token_for_the_data_plane(az):
    given = az("account", "get-access-token", "--resource", "https://communication.azure.com")
    assert (given["tokenType"], given["tenant"]) == ("Bearer", SCENE.tenant)
    assert given["accessToken"].count(".") == 2


def test_groups(az, group):
    assert group in [one["name"] for one in az("group", "list")]
    assert az("group", "exists", "--name", group) is True
    assert az("group", "exists", "--name", unique("none")) is False
    assert az("group", "update", "--name", group, "--set", "tags.team=judges")["tags"] == {"team": "judges"}


def test_a_resource_is_created_shown_and_listed(az, resource):
    assert resource.properties["provisioningState"] == "Succeeded"
    shown = az("resource", "show", *resource.place)
    assert (shown["id"], shown["properties"]["dataLocation"]) == (resource.id, "Europe")
    assert [one["id"] for one in az("resource", "list", "--resource-group", resource.group)] == [resource.id]
    everywhere = {one["name"] for one in az("resource", "list", *KIND)}
    assert {resource.name, SCENE.resource} <= everywhere
    assert [one["id"] for one in az("resource", "list", "--name", resource.name)] == [resource.id]


def test_a_resource_is_tagged(az, resource):
    assert az("resource", "tag", *resource.place, "--tags", "stage=test")["tags"] == {"stage": "test"}
    assert az("resource", "show", *resource.place)["tags"] == {"stage": "test"}


def test_keys_by_a_plain_request(az, resource):
    keys = az("rest", "--method", "post", "--url", f"{resource.id}/listKeys?api-version=2023-04-01")
    assert keys["primaryConnectionString"].endswith(f";accesskey={keys['primaryKey']}")
    renew = ("rest", "--method", "post", "--url", f"{resource.id}/regenerateKey?api-version=2023-04-01", "--body",
             '{"keyType": "Secondary"}')
    assert az(*renew)["secondaryKey"] != keys["secondaryKey"]


def test_a_deleted_resource_is_gone(az, group):
    place = ("--resource-group", group, "--name", unique("gone"), *KIND)
    az("resource", "create", *place, "--location", "global", "--is-full-object", "--properties", NEW)
    az("resource", "delete", *place)
    assert "ResourceNotFound" in az.fails("resource", "show", *place)


def test_a_role_is_assigned_listed_and_taken_away(az):
    here = ("--scope", SCENE.resourceId)
    made = az("role", "assignment", "create", *OUTSIDER, "--assignee-principal-type", "ServicePrincipal", "--role",
              "Contributor", *here)
    listed = ("role", "assignment", "list", *here, *OUTSIDER, "--fill-principal-name", "false")
    assert [(one["id"], one["roleDefinitionName"]) for one in az(*listed)] == [(made["id"], "Contributor")]
    az("role", "assignment", "delete", *OUTSIDER, "--role", "Contributor", *here)
    assert az(*listed) == []


def test_roles_are_found_by_name(az):
    assert [one["roleName"] for one in az("role", "definition", "list", "--name", "Contributor")] == ["Contributor"]


def test_an_identity_is_created_shown_listed_and_deleted(az, group):
    place = ("--resource-group", group, "--name", unique("identity"))
    made = az("identity", "create", *place, "--location", "global")
    assert made["tenantId"] == SCENE.tenant
    assert az("identity", "show", *place)["clientId"] == made["clientId"]
    assert [one["principalId"] for one in az("identity", "list", "--resource-group", group)] == [made["principalId"]]
    credential = ("--identity-name", made["name"], "--resource-group", group)
    az("identity", "federated-credential", "create", *credential, "--name", "build", "--issuer",
       "https://issuer.example", "--subject", "repo:judges", "--audiences", "api://AzureADTokenExchange")
    assert [one["subject"] for one in az("identity", "federated-credential", "list", *credential)] == ["repo:judges"]
    az("identity", "federated-credential", "delete", *credential, "--name", "build", "--yes")
    az("identity", "delete", *place)
    assert "NotFound" in az.fails("identity", "show", *place)


def test_a_reader_may_look_and_no_more(tmp_path):
    az = signed_in(tmp_path, SCENE.reader)
    url = f"{SCENE.resourceId}/listKeys?api-version=2023-04-01"
    assert az("resource", "show", "--ids", SCENE.resourceId)["name"] == SCENE.resource
    assert "AuthorizationFailed" in az.fails("rest", "--method", "post", "--url", url)
