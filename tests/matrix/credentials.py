"""Every credential of the matrix: name → (kind, headers of a request). The kind is what the credential is worth to the
resource that the request's host names: "key", "user" (by what the token opens in chat also "chat user", "joining user" and
"limited user"; with "skype " before it when it stands in X-Skypetoken), "service" (a principal with every role),
"stranger" (one without a role), "manager" and "onlooker" (the same with a token for the management API),
"administrator", "nothing" (good for nothing, and not in Authorization), or None when it must be refused."""

import base64
import json
import time
from email.utils import formatdate

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from principals import DEAD, NO_ROLE, Principals
from wire import spelled

SCOPE_SETS = (("chat",), ("voip",), ("chat", "voip"), ("chat.join",), ("chat.join.limited",), ("voip.join",),
              ("chat", "voip", "chat.join", "chat.join.limited", "voip.join"))


class Place:
    """A running server with all that the credentials need: two resources, users, dead and foreign tokens."""

    def __init__(self, server):
        self.server = server
        self.number = 0
        self.retired = server.secondary
        answer = server.admin("POST", "/admin/keys/secondary:regenerate", {})
        assert answer.status == 200, answer
        server.refresh_keys()
        self.other = server.new_resource("matrixother")
        self.user, _ = server.new_user()
        self.tokens = {scopes: self.issue(self.user, scopes) for scopes in SCOPE_SETS}
        self.others_user, self.others_token = self.user_of_other()
        self.dead = self.dead_tokens()
        self.principals = Principals(server, self.other.name)
        self.message = self.fresh_message()
        self.thread = self.fresh_thread()
        self.said = self.fresh_said()

    def issue(self, user, scopes):
        answer = self.server.signed("POST", f"/identities/{user}/:issueAccessToken?api-version=2023-10-01",
                                    {"scopes": list(scopes)})
        assert answer.status == 200, answer
        return answer.json()["token"]

    def user_of_other(self):
        answer = self.server.signed(
            "POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": ["chat"]}, key=self.other.primary,
            host=self.other.host(self.server.http_port))
        assert answer.status == 201, answer
        made = answer.json()
        return made["identity"]["id"], made["accessToken"]["token"]

    def dead_tokens(self):
        server, dead = self.server, {}
        two_days_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2 * 86400))
        assert server.admin("PUT", "/admin/clock", {"set": two_days_ago}).status == 200
        dead["expired"] = self.issue(self.user, ("chat", "voip"))
        assert server.admin("DELETE", "/admin/clock").status == 200
        user, dead["revoked"] = server.new_user()
        assert server.signed("POST", f"/identities/{user}/:revokeAccessTokens?api-version=2023-10-01").status == 204
        user, dead["of a deleted user"] = server.new_user()
        assert server.signed("DELETE", f"/identities/{user}?api-version=2023-10-01").status == 204
        by_secondary = server.signed("POST", f"/identities/{self.user}/:issueAccessToken?api-version=2023-10-01",
                                     {"scopes": ["chat"]}, key=server.secondary)
        dead["of a regenerated key"] = by_secondary.json()["token"]
        assert server.admin("POST", "/admin/keys/secondary:regenerate", {}).status == 200
        server.refresh_keys()
        good = self.tokens[("chat", "voip")]
        top, payload, signature = good.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims["acsScope"] = "voip"
        forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        dead["malformed: cut"] = good[:-3]
        dead["malformed: two parts"] = f"{top}.{payload}"
        dead["malformed: trailing octet"] = good + "A"
        dead["forged claims"] = f"{top}.{forged}.{signature}"
        dead["foreign: own key, our kid"] = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256",
                                                       headers={"kid": jwt.get_unverified_header(good)["kid"]})
        dead["foreign: unknown JWT"] = jwt.encode({"sub": "x", "exp": 9999999999}, "a" * 32, "HS256")
        dead["other resource's"] = self.others_token
        return dead

    # -- what a line asks for --

    def fresh_user(self):
        answer = self.server.admin("POST", "/admin/users", {})
        assert answer.status == 201, answer
        return answer.json()["id"]

    def fresh_resource(self):
        self.number += 1
        return self.server.new_resource(f"matrixscratch{self.number}").name

    def fresh_message(self):
        """The id of a message that its transport never reports on."""
        answer = self.server.signed("POST", "/sms?api-version=2026-01-23", {
            "from": "+18005550100", "smsRecipients": [{"to": "+19995550000"}], "message": "matrix"})
        assert answer.status == 202, answer
        return answer.json()["value"][0]["messageId"]

    def chat(self, more, document):
        answer = self.server.bearer("POST", f"/chat/threads{more}?api-version=2025-03-15", self.tokens[("chat",)], document)
        assert answer.status == 201, answer
        return answer.json()

    def fresh_thread(self):
        """In the path of a request as it is: colon and at sign may stand there."""
        return self.chat("", {"topic": "matrix"})["chatThread"]["id"]

    def fresh_said(self):
        return self.chat(f"/{self.thread}/messages", {"content": "matrix"})["id"]

    def fresh_principal(self, kind):
        self.number += 1
        answer = self.server.admin("POST", f"/admin/{kind}", {"name": f"matrixmade{self.number}", "role": "none"})
        assert answer.status == 201, answer
        return answer.json()["name"]

    def fill(self, text: str, really: bool, user: str) -> str:
        """The concrete text. `really`: the request will be served, so it may not touch what others need."""
        self.number += 1
        made = {}
        if "{fresh}" in text:
            made["{fresh}"] = self.fresh_user() if really else user
        if "{scratch}" in text:
            made["{scratch}"] = self.fresh_resource() if really else "default"
        if "{app}" in text:
            made["{app}"] = self.fresh_principal("apps") if really else "default"
        if "{identity}" in text:
            made["{identity}"] = self.fresh_principal("identities") if really else "default"
        if "{principal}" in text:
            made["{principal}"] = self.principals.fresh() if really else self.principals.idle
        if "{message}" in text:
            made["{message}"] = self.fresh_message() if really else self.message
        if "{own thread}" in text:
            made["{own thread}"] = self.fresh_thread() if really else self.thread
        if "{own said}" in text:
            made["{own said}"] = self.fresh_said() if really else self.said
        made["{thread}"], made["{said}"] = self.thread, self.said
        made["{sender}"] = f"S{self.number}"
        made["{number}"] = f"%2B1425{self.number:07d}"
        made["{sub}"] = self.principals.subscription
        made["{user}"] = user
        made["{name}"] = f"matrixmade{self.number}"
        made["{object}"] = f"00000000-0000-0000-0000-{self.number:012d}"
        for place, value in made.items():
            text = text.replace(place, value)
        return text


def key(which, off=0):
    """`off`: seconds that the date is off, reckoned when it is sent: all of it takes longer than dates are good for."""
    def headers(place, method, target, host, body):
        return spelled(which(place), method, target, host, body, date=formatdate(time.time() + off, usegmt=True))
    return headers


def broken_key(change):
    def headers(place, method, target, host, body):
        made = spelled(place.server.primary, method, target, host, body)
        change(made)
        return made
    return headers


def bearer(which):
    return lambda place, method, target, host, body: {"Host": host, "Authorization": f"Bearer {which(place)}"}


def skypetoken(which):
    return lambda place, method, target, host, body: {"Host": host, "X-Skypetoken": which(place)}


def plain(**more):
    return lambda place, method, target, host, body: {"Host": host, **more}


def replace(name, old, new):
    def change(made):
        assert old in made[name], made
        made[name] = made[name].replace(old, new)
    return broken_key(change)


def cut_signature(made):
    made["Authorization"] = made["Authorization"][:-6] + "AAAAA="


CREDENTIALS = {
    "key: primary": ("key", key(lambda p: p.server.primary)),
    "key: secondary": ("key", key(lambda p: p.server.secondary)),
    "key: date ten minutes ago": (None, key(lambda p: p.server.primary, off=-600)),
    "key: date in ten minutes": (None, key(lambda p: p.server.primary, off=600)),
    "key: regenerated": (None, key(lambda p: p.retired)),
    "key: other resource's": (None, key(lambda p: p.other.primary)),
    "key: random": (None, key(lambda p: base64.b64encode(b"n" * 64).decode())),
    "key: signature changed": (None, broken_key(cut_signature)),
    "key: malformed, no SignedHeaders": (None, replace("Authorization", "SignedHeaders", "Headers")),
    "key: malformed, no Signature": (None, replace("Authorization", "&Signature=", "&Sig=")),
    "key: malformed, no date": (None, broken_key(lambda made: made.pop("x-ms-date"))),
    "key: malformed, scheme": (None, replace("Authorization", "HMAC-SHA256 ", "HMAC-SHA512 ")),
    "administrator": ("administrator", bearer(lambda p: p.server.admin_token)),
    "administrator: token changed": (None, bearer(lambda p: p.server.admin_token[:-1] + "!")),
    "administrator: token cut": (None, bearer(lambda p: p.server.admin_token[:-1])),
    "none": ("nothing", plain()),
    "session garbage": (None, plain(Authorization="Session 0123456789abcdef")),
    "token in another header": ("nothing", plain(**{"x-skypetoken": "garbage", "Cookie": "session=0123456789"})),
    "basic": (None, plain(Authorization="Basic YWRtaW46YWRtaW4=")),
    "bearer: empty": (None, plain(Authorization="Bearer ")),
}
# What roles give is table_roles.py's: here one that may all, one that is only known, and those that are refused.
CREDENTIALS["service: Owner"] = ("service", bearer(lambda p: p.principals.data["Owner"]))
CREDENTIALS["service: no role"] = ("stranger", bearer(lambda p: p.principals.data[NO_ROLE]))
CREDENTIALS["service: for the management API"] = ("manager", bearer(lambda p: p.principals.management["Owner"]))
CREDENTIALS["service: for the management API, no role"] = ("onlooker", bearer(lambda p: p.principals.management[NO_ROLE]))
for state in DEAD:
    CREDENTIALS[f"service: {state}"] = (None, bearer(lambda p, state=state: p.principals.dead[state]))


def kind_of_user(scopes) -> str:
    """The widest of chat's scopes counts."""
    kinds = {"chat": "chat user", "chat.join": "joining user", "chat.join.limited": "limited user"}
    return next((kind for scope, kind in kinds.items() if scope in scopes), "user")


for scopes in SCOPE_SETS:
    CREDENTIALS["skypetoken: " + ",".join(scopes)] = (
        "skype " + kind_of_user(scopes), skypetoken(lambda p, scopes=scopes: p.tokens[scopes]))
    CREDENTIALS["user: " + ",".join(scopes)] = (kind_of_user(scopes), bearer(lambda p, scopes=scopes: p.tokens[scopes]))
for state in ("expired", "revoked", "of a deleted user", "of a regenerated key", "malformed: cut",
              "malformed: two parts", "malformed: trailing octet", "forged claims", "foreign: own key, our kid",
              "foreign: unknown JWT", "other resource's"):
    CREDENTIALS[f"user: {state}"] = (None, bearer(lambda p, state=state: p.dead[state]))
for state in ("expired", "revoked", "malformed: cut", "forged claims", "foreign: own key, our kid", "other resource's"):
    CREDENTIALS[f"skypetoken: {state}"] = ("nothing", skypetoken(lambda p, state=state: p.dead[state]))
