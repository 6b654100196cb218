"""The management API over the real port: what az, Terraform and the management clients do, with tokens of our issuer."""

import threading
import urllib.parse
import uuid

import pytest

COM, AUT, MSI, RES = "2025-09-01", "2022-04-01", "2024-11-30", "2022-12-01"
OWNER, READER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NEW = {"location": "global", "properties": {"dataLocation": "Europe"}}


class Arm:
    """Somebody with a token for the management API."""

    def __init__(self, server, role, scope="/"):
        made = server.admin("POST", "/admin/apps", {"name": f"arm {uuid.uuid4().hex[:8]}", "role": "none"})
        assert made.status == 201, made
        self.server, self.client = server, made.json()["clientId"]
        self.object_id = made.json()["objectId"]
        self.subscription = server.admin("GET", "/admin/tenant").json()["subscriptionId"]
        if role:
            given = server.admin("POST", "/admin/role-assignments",
                                 {"principal": self.client, "role": role, "scope": scope})
            assert given.status == 201, given
        self.token = self.get_token("https://management.azure.com/")

    def get_token(self, audience):
        got = self.server.admin("POST", "/admin/token", {"as": self.client, "resource": audience})
        assert got.status == 200, got
        return got.json()["token"]

    def group(self, name="callgate"):
        return f"/subscriptions/{self.subscription}/resourceGroups/{name}"

    def service(self, name, group="callgate"):
        return f"{self.group(group)}/providers/Microsoft.Communication/communicationServices/{name}"

    def ask(self, method, path, version, document=None, wanted=None, more=""):
        answer = self.server.bearer(method, f"{path}?api-version={version}{more}", self.token, document, secure=True)
        assert wanted is None or answer.status == wanted, answer
        return answer


@pytest.fixture(scope="module")
def owner(server):
    return Arm(server, "Owner")


def fresh():
    return f"arm{uuid.uuid4().hex[:10]}"


def test_a_resource_is_made_used_and_deleted(server, owner):
    name = fresh()
    made = owner.ask("PUT", owner.service(name), COM, NEW, 201)
    assert "Azure-AsyncOperation" not in made.headers and "Location" not in made.headers
    assert made.headers["x-ms-request-id"] == made.headers["x-ms-correlation-request-id"]
    assert made.json()["properties"]["hostName"] == f"{name}.localhost:{server.https_port}"
    keys = owner.ask("POST", owner.service(name) + "/listKeys", COM, wanted=200).json()
    assert keys["primaryConnectionString"] == \
        f"endpoint=https://{name}.localhost:{server.https_port}/;accesskey={keys['primaryKey']}"
    host = f"{name}.localhost:{server.http_port}"

    def create(key):
        return server.signed("POST", "/identities?api-version=2023-10-01", {}, key=key, host=host).status
    assert create(keys["primaryKey"]) == 201 and create(keys["secondaryKey"]) == 201
    renewed = owner.ask("POST", owner.service(name) + "/regenerateKey", COM, {"keyType": "secondary"}, 200).json()
    assert set(renewed) == {"secondaryKey", "secondaryConnectionString"}
    assert create(keys["secondaryKey"]) == 401 and create(renewed["secondaryKey"]) == 201
    owner.ask("PATCH", owner.service(name), COM, {"properties": {"disableLocalAuth": True}}, 200)
    assert create(keys["primaryKey"]) == 401
    owner.ask("PATCH", owner.service(name), COM, {"properties": {"disableLocalAuth": False}}, 200)
    assert create(keys["primaryKey"]) == 201
    owner.ask("DELETE", owner.service(name), COM, wanted=200)
    owner.ask("DELETE", owner.service(name), COM, wanted=204)
    assert create(keys["primaryKey"]) == 401
    assert keys["primaryKey"] not in server.log() and renewed["secondaryKey"] not in server.log()


def test_one_name_for_many_at_once(owner):
    name, answers = fresh(), []

    def put(group):
        answers.append(owner.ask("PUT", owner.service(name, group), COM, NEW).status)
    threads = [threading.Thread(target=put, args=(f"g{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 7


def test_a_role_opens_the_data_plane_at_once(server, owner):
    reader, name = Arm(server, None), str(uuid.uuid4())
    data = reader.get_token("https://communication.azure.com/")

    def create():
        return server.bearer("POST", "/identities?api-version=2023-10-01", data, {}, secure=True).status
    assert create() == 403
    path = f"{owner.service('default')}/providers/Microsoft.Authorization/roleAssignments/{name}"
    role = f"/subscriptions/{owner.subscription}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"
    body = {"properties": {"roleDefinitionId": role, "principalId": reader.object_id}}
    owner.ask("PUT", "/" + path, AUT, body, 201)
    assert create() == 201
    owner.ask("PUT", path, AUT, body, 200)
    listed = owner.ask("GET", f"/subscriptions/{owner.subscription}/providers/Microsoft.Authorization/roleAssignments",
                       AUT, wanted=200, more="&$filter=" + urllib.parse.quote(f"principalId eq '{reader.object_id}'"))
    assert [one["name"] for one in listed.json()["value"]] == [name]
    # an owner of one resource may name others there, and nowhere else
    assert reader.ask("PUT", path.replace(name, str(uuid.uuid4())), AUT, body).status == 409
    assert reader.ask("PUT", f"/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", AUT,
                      body).status == 403
    owner.ask("DELETE", path, AUT, wanted=200)
    assert create() == 403


def test_who_has_one_resource_names_no_identity_that_is_not_his_to_read(server, owner):
    """The answer would show its ids; and that there is none sounds no different."""
    mine, theirs, ids = fresh(), fresh(), owner.group("shown")
    for name in (mine, theirs):
        owner.ask("PUT", owner.service(name), COM, {**NEW, "identity": {"type": "SystemAssigned"}}, 201)
    user = f"{ids}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{fresh()}"
    owner.ask("PUT", user, MSI, {"location": "global"}, 201)
    holder = Arm(server, "Contributor", owner.service(mine))

    def name(path, who=holder):
        return who.ask("PATCH", owner.service(mine), COM,
                       {"identity": {"type": "UserAssigned", "userAssignedIdentities": {path: {}}}})
    for path in (user, user + "x", owner.service(theirs), owner.service(theirs + "x")):
        answer = name(path)
        assert answer.status == 400 and answer.json()["error"]["message"] == \
            f"There is no user-assigned identity '{path}', or you may not read it."
    assert name(owner.service(theirs), owner).status == 400, "it is a resource's own"
    assert name(user, owner).status == 200
    assert name(user).status == 200, "it was there"
    server.admin("POST", "/admin/role-assignments", {"principal": holder.client, "role": "Reader", "scope": ids})
    assert name(user + "x").status == 400
    holder.ask("PATCH", owner.service(mine), COM, {"identity": {"type": "None"}}, 200)
    assert name(user).status == 200


def test_who_has_no_role_is_told_what_is_missing(server, owner):
    nobody = Arm(server, None)
    answer = nobody.ask("GET", owner.service("default"), COM, wanted=403)
    message = answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == "AuthorizationFailed"
    assert nobody.client in message and nobody.object_id in message
    assert "'Microsoft.Communication/CommunicationServices/read'" in message
    data = owner.get_token("https://communication.azure.com/")
    answer = server.bearer("GET", f"{owner.service('default')}?api-version={COM}", data, secure=True)
    assert answer.status == 401 and answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=\"https://")


@pytest.mark.parametrize("lines", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "},
                                   {"Authorization": "HMAC-SHA256 SignedHeaders=x&Signature=y"}])
def test_who_has_no_token_is_told_of_which_tenant_to_get_one(server, owner, lines):
    answer = server.send("GET", f"{owner.service('default')}?api-version={COM}", lines, secure=True)
    assert answer.status == 401 and answer.json()["error"]["code"] == "InvalidAuthenticationToken", answer
    tenant = server.admin("GET", "/admin/tenant").json()["tenantId"]
    assert answer.headers.get_all("WWW-Authenticate") == [
        f'Bearer authorization_uri="https://localhost:{server.https_port}/{tenant}", error="invalid_token", '
        'error_description="The access token is missing, invalid, expired, or not for this service."']


def test_identities_get_tokens_and_take_their_roles_along(server, owner):
    name = fresh()
    path = f"{owner.group('ids')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    made = owner.ask("PUT", path, MSI, {"location": "westeurope"}, 201).json()
    assert made["properties"]["tenantId"] == server.admin("GET", "/admin/tenant").json()["tenantId"]
    role = f"/subscriptions/{owner.subscription}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"
    assignment = f"{owner.service('default')}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    owner.ask("PUT", assignment, AUT, {"properties": {"roleDefinitionId": role,
                                                     "principalId": made["properties"]["principalId"]}}, 201)
    got = server.admin("POST", "/admin/token", {"as": made["properties"]["clientId"],
                                                "resource": "https://communication.azure.com/"})
    token = got.json()["token"]
    assert server.bearer("POST", "/identities?api-version=2023-10-01", token, {}, secure=True).status == 201
    owner.ask("DELETE", path, MSI, wanted=200)
    owner.ask("GET", assignment, AUT, wanted=404)
    assert server.bearer("POST", "/identities?api-version=2023-10-01", token, {}, secure=True).status == 401


def test_what_clients_look_at_first(server, owner):
    told = server.send("GET", "/metadata/endpoints?api-version=2022-09-01", secure=True)
    assert told.status == 200 and told.json()["authentication"]["loginEndpoint"].startswith("https://localhost:")
    for version in ("2016-06-01", "2019-11-01", "2020-01-01", "2022-12-01"):
        listed = owner.ask("GET", "/subscriptions", version, wanted=200).json()["value"]
        assert [one["subscriptionId"] for one in listed] == [owner.subscription]
    owner.ask("HEAD", owner.group("made-by-az"), RES, wanted=404)
    owner.ask("PUT", owner.group("made-by-az"), RES, {"location": "westeurope"}, 201)
    owner.ask("HEAD", owner.group("MADE-by-az"), RES, wanted=204)
    owner.ask("DELETE", owner.group("made-by-az"), RES, wanted=200)
    owner.ask("HEAD", owner.group("made-by-az"), RES, wanted=404)
    # az resource create doubles a slash
    doubled = owner.service("default").replace("Microsoft.Communication/", "Microsoft.Communication//")
    owner.ask("GET", doubled, COM, wanted=200)


def test_odd_paths_are_refused_and_the_server_stays(server, owner):
    for odd in ("/subscriptions/%2e%2e/resourceGroups", "/subscriptions/" + "a" * 2000, owner.group("x" * 91),
                owner.group("%00"), owner.group("a%2Fb"), owner.service("..") + "/listKeys",
                owner.service("default") + "/providers/Microsoft.Authorization/roleAssignments/%27"):
        assert owner.ask("GET", odd, COM).status in (400, 404, 405), odd
    big = {"location": "global", "tags": {f"t{i}": "v" * 250 for i in range(400)}}
    assert owner.ask("PUT", owner.service(fresh()), COM, big).status in (400, 413)
    assert owner.ask("GET", owner.service("default"), COM).status == 200


SERVICES, IDENTITIES = "Microsoft.Communication/communicationServices", "Microsoft.ManagedIdentity/userAssignedIdentities"


@pytest.mark.parametrize("what, version", [(SERVICES, COM), (IDENTITIES, MSI)])
def test_what_lies_in_a_group_is_listed_where_there_is_one(owner, what, version):
    name = fresh()
    group, path = owner.group(name), f"{owner.group(name)}/providers/{what}"
    missing = {"code": "ResourceGroupNotFound", "message": f"Resource group '{name}' could not be found."}
    assert owner.ask("GET", path, version, wanted=404).json()["error"] == missing
    owner.ask("PUT", group, RES, {"location": "westeurope"}, 201)
    assert owner.ask("GET", path, version, wanted=200).json() == {"value": []}
    owner.ask("DELETE", group, RES, wanted=200)
    assert owner.ask("GET", path, version, wanted=404).json()["error"] == missing


def test_a_group_is_there_for_one_list_when_something_of_another_lies_in_it(owner):
    providers = owner.group(fresh()) + "/providers"
    owner.ask("PUT", f"{providers}/{IDENTITIES}/{fresh()}", MSI, {"location": "westeurope"}, 201)
    assert owner.ask("GET", f"{providers}/{SERVICES}", COM, wanted=200).json() == {"value": []}
    assert len(owner.ask("GET", f"{providers}/{IDENTITIES}", MSI, wanted=200).json()["value"]) == 1


def test_a_group_is_deleted_once(owner):
    """Whoever comes too late is told so, also when both have seen the group."""
    for _ in range(5):
        path = owner.group(fresh())
        owner.ask("PUT", path, RES, {"location": "westeurope"}, 201)
        answers = []
        threads = [threading.Thread(target=lambda at=path: answers.append(owner.ask("DELETE", at, RES)))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200] + [404] * 7
        assert {answer.json()["error"]["code"] for answer in answers if answer.status == 404} == {"ResourceGroupNotFound"}
