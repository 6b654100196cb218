"""Clients that write as fast as they are answered, and remember what was acknowledged."""

import http.client
import json
import random
import threading

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
