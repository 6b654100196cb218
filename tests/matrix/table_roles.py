"""What each role gives, by hand, from the contract: a table of actions, and which action each row asks for. The rows
themselves come from table.py."""

from principals import ELSEWHERE, NO_ROLE

# The letters: users read, written, their tokens.
GIVES = {
    "Owner": "rwt",
    "Contributor": "rwt",
    "Reader": "",
    "User Access Administrator": "",
    "Communication and Email Service Owner": "rwt",
    "Callgate Data Contributor": "rwt",
    "Callgate Identity Contributor": "rwt",
    "Callgate Token Issuer": "t",
    "Callgate SMS Sender": "",
    "Callgate Reader": "r",
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
}
