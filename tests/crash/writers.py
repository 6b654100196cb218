"""Clients that write as fast as they are answered, and remember what was acknowledged."""

import http.client
import json
import random
import threading
from urllib.parse import urlencode

from callgate_server import UnixConnection
from wire import spelled

VERSION = "?api-version=2023-10-01"


class User:
    """What is known of one user. `unsure`: a request about them had no answer."""

    def __init__(self, raw_id):
        self.id = raw_id
        self.tokens = []       # acknowledged, good as far as we know
        self.dead = []         # acknowledged as revoked
        self.deleted = False
        self.unsure = set()    # "delete", "revoke": asked for, never answered


class Writer(threading.Thread):
    """One client on one connection. It ends when the server does, and says so by `lost`."""

    def __init__(self, server, key, seed, stop):
        super().__init__(daemon=True)
        self.server, self.key, self.random, self.stop = server, key, random.Random(seed), stop
        self.users, self.acknowledged, self.wrong = [], 0, []
        self.answered_not = None

    def ask(self, method, target, document=None):
        body = b"" if document is None else json.dumps(document).encode()
        host = f"localhost:{self.server.http_port}"
        headers = {**spelled(self.key, method, target, host, body), "Content-Type": "application/json"}
        self.connection.request(method, target, body or None, headers)
        response = self.connection.getresponse()
        octets = response.read()
        if response.status not in (200, 201, 204):
            self.wrong.append((method, target, response.status, octets[:200]))
        self.acknowledged += 1
        return json.loads(octets) if octets else None

    def create(self):
        made = self.ask("POST", "/identities" + VERSION, {"createTokenWithScopes": ["chat"]})
        user = User(made["identity"]["id"])
        user.tokens.append(made["accessToken"]["token"])
        self.users.append(user)

    def issue(self, user):
        made = self.ask("POST", f"/identities/{user.id}/:issueAccessToken" + VERSION, {"scopes": ["voip"]})
        user.tokens.append(made["token"])

    def revoke(self, user):
        user.unsure.add("revoke")
        self.ask("POST", f"/identities/{user.id}/:revokeAccessTokens" + VERSION)
        user.unsure.discard("revoke")
        user.dead += user.tokens
        user.tokens = []

    def delete(self, user):
        user.unsure.add("delete")
        self.ask("DELETE", f"/identities/{user.id}" + VERSION)
        user.unsure.discard("delete")
        user.deleted = True

    def step(self):
        living = [user for user in self.users[-20:] if not user.deleted and not user.unsure]
        chance = self.random.random()
        if not living or chance < 0.55:
            self.create()
        elif chance < 0.7:
            self.issue(self.random.choice(living))
        elif chance < 0.88:
            self.revoke(self.random.choice(living))
        else:
            self.delete(self.random.choice(living))

    def run(self):
        self.connection = http.client.HTTPConnection("localhost", self.server.http_port, timeout=30)
        try:
            while not self.stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass  # the server is gone
        finally:
            self.connection.close()


class KeyWriter(threading.Thread):
    """Regenerates the secondary key, again and again, over the socket."""

    def __init__(self, server, stop):
        super().__init__(daemon=True)
        self.server, self.stop = server, stop
        self.last, self.unsure, self.acknowledged = None, False, 0

    def run(self):
        try:
            while not self.stop.is_set():
                self.unsure = True
                answer = self.server.admin("POST", "/admin/keys/secondary:regenerate", {})
                self.unsure = False
                self.last = answer.json()["key"]
                self.acknowledged += 1
                self.stop.wait(0.01)
        except (OSError, http.client.HTTPException):
            pass


class App:
    """What is known of one application. `unsure`: kinds of changes that were asked for and never answered."""

    def __init__(self, made):
        self.id, self.oid, self.name = made["clientId"], made["objectId"], made["name"]
        self.roles = set(made["roles"])
        self.assignments = {}  # role → id, of those that were given later
        self.secrets = {}      # id → secret
        self.removed = []      # secrets that were acknowledged as removed
        self.federated = set()
        self.tokens, self.dead = [], []
        self.deleted = False
        self.unsure = set()


class AppWriter(threading.Thread):
    """Applications, secrets, roles and federated credentials, over the socket; tokens over the plain door."""

    ROLES = ("Callgate Reader", "Callgate SMS Sender", "Callgate Token Issuer")

    def __init__(self, server, seed, stop):
        super().__init__(daemon=True)
        self.server, self.random, self.stop = server, random.Random(seed), stop
        self.apps, self.acknowledged, self.wrong, self.tried = [], 0, [], []

    def ask(self, method, target, document=None):
        body = b"" if document is None else json.dumps(document).encode()
        answer = self.server.send(method, target, {"Content-Type": "application/json"} if body else {}, body, self.socket)
        if answer.status not in (200, 201, 204):
            self.wrong.append((method, target, answer))
        self.acknowledged += 1
        return answer.json() if answer.body else None

    def changed(self, app, kind, method, target, document=None):
        """`kind` stays unsure when there is no answer."""
        app.unsure.add(kind)
        answer = self.ask(method, target, document)
        app.unsure.discard(kind)
        return answer

    def create(self):
        """Half of them with a role in the same request: both are there, or neither."""
        paired = self.random.random() < 0.5
        name = f"{'pair' if paired else 'lone'}-{self.random.getrandbits(64):016x}"
        self.tried.append(name)
        self.apps.append(App(self.ask("POST", "/admin/apps",
                                      {"name": name, "role": "Callgate Data Contributor" if paired else "none"})))

    def add_secret(self, app):
        if len(app.secrets) < 4:
            made = self.changed(app, "secrets", "POST", f"/admin/apps/{app.id}/secrets", {})
            app.secrets[made["id"]] = made["secret"]

    def remove_secret(self, app):
        if app.secrets:
            which = self.random.choice(sorted(app.secrets))
            app.unsure.add("tokens")
            self.changed(app, "secrets", "DELETE", f"/admin/apps/{app.id}/secrets/{which}")
            app.unsure.discard("tokens")
            app.removed.append(app.secrets.pop(which))
            app.dead, app.tokens = app.dead + app.tokens, []

    def sign_in(self, app):
        if app.secrets:
            answer = sign_in(self.server, app, self.random.choice(sorted(app.secrets.values())), self.plain)
            if answer.status != 200:
                self.wrong.append(("token", app.id, answer))
            else:
                app.tokens.append(answer.json()["access_token"])

    def revoke(self, app):
        self.changed(app, "tokens", "PATCH", f"/admin/apps/{app.id}", {"revokeTokens": True})
        app.dead, app.tokens = app.dead + app.tokens, []

    def federate(self, app):
        name = f"f{len(app.federated)}"
        if len(app.federated) < 5:
            self.changed(app, "federated", "POST", f"/admin/apps/{app.id}/federated",
                         {"name": name, "issuer": "https://issuer.example", "subject": f"{app.name}/{name}"})
            app.federated.add(name)

    def assign(self, app):
        left = [role for role in self.ROLES if role not in app.roles]
        if left:
            role = self.random.choice(left)
            made = self.changed(app, "roles", "POST", "/admin/role-assignments", {"principal": app.id, "role": role})
            app.assignments[role] = made["id"]
            app.roles.add(role)

    def unassign(self, app):
        if app.assignments:
            role = self.random.choice(sorted(app.assignments))
            self.changed(app, "roles", "DELETE", f"/admin/role-assignments/{app.assignments[role]}")
            del app.assignments[role]
            app.roles.discard(role)

    def delete(self, app):
        self.changed(app, "delete", "DELETE", f"/admin/apps/{app.id}")
        app.deleted = True

    def step(self):
        living = [app for app in self.apps[-6:] if not app.deleted]
        if not living or self.random.random() < 0.25:
            self.create()
            return
        do = self.random.choices(
            (self.add_secret, self.remove_secret, self.sign_in, self.revoke, self.federate, self.assign, self.unassign,
             self.delete), (6, 2, 3, 1, 3, 4, 2, 1))[0]
        do(self.random.choice(living))

    def run(self):
        self.socket = UnixConnection(self.server.about["adminSocket"], timeout=30)
        self.plain = http.client.HTTPConnection("localhost", self.server.http_port, timeout=30)
        try:
            while not self.stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass  # the server is gone
        finally:
            self.socket.close()
            self.plain.close()


def sign_in(server, app, secret, connection):
    """A request at the token endpoint; any answer."""
    form = {"grant_type": "client_credentials", "client_id": app.id, "client_secret": secret,
            "scope": "https://communication.azure.com//.default"}
    return server.send("POST", "/adfs/oauth2/v2.0/token", {"Content-Type": "application/x-www-form-urlencoded"},
                       urlencode(form).encode(), connection)
