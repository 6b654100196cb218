"""The clients of the resource manager: resources, roles and user-assigned identities, by their official packages."""

import uuid

import pytest
from azure.communication.identity import CommunicationIdentityClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from entra_support import ALONE, BASE, SCENE, SCOPE
from support import NEWEST, claims

NEW = {"location": "Global", "properties": {"dataLocation": "Europe"}} if NEWEST else {
    "location": "Global", "data_location": "Europe"}
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


def credential_of(app):
    return ClientSecretCredential(SCENE.tenant, app.clientId, app.secret, **ALONE)


def manager(client_class, app=SCENE.owner):
    """The scope stays that of Azure's own management API."""
    return client_class(credential_of(app), SCENE.subscription, base_url=BASE, retry_total=0)


def communication(app=SCENE.owner):
    client = manager(CommunicationServiceManagementClient, app)
    return getattr(client, "communication_services", None) or client.communication_service


def of(resource, name: str):
    """A property of a resource, wherever this release keeps it."""
    return getattr(resource, name, None) or getattr(resource.properties, name)


def refused(status: int, code: str | None = None):
    class Check:
        def __enter__(self):
            self.raises = pytest.raises(HttpResponseError)
            self.seen = self.raises.__enter__()

        def __exit__(self, *what):
            done = self.raises.__exit__(*what)
            assert self.seen.value.status_code == status, self.seen.value
            assert code is None or self.seen.value.error.code == code
            return done

    return Check()


@pytest.fixture
def resource():
    services, name = communication(), f"judge-{uuid.uuid4().hex[:8]}"
    made = services.begin_create_or_update(SCENE.group, name, NEW).result()
    yield made
    services.begin_delete(SCENE.group, name).result()


def test_a_name_is_free_then_taken(resource):
    kind = "Microsoft.Communication/CommunicationServices"
    ask = communication().check_name_availability
    assert ask({"name": f"free-{uuid.uuid4().hex[:8]}", "type": kind}).name_available is True
    taken = ask({"name": resource.name, "type": kind})
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")


def test_create_gives_the_resource_at_once(resource):
    assert of(resource, "provisioning_state") == "Succeeded"
    assert of(resource, "data_location") == "Europe"
    assert of(resource, "host_name").startswith(f"{resource.name}.")
    uuid.UUID(of(resource, "immutable_resource_id"))


def test_get_and_both_lists_find_it(resource):
    services = communication()
    assert services.get(SCENE.group, resource.name.upper()).name == resource.name
    assert resource.name in [one.name for one in services.list_by_resource_group(SCENE.group)]
    assert {resource.name, SCENE.resource} <= {one.name for one in services.list_by_subscription()}


def test_update_changes_the_tags_and_nothing_else(resource):
    changed = communication().update(SCENE.group, resource.name, {"tags": {"stage": "test"}})
    assert changed.tags == {"stage": "test"}
    assert of(changed, "immutable_resource_id") == of(resource, "immutable_resource_id")


def key_list(resource):
    return communication().list_keys(SCENE.group, resource.name)


@pytest.fixture
def data_plane(monkeypatch):
    """Clients of a host below localhost, which RFC 6761 says is this machine; not every resolver knows."""
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: real(
        "localhost" if str(host).endswith(".localhost") else host, *more, **named))
    return CommunicationIdentityClient.from_connection_string


def test_the_listed_keys_open_the_data_plane(resource, data_plane):
    keys = key_list(resource)
    for text in (keys.primary_connection_string, keys.secondary_connection_string):
        user = data_plane(text).create_user()
        assert of(resource, "immutable_resource_id") in user.properties["id"]


def test_regenerate_key_replaces_one_key_at_once_and_leaves_the_other(resource, data_plane):
    before = key_list(resource)
    renewed = communication().regenerate_key(SCENE.group, resource.name, {"keyType": "Primary"} if NEWEST else {
        "key_type": "Primary"})
    assert renewed.primary_key not in (None, before.primary_key) and renewed.secondary_key is None
    with refused(401):
        data_plane(before.primary_connection_string).create_user()
    data_plane(before.secondary_connection_string).create_user()
    data_plane(renewed.primary_connection_string).create_user()


def test_delete_ends_the_resource_and_a_second_one_is_no_error():
    services, name = communication(), f"gone-{uuid.uuid4().hex[:8]}"
    services.begin_create_or_update(SCENE.group, name, NEW).result()
    services.begin_delete(SCENE.group, name).result()
    with pytest.raises(ResourceNotFoundError):
        services.get(SCENE.group, name)
    services.begin_delete(SCENE.group, name).result()


def test_a_reader_sees_the_resource_but_not_its_keys():
    services = communication(SCENE.reader)
    assert services.get(SCENE.group, SCENE.resource).name == SCENE.resource
    with refused(403, "AuthorizationFailed"):
        services.list_keys(SCENE.group, SCENE.resource)
    with refused(403, "AuthorizationFailed"):
        services.update(SCENE.group, SCENE.resource, {"tags": {"a": "b"}})


def test_a_role_assignment_opens_the_data_plane_at_once_and_its_end_closes_it():
    client = manager(AuthorizationManagementClient)
    calls = CommunicationIdentityClient(BASE, credential_of(SCENE.outsider), retry_total=0)
    roles = list(client.role_definitions.list(SCENE.resourceId, filter="roleName eq 'Contributor'"))
    assert [role.name for role in roles] == [CONTRIBUTOR]
    name = str(uuid.uuid4())
    content = {"properties": {"roleDefinitionId": roles[0].id, "principalId": SCENE.outsider.objectId}} if NEWEST else {
        "role_definition_id": roles[0].id, "principal_id": SCENE.outsider.objectId}
    with refused(403):
        calls.create_user()
    made = client.role_assignments.create(SCENE.resourceId, name, content)
    assert made.name == name
    calls.create_user()
    listed = client.role_assignments.list_for_scope(
        SCENE.resourceId, filter=f"principalId eq '{SCENE.outsider.objectId}'")
    assert [one.name for one in listed] == [name]
    client.role_assignments.delete(SCENE.resourceId, name)
    with refused(403):
        calls.create_user()


def test_a_user_assigned_identity_takes_a_foreign_token_for_its_own(monkeypatch):
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", BASE)
    client, name = manager(ManagedServiceIdentityClient), f"identity-{uuid.uuid4().hex[:8]}"
    made = client.user_assigned_identities.create_or_update(SCENE.group, name, {"location": "global"})
    assert name in [one.name for one in client.user_assigned_identities.list_by_resource_group(SCENE.group)]
    token = open(SCENE.worker.federated).read()
    said = claims(token)
    content = {"issuer": said["iss"], "subject": said["sub"], "audiences": ["api://AzureADTokenExchange"]}
    client.federated_identity_credentials.create_or_update(
        SCENE.group, name, "of-subject", {"properties": content} if NEWEST else content)
    credential = ClientAssertionCredential("adfs", of(made, "client_id"), lambda: token)
    assert claims(credential.get_token(SCOPE).token)["oid"] == of(made, "principal_id")
    client.federated_identity_credentials.delete(SCENE.group, name, "of-subject")
    client.user_assigned_identities.delete(SCENE.group, name)
    with pytest.raises(ResourceNotFoundError):
        client.user_assigned_identities.get(SCENE.group, name)
