"""Service principals of the matrix: one for each role, with tokens for the data plane and for the management API, and
the tokens that must be refused. What a role gives is written down in table_roles.py."""

import base64
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

DATA, MANAGEMENT = "https://communication.azure.com/", "https://management.azure.com/"
ROLES = ("Owner", "Contributor", "Reader", "User Access Administrator", "Communication and Email Service Owner",
         "Callgate Data Contributor", "Callgate Identity Contributor", "Callgate Token Issuer", "Callgate SMS Sender",
         "Callgate Reader")
NO_ROLE, ELSEWHERE = "no role", "Owner of another resource"


class Principals:
    def __init__(self, server, other_resource: str):
        self.server = server
        self.subscription = self.ask("GET", "/admin/tenant")["subscriptionId"]
        self.data, self.management = {}, {}
        for role in (*ROLES, NO_ROLE, ELSEWHERE):
            self.make(role, other_resource)
        self.dead = self.dead_tokens()
        self.number = 0
        self.idle = self.fresh()

    def ask(self, method, path, document=None, wanted=(200, 201, 204)):
        answer = self.server.admin(method, path, document)
        assert answer.status in wanted, f"{method} {path}: {answer}"
        return answer.json() if answer.body else None

    def app(self, name: str) -> str:
        return self.ask("POST", "/admin/apps", {"name": name, "role": "none"})["clientId"]

    def token(self, client: str, audience: str) -> str:
        return self.ask("POST", "/admin/token", {"as": client, "resource": audience})["token"]

    def assign(self, client: str, role: str, **where):
        self.ask("POST", "/admin/role-assignments", {"principal": client, "role": role, **where})

    def fresh(self) -> str:
        """The object id of a new application; a name of it as good as any."""
        self.number += 1
        return self.ask("POST", "/admin/apps", {"name": f"matrix fresh {self.number}", "role": "none"})["objectId"]

    def make(self, role: str, other_resource: str):
        client = self.app(f"matrix {role}")
        if role == ELSEWHERE:
            self.assign(client, "Owner", resource=other_resource)
        elif role != NO_ROLE:
            # the data plane of the default resource, and all that the management API has
            self.assign(client, role, scope=f"/subscriptions/{self.subscription}")
        self.data[role] = self.token(client, DATA)
        self.management[role] = self.token(client, MANAGEMENT)

    def dying(self, name: str) -> str:
        client = self.app(f"matrix {name}")
        self.assign(client, "Owner", scope="/")
        return client

    def dead_tokens(self) -> dict:
        dead = {}
        client = self.dying("expired")
        long_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2 * 86400))
        self.ask("PUT", "/admin/clock", {"set": long_ago})
        dead["expired"] = self.token(client, DATA)
        self.ask("DELETE", "/admin/clock")
        client = self.dying("revoked")
        dead["revoked"] = self.token(client, DATA)
        self.ask("PATCH", f"/admin/apps/{client}", {"revokeTokens": True})
        client = self.dying("disabled")
        dead["of a disabled application"] = self.token(client, DATA)
        self.ask("PATCH", f"/admin/apps/{client}", {"disabled": True})
        client = self.dying("deleted")
        dead["of a deleted application"] = self.token(client, DATA)
        self.ask("DELETE", f"/admin/apps/{client}")
        dead["for token exchange"] = self.token(self.dying("exchange"), "api://AzureADTokenExchange")
        good = self.data["Owner"]
        head, payload, signature = good.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        forged = base64.urlsafe_b64encode(json.dumps({**claims, "exp": claims["exp"] + 60}).encode()).decode()
        dead["cut"] = good[:-4]
        dead["trailing octet"] = good + "A"
        dead["forged claims"] = f"{head}.{forged.rstrip('=')}.{signature}"
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        dead["foreign key, our kid"] = jwt.encode(claims, stranger, "RS256",
                                                  headers={"kid": jwt.get_unverified_header(good)["kid"]})
        dead["Entra's name, foreign key"] = jwt.encode(
            {**claims, "iss": f"https://sts.windows.net/{claims['tid']}/"}, stranger, "RS256", headers={"kid": "k"})
        return dead


DEAD = ("expired", "revoked", "of a disabled application", "of a deleted application", "for token exchange", "cut",
        "trailing octet", "forged claims", "foreign key, our kid", "Entra's name, foreign key")
