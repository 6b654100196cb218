"""What each role gives, by hand, from the contract: a table of actions, and which action each row asks for. The rows
themselves come from table.py."""

import table_sms
from principals import ELSEWHERE, NO_ROLE

# The letters: users read, written, their tokens; text messages sent, and asked about (table_sms.py).
GIVES = {
    "Owner": "rwtsq",
    "Contributor": "rwtsq",
    "Reader": "",
    "User Access Administrator": "",
    "Communication and Email Service Owner": "rwtsq",
    "Callgate Data Contributor": "rwtsq",
    "Callgate Identity Contributor": "rwt",
    "Callgate Token Issuer": "t",
    "Callgate SMS Sender": "sq",
    "Callgate Reader": "rq",
    NO_ROLE: "",
    ELSEWHERE: "",
}

ASSIGNMENT = "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}"
ASKS = {
    ("POST", "/identities"): "w",
    ("GET", "/identities/{id}"): "r",
    ("DELETE", "/identities/{id}"): "w",
    ("PATCH", "/identities/{id}"): "w",
    ("POST", "/identities/{id}/token"): "t",
    ("POST", "/identities/{id}/:issueAccessToken"): "t",
    ("POST", "/identities/{id}:issueAccessToken"): "t",
    ("POST", "/identities/{id}/:revokeAccessTokens"): "t",
    ("POST", "/identities/{id}:revokeAccessTokens"): "t",
    ("POST", "/teamsUser/:exchangeAccessToken"): "t",
    ("POST", "/teamsUser:exchangeAccessToken"): "t",
    ("GET", ASSIGNMENT): "r",
    ("PUT", ASSIGNMENT): "w",
    ("DELETE", ASSIGNMENT): "w",
    **table_sms.ASKS,
}

# The management API: what each role gives at the subscription and below. Owner gives all.
READS = {"services read", "operation status", "assignments read", "definitions read", "identities read",
         "federated read", "groups read", "subscriptions read"}
SERVICES = {"services read", "services write", "services delete", "list keys", "regenerate key", "link hub",
            "check name", "operation status"}
RIGHTS = {"assignments read", "assignments write", "assignments delete", "definitions read", "definitions write",
          "definitions delete"}
REST = {"identities read", "identities write", "identities delete", "federated read", "federated write",
        "federated delete", "groups read", "groups write", "groups delete", "subscriptions read"}
MANAGES = {
    "Owner": SERVICES | RIGHTS | REST,
    "Contributor": SERVICES | REST | {"assignments read", "definitions read"},
    "Reader": READS,
    "User Access Administrator": READS | RIGHTS,
    "Communication and Email Service Owner": SERVICES,
    "Callgate Data Contributor": set(),
    "Callgate Identity Contributor": set(),
    "Callgate Token Issuer": set(),
    "Callgate SMS Sender": set(),
    "Callgate Reader": set(),
    NO_ROLE: set(),
    ELSEWHERE: set(),
}

# Which of them a row asks for: by the end of its path, the first that fits.
WANTS = (
    ("/checkNameAvailability", {"POST": "check name"}),
    ("/listKeys", {"POST": "list keys"}),
    ("/regenerateKey", {"POST": "regenerate key"}),
    ("/linkNotificationHub", {"POST": "link hub"}),
    ("/operationStatuses/{id}", {"GET": "operation status"}),
    ("/roleAssignments", {"GET": "assignments read"}),
    ("/roleAssignments/{id}", {"GET": "assignments read", "PUT": "assignments write", "DELETE": "assignments delete"}),
    ("/roleDefinitions", {"GET": "definitions read"}),
    ("/roleDefinitions/{id}", {"GET": "definitions read", "PUT": "definitions write", "DELETE": "definitions delete"}),
    ("/federatedIdentityCredentials", {"GET": "federated read"}),
    ("/federatedIdentityCredentials/{child}",
     {"GET": "federated read", "PUT": "federated write", "DELETE": "federated delete"}),
    ("/identities/default", {"GET": "identities read"}),
    ("/userAssignedIdentities", {"GET": "identities read"}),
    ("/userAssignedIdentities/{name}",
     {"GET": "identities read", "PUT": "identities write", "PATCH": "identities write", "DELETE": "identities delete"}),
    ("/communicationServices", {"GET": "services read"}),
    ("/communicationServices/{name}",
     {"GET": "services read", "PUT": "services write", "PATCH": "services write", "DELETE": "services delete"}),
    ("/resourceGroups", {"GET": "groups read"}),
    ("/resourceGroups/{group}", {"GET": "groups read", "HEAD": "groups read", "PUT": "groups write",
                                 "PATCH": "groups write", "DELETE": "groups delete"}),
    ("/subscriptions/{subscription}", {"GET": "subscriptions read"}),
    ("/subscriptions/{subscription}/resources", {"GET": "subscriptions read"}),
)


def wants(method: str, path: str) -> str:
    return next(by_method[method] for end, by_method in WANTS if path.endswith(end))
