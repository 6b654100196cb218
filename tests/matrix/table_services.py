"""The lines of the issuer, the identity endpoints and the management API: what each route may answer, by hand, from the
contract. Placeholders as in table.py, and {sub}, the subscription, {principal}, an application made for the request."""

import re

from table import ADMIN_DOOR, PUBLIC_DOOR, SOCKET, Line

ISSUER = "issuer"                     # no credential is looked at before the handler
ENDPOINT = "identity endpoint"        # on doors of its own alone
ARM = "management API"                # a management token whose principal has the action
ARM_ANY = "management API, anybody"   # any management token
ARM_ROOT = "management API, root"     # nobody here has a role at the root

S = "/subscriptions/{subscription}"
G = S + "/resourceGroups/{group}"
C, A, M = "/providers/Microsoft.Communication", "/providers/Microsoft.Authorization", "/providers/Microsoft.ManagedIdentity"
N = G + C + "/communicationServices/{name}"
U = G + M + "/userAssignedIdentities/{name}"
COM, AUT, MSI, RES = "2020-08-20-preview", "2015-07-01", "2015-08-31-preview", "2015-01-01"
ASKED = {COM: "2023-04-01", AUT: "2022-04-01", MSI: "2023-01-31", RES: "2021-04-01"}
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
NEW = {"location": "global", "properties": {"dataLocation": "Europe"}}
FORM = "application/x-www-form-urlencoded"


def arm(method, path, version, status, *, body=None, group=ARM, **names):
    """A line whose target is the row's path with these names in it."""
    values = {"subscription": "{sub}", "group": names.pop("group_name", "callgate"), "name": "default", **names}
    target = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), path)
    return {(method, path, version): Line(group, f"{target}?api-version={ASKED[version]}", status, body)}


def roles_at(path, group=ARM):
    assignment = {"properties": {"roleDefinitionId": f"{A}/roleDefinitions/{OWNER}", "principalId": "{principal}"}}
    return {
        **arm("GET", path + A + "/roleAssignments", AUT, 200, group=group),
        **arm("PUT", path + A + "/roleAssignments/{id}", AUT, 201, body=assignment, id="{object}", group=group),
        **arm("GET", path + A + "/roleAssignments/{id}", AUT, 404, id="{object}", group=group),
        **arm("DELETE", path + A + "/roleAssignments/{id}", AUT, 204, id="{object}", group=group),
        **arm("GET", path + A + "/roleDefinitions", AUT, 200, group=group),
        **arm("GET", path + A + "/roleDefinitions/{id}", AUT, 200, id=OWNER, group=group),
    }


MANAGEMENT = {
    **arm("GET", C + "/operations", COM, 200, group=ARM_ANY),
    **arm("POST", S + C + "/checkNameAvailability", COM, 200,
          body={"name": "x", "type": "Microsoft.Communication/CommunicationServices"}),
    **arm("GET", S + C + "/communicationServices", COM, 200),
    **arm("GET", G + C + "/communicationServices", COM, 200),
    **arm("PUT", N, COM, 201, body=NEW, name="{name}"),
    **arm("PATCH", N, COM, 200, body={"tags": {"a": "b"}}, name="{scratch}"),
    **arm("GET", N, COM, 200),
    **arm("DELETE", N, COM, 204, name="{name}"),
    **arm("POST", N + "/listKeys", COM, 200),
    **arm("POST", N + "/regenerateKey", COM, 200, body={"keyType": "Primary"}, name="{scratch}"),
    **arm("POST", N + "/linkNotificationHub", COM, 200, body={"resourceId": "/x", "connectionString": "y"},
          name="{scratch}"),
    **arm("GET", S + C + "/locations/{location}/operationStatuses/{id}", COM, 404, location="global", id="x"),
    **roles_at("", ARM_ROOT),
    **roles_at(S),
    **roles_at(G),
    **roles_at(N),
    **arm("PUT", S + A + "/roleDefinitions/{id}", AUT, 201, id="{object}",
          body={"properties": {"roleName": "{name}", "permissions": [{"actions": ["*/read"]}],
                               "assignableScopes": ["/"]}}),
    **arm("DELETE", S + A + "/roleDefinitions/{id}", AUT, 204, id="{object}"),
    **arm("GET", S + M + "/userAssignedIdentities", MSI, 200),
    **arm("GET", G + M + "/userAssignedIdentities", MSI, 200),
    **arm("PUT", U, MSI, 201, body={"location": "global"}, name="{name}"),
    **arm("PATCH", U, MSI, 404, body={"tags": {}}, name="{name}"),
    **arm("GET", U, MSI, 404, name="{name}"),
    **arm("DELETE", U, MSI, 204, name="{name}"),
    **arm("GET", U + "/federatedIdentityCredentials", MSI, 404, name="{name}"),
    **arm("PUT", U + "/federatedIdentityCredentials/{child}", MSI, 404, name="{name}", child="fed",
          body={"properties": {"issuer": "https://i.example", "subject": "s", "audiences": ["a"]}}),
    **arm("GET", U + "/federatedIdentityCredentials/{child}", MSI, 404, name="{name}", child="fed"),
    **arm("DELETE", U + "/federatedIdentityCredentials/{child}", MSI, 204, name="{name}", child="fed"),
    **arm("GET", N + M + "/identities/default", MSI, 404),
    **arm("GET", "/metadata/endpoints", RES, 200, group=ISSUER),
    **arm("GET", "/tenants", RES, 200, group=ARM_ANY),
    **arm("GET", "/subscriptions", RES, 200, group=ARM_ANY),
    **arm("GET", S, RES, 200),
    **arm("GET", S + C, RES, 200, group=ARM_ANY),
    **arm("GET", S + "/resources", RES, 200),
    **arm("GET", S + "/resourceGroups", RES, 200),
    **arm("PUT", G, RES, 201, body={"location": "global"}, group_name="{name}"),
    **arm("PATCH", G, RES, 200, body={"tags": {}}),
    **arm("GET", G, RES, 200),
    **arm("HEAD", G, RES, 204),
    **arm("DELETE", G, RES, 404, group_name="{name}"),
}

ISSUERS = {
    ("GET", "/{t}/v2.0/.well-known/openid-configuration", ""): Line(
        ISSUER, "/adfs/v2.0/.well-known/openid-configuration", 200),
    ("GET", "/{t}/.well-known/openid-configuration", ""): Line(ISSUER, "/adfs/.well-known/openid-configuration", 200),
    ("GET", "/{t}/discovery/v2.0/keys", ""): Line(ISSUER, "/common/discovery/v2.0/keys", 200),
    ("GET", "/{t}/discovery/keys", ""): Line(ISSUER, "/common/discovery/keys", 200),
    ("GET", "/{t}/discovery/instance", ""): Line(ISSUER, "/common/discovery/instance?api-version=1.1", 400),
    ("GET", "/{t}/.well-known/webfinger", ""): Line(ISSUER, "/adfs/.well-known/webfinger", 400),
    ("POST", "/{t}/oauth2/v2.0/token", ""): Line(ISSUER, "/adfs/oauth2/v2.0/token", 400, "", FORM),
    ("POST", "/{t}/oauth2/token", ""): Line(ISSUER, "/adfs/oauth2/token", 400, "", FORM),
    ("GET", "/{t}/oauth2/v2.0/authorize", ""): Line(ISSUER, "/adfs/oauth2/v2.0/authorize", 400),
    ("GET", "/{t}/oauth2/authorize", ""): Line(ISSUER, "/adfs/oauth2/authorize", 400),
    ("GET", "/error", ""): Line(ISSUER, "/error?code=700016", 200),
}

# Who shows them at all: test_identity_door.py looks at the door of their own.
ENDPOINTS = {
    ("GET", "/metadata/identity/oauth2/token", ""): Line(ENDPOINT, "/metadata/identity/oauth2/token", 400),
    ("GET", "/msi/token", ""): Line(ENDPOINT, "/msi/token", 401),
    ("POST", "/msi/token", ""): Line(ENDPOINT, "/msi/token", 400, "", FORM),
}

LINES = {**MANAGEMENT, **ISSUERS, **ENDPOINTS}
EVERYBODY, NOBODY_HERE = (None, 0), (set(), 404)
WHO = {
    (ISSUER, PUBLIC_DOOR): EVERYBODY, (ISSUER, ADMIN_DOOR): NOBODY_HERE, (ISSUER, SOCKET): NOBODY_HERE,
    (ENDPOINT, PUBLIC_DOOR): NOBODY_HERE, (ENDPOINT, ADMIN_DOOR): NOBODY_HERE, (ENDPOINT, SOCKET): NOBODY_HERE,
    (ARM, PUBLIC_DOOR): ({"manager"}, 401), (ARM, ADMIN_DOOR): NOBODY_HERE, (ARM, SOCKET): NOBODY_HERE,
    (ARM_ANY, PUBLIC_DOOR): ({"manager", "onlooker"}, 401), (ARM_ANY, ADMIN_DOOR): NOBODY_HERE,
    (ARM_ANY, SOCKET): NOBODY_HERE,
    (ARM_ROOT, PUBLIC_DOOR): (set(), 401), (ARM_ROOT, ADMIN_DOOR): NOBODY_HERE, (ARM_ROOT, SOCKET): NOBODY_HERE,
}
FORBIDDEN = {
    (ARM, PUBLIC_DOOR): {"onlooker"},
    (ARM_ROOT, PUBLIC_DOOR): {"manager", "onlooker"},
}
