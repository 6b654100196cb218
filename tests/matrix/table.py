"""What each route may answer, by hand, from the contract. One line a row of the server's route tables.

A line: (method, path, first version or "") → Line(group, target, …). The group says who may; the rest says how a
request that is allowed looks and what it is answered. Targets name what the test puts in: {user} a user of the
caller's resource, {fresh} one made for this request alone, {scratch} a resource made for it, {resource} the
administrator's parameter resource=….
"""

from dataclasses import dataclass

# Groups. The columns are doors: the public listeners, the administration listener, the Unix socket.
WIRE_KEY = "wire, access key"             # Identity and what else the contract gives to keys and Entra bearers
WIRE_EXCHANGE = "wire, foreign token"     # the handler judges the bearer; nothing is configured: nobody may
PUBLIC = "public"                         # no credential is looked at
ADDRESS = "whoever knows the address"     # a secret in the path; none of these callers has it
ANYBODY = "any credential"                # GET /admin/whoami
RESOURCE = "resource key, administrator"  # one resource's business
SERVER = "administrator"                  # the whole server; 404 on the public listeners
LOCAL = "administrator nearby"            # as SERVER, in development mode only
NEAR = "administrator nearby, any mode"   # as SERVER, on the socket or from loopback


# What a second resource has of its own: every group but those of the whole server.
OF_A_RESOURCE = (WIRE_KEY, WIRE_EXCHANGE, PUBLIC, ANYBODY, RESOURCE, SERVER, LOCAL)


@dataclass(frozen=True)
class Line:
    group: str
    target: str
    status: int
    body: object = None
    media: str = "application/json"
    mode: str = "any"


V = "api-version="
NOW, OLD, P25, Y25 = V + "2023-10-01", V + "2020-07-20-preview2", V + "2025-03-02-preview", V + "2025-06-30"
FIRST, SECOND, DRAFT, TEAMS, PREVIEW = ("2020-07-20-preview2", "2021-02-22-preview1", "2021-03-31-preview1",
                                        "2022-06-01", "2025-03-02-preview")
ASSIGNMENT = "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}"
PLACE = "/access/teamsExtension/tenants/11111111-1111-1111-1111-111111111111/assignments/{object}"
EXCHANGE = {"token": "x", "appId": "11111111-1111-1111-1111-111111111111",
            "userId": "22222222-2222-2222-2222-222222222222"}
SCOPES = {"scopes": ["chat"]}

TABLE = {
    # Identity: authentication §2.1
    ("POST", "/identities", FIRST): Line(WIRE_KEY, f"/identities?{OLD}", 200),
    ("POST", "/identities", SECOND): Line(WIRE_KEY, f"/identities?{NOW}", 201, {}),
    ("GET", "/identities/{id}", PREVIEW): Line(WIRE_KEY, f"/identities/{{user}}?{P25}", 200),
    ("DELETE", "/identities/{id}", FIRST): Line(WIRE_KEY, f"/identities/{{fresh}}?{NOW}", 204),
    ("PATCH", "/identities/{id}", FIRST): Line(
        WIRE_KEY, f"/identities/{{fresh}}?{OLD}", 204, {"tokensValidFrom": "2020-01-01T00:00:00Z"},
        "application/merge-patch+json"),
    ("POST", "/identities/{id}/token", FIRST): Line(WIRE_KEY, f"/identities/{{user}}/token?{OLD}", 200, SCOPES),
    ("POST", "/identities/{id}/:issueAccessToken", SECOND): Line(
        WIRE_KEY, f"/identities/{{user}}/:issueAccessToken?{NOW}", 200, SCOPES),
    ("POST", "/identities/{id}:issueAccessToken", SECOND): Line(
        WIRE_KEY, f"/identities/{{user}}:issueAccessToken?{NOW}", 200, SCOPES),
    ("POST", "/identities/{id}/:revokeAccessTokens", SECOND): Line(
        WIRE_KEY, f"/identities/{{fresh}}/:revokeAccessTokens?{NOW}", 204),
    ("POST", "/identities/{id}:revokeAccessTokens", SECOND): Line(
        WIRE_KEY, f"/identities/{{fresh}}:revokeAccessTokens?{NOW}", 204),
    # the credential is right, and the exchange is refused for its own reason: 401 InvalidAccessToken
    ("POST", "/teamsUser/:exchangeAccessToken", DRAFT): Line(
        WIRE_KEY, f"/teamsUser/:exchangeAccessToken?{V}2021-11-01", 401, EXCHANGE),
    ("POST", "/teamsUser/:exchangeAccessToken", TEAMS): Line(
        WIRE_KEY, f"/teamsUser/:exchangeAccessToken?{NOW}", 401, EXCHANGE),
    ("POST", "/teamsUser:exchangeAccessToken", DRAFT): Line(
        WIRE_KEY, f"/teamsUser:exchangeAccessToken?{V}2021-11-01", 401, EXCHANGE),
    ("POST", "/teamsUser:exchangeAccessToken", TEAMS): Line(
        WIRE_KEY, f"/teamsUser:exchangeAccessToken?{NOW}", 401, EXCHANGE),
    ("POST", "/access/entra/:exchangeAccessToken", PREVIEW): Line(
        WIRE_EXCHANGE, f"/access/entra/:exchangeAccessToken?{P25}", 401, {}),
    ("POST", "/access/entra:exchangeAccessToken", PREVIEW): Line(
        WIRE_EXCHANGE, f"/access/entra:exchangeAccessToken?{P25}", 401, {}),
    ("POST", "/access/teamsExtension/:exchangeAccessToken", PREVIEW): Line(
        WIRE_EXCHANGE, f"/access/teamsExtension/:exchangeAccessToken?{Y25}", 401, {}),
    ("POST", "/access/teamsExtension:exchangeAccessToken", PREVIEW): Line(
        WIRE_EXCHANGE, f"/access/teamsExtension:exchangeAccessToken?{Y25}", 401, {}),
    ("GET", ASSIGNMENT, PREVIEW): Line(WIRE_KEY, f"{PLACE}?{Y25}", 404),
    ("PUT", ASSIGNMENT, PREVIEW): Line(WIRE_KEY, f"{PLACE}?{Y25}", 201, {"principalType": "user"}),
    ("DELETE", ASSIGNMENT, PREVIEW): Line(WIRE_KEY, f"{PLACE}?{Y25}", 204),

    # Administration: administration §2, design D16
    ("GET", "/admin/whoami", ""): Line(ANYBODY, "/admin/whoami", 200),
    ("GET", "/admin/resources", ""): Line(SERVER, "/admin/resources", 200),
    ("POST", "/admin/resources", ""): Line(SERVER, "/admin/resources", 201, {"name": "{name}"}),
    ("GET", "/admin/resources/{name}", ""): Line(SERVER, "/admin/resources/default", 200),
    ("PATCH", "/admin/resources/{name}", ""): Line(SERVER, "/admin/resources/{scratch}", 200, {"location": "europe"}),
    ("DELETE", "/admin/resources/{name}", ""): Line(SERVER, "/admin/resources/{scratch}?confirm={scratch}", 204),
    ("GET", "/admin/keys", ""): Line(RESOURCE, "/admin/keys", 200),
    ("POST", "/admin/keys/{slot}:regenerate", ""): Line(
        SERVER, "/admin/keys/primary:regenerate?resource={scratch}", 200, {}),
    ("GET", "/admin/signing-keys", ""): Line(SERVER, "/admin/signing-keys", 200),
    ("POST", "/admin/signing-keys:rotate", ""): Line(SERVER, "/admin/signing-keys:rotate", 201, {"activateIn": "24h"}),
    ("GET", "/admin/users", ""): Line(RESOURCE, "/admin/users?limit=1", 200),
    ("POST", "/admin/users", ""): Line(RESOURCE, "/admin/users", 201, {}),
    ("GET", "/admin/users/{id}", ""): Line(RESOURCE, "/admin/users/{user}", 200),
    ("DELETE", "/admin/users/{id}", ""): Line(RESOURCE, "/admin/users/{fresh}", 204),
    ("GET", "/admin/users/{id}:export", ""): Line(RESOURCE, "/admin/users/{user}:export", 200),
    ("POST", "/admin/users/{id}:issueToken", ""): Line(SERVER, "/admin/users/{user}:issueToken", 200, SCOPES),
    ("GET", "/admin/apps", ""): Line(SERVER, "/admin/apps?limit=1", 200),
    ("POST", "/admin/apps", ""): Line(SERVER, "/admin/apps", 201, {"name": "{name}", "role": "none"}),
    ("GET", "/admin/apps/{app}", ""): Line(SERVER, "/admin/apps/{app}", 200),
    ("PATCH", "/admin/apps/{app}", ""): Line(SERVER, "/admin/apps/{app}", 200, {"disabled": False}),
    ("DELETE", "/admin/apps/{app}", ""): Line(SERVER, "/admin/apps/{app}", 204),
    ("POST", "/admin/apps/{app}/secrets", ""): Line(SERVER, "/admin/apps/{app}/secrets", 201, {}),
    # there is no such credential: it is looked for only when the caller may
    ("DELETE", "/admin/apps/{app}/secrets/{id}", ""): Line(SERVER, "/admin/apps/{app}/secrets/none", 404),
    ("POST", "/admin/apps/{app}/certificates", ""): Line(SERVER, "/admin/apps/{app}/certificates", 400, {}),
    ("DELETE", "/admin/apps/{app}/certificates/{id}", ""): Line(SERVER, "/admin/apps/{app}/certificates/none", 404),
    ("POST", "/admin/apps/{app}/federated", ""): Line(
        SERVER, "/admin/apps/{app}/federated", 201, {"name": "ci", "issuer": "https://i.example", "subject": "s"}),
    ("DELETE", "/admin/apps/{app}/federated/{name}", ""): Line(SERVER, "/admin/apps/{app}/federated/none", 404),
    ("GET", "/admin/identities", ""): Line(SERVER, "/admin/identities?limit=1", 200),
    ("POST", "/admin/identities", ""): Line(SERVER, "/admin/identities", 201, {"name": "{name}", "role": "none"}),
    ("POST", "/admin/identities:assign", ""): Line(SERVER, "/admin/identities:assign", 201, {"resource": "{scratch}"}),
    ("GET", "/admin/identities/{name}", ""): Line(SERVER, "/admin/identities/default", 200),
    ("DELETE", "/admin/identities/{name}", ""): Line(SERVER, "/admin/identities/{identity}", 204),
    ("GET", "/admin/identities/{name}:header", ""): Line(NEAR, "/admin/identities/default:header", 200),
    ("POST", "/admin/identities/{name}:renewHeader", ""): Line(
        NEAR, "/admin/identities/{identity}:renewHeader", 200, {}),
    # served, it is a stream without an end: nobody's identity stands for it
    ("POST", "/admin/identities/{name}:serve", ""): Line(NEAR, "/admin/identities/nobody:serve", 404),
    ("GET", "/admin/role-assignments", ""): Line(SERVER, "/admin/role-assignments?limit=1", 200),
    ("POST", "/admin/role-assignments", ""): Line(
        SERVER, "/admin/role-assignments", 201, {"principal": "{app}", "role": "Callgate Reader"}),
    ("DELETE", "/admin/role-assignments/{id}", ""): Line(SERVER, "/admin/role-assignments/none", 404),
    ("GET", "/admin/roles", ""): Line(SERVER, "/admin/roles", 200),
    ("POST", "/admin/roles", ""): Line(
        SERVER, "/admin/roles", 201, {"name": "{name}", "permissions": [{"actions": ["*/read"]}]}),
    ("DELETE", "/admin/roles/{name}", ""): Line(SERVER, "/admin/roles/none", 404),
    ("GET", "/admin/issuers", ""): Line(SERVER, "/admin/issuers", 200),
    ("POST", "/admin/issuers", ""): Line(
        NEAR, "/admin/issuers", 201, {"issuer": "https://{name}.example", "audiences": ["a"], "subject": "{name}",
                                      "untested": True}),
    ("DELETE", "/admin/issuers/{id}", ""): Line(NEAR, "/admin/issuers/none", 404),
    ("POST", "/admin/issuers/{id}:test", ""): Line(SERVER, "/admin/issuers/none:test", 404, {}),
    ("GET", "/admin/tenant", ""): Line(SERVER, "/admin/tenant", 200),
    ("POST", "/admin/token", ""): Line(NEAR, "/admin/token", 200, {"as": "default"}),
    ("GET", "/admin/clock", ""): Line(LOCAL, "/admin/clock", 200),
    ("PUT", "/admin/clock", ""): Line(LOCAL, "/admin/clock", 200, {"advance": "0s"}),
    ("DELETE", "/admin/clock", ""): Line(LOCAL, "/admin/clock", 200),
    ("POST", "/admin/seed", ""): Line(LOCAL, "/admin/seed?resource={scratch}", 201, {"users": []}),
    ("GET", "/admin/seed:export", ""): Line(LOCAL, "/admin/seed:export?resource={scratch}", 200),
    ("POST", "/admin/reset", ""): Line(LOCAL, "/admin/reset?resource={scratch}", 200, {}),
    ("GET", "/admin/settings", ""): Line(SERVER, "/admin/settings", 200),
    ("GET", "/admin/status", ""): Line(SERVER, "/admin/status", 200),
    ("POST", "/admin/backup", ""): Line(SERVER, "/admin/backup", 200),

    # Health, metrics, OpenID: design D14, D26
    ("GET", "/health/live", ""): Line(PUBLIC, "/health/live", 200),
    ("GET", "/health/ready", ""): Line(PUBLIC, "/health/ready", 200),
    ("GET", "/.well-known/openid-configuration", ""): Line(PUBLIC, "/.well-known/openid-configuration", 200),
    ("GET", "/.well-known/jwks.json", ""): Line(PUBLIC, "/.well-known/jwks.json", 200),
    ("GET", "/metrics", "dev"): Line(PUBLIC, "/metrics", 200, mode="dev"),
    ("GET", "/metrics", "production"): Line(SERVER, "/metrics", 200, mode="production"),

    # Callbacks of carriers: test_carriers.py has the secrets. wire/transports §1.3
    ("GET", "/carriers/{transport}/{secret}/{what}", ""): Line(ADDRESS, "/carriers/inbox/wrong/report", 404),
    ("POST", "/carriers/{transport}/{secret}/{what}", ""): Line(ADDRESS, "/carriers/none/wrong/inbound", 404, "", "text/plain"),
}

# Who may, by hand: (group, door) → the kinds of valid credentials that are served; all others get `else`.
# Kinds: key (of the resource that the host names), user (its token), administrator, none; the kinds of service
# principals: credentials.py.
USERS = {"user", "chat user", "joining user", "limited user"}  # by what the token opens in chat
PUBLIC_DOOR, ADMIN_DOOR, SOCKET = "public", "administration listener", "socket"
MAY = {
    (WIRE_KEY, PUBLIC_DOOR): ({"key", "service"}, 401),
    (WIRE_EXCHANGE, PUBLIC_DOOR): (set(), 401),
    (PUBLIC, PUBLIC_DOOR): (None, 0),  # everybody, whatever they bring
    (ADDRESS, PUBLIC_DOOR): (None, 0),
    (ANYBODY, PUBLIC_DOOR): ({"key", *USERS, "service", "stranger"}, 401),
    (RESOURCE, PUBLIC_DOOR): ({"key"}, 401),
    (SERVER, PUBLIC_DOOR): (set(), 404),
    (LOCAL, PUBLIC_DOOR): (set(), 404),
    (NEAR, PUBLIC_DOOR): (set(), 404),

    (WIRE_KEY, ADMIN_DOOR): (set(), 404),
    (WIRE_EXCHANGE, ADMIN_DOOR): (set(), 404),
    (PUBLIC, ADMIN_DOOR): (None, 0),
    (ADDRESS, ADMIN_DOOR): (set(), 404),
    (ANYBODY, ADMIN_DOOR): ({"key", *USERS, "service", "stranger", "administrator"}, 401),
    (RESOURCE, ADMIN_DOOR): ({"key", "administrator"}, 401),
    (SERVER, ADMIN_DOOR): ({"administrator"}, 401),
    (LOCAL, ADMIN_DOOR): ({"administrator"}, 401),
    (NEAR, ADMIN_DOOR): ({"administrator"}, 401),

    # The permissions of the file are the login: what else a caller brings is not looked at.
    (WIRE_KEY, SOCKET): (set(), 404),
    (WIRE_EXCHANGE, SOCKET): (set(), 404),
    (PUBLIC, SOCKET): (None, 0),
    (ADDRESS, SOCKET): (set(), 404),
    (ANYBODY, SOCKET): (None, 0),
    (RESOURCE, SOCKET): (None, 0),
    (SERVER, SOCKET): (None, 0),
    (LOCAL, SOCKET): (None, 0),
    (NEAR, SOCKET): (None, 0),
}

# Known, and refused all the same: who lacks a role for what the row does.
FORBIDDEN = {
    (WIRE_KEY, PUBLIC_DOOR): {"stranger"},
}
