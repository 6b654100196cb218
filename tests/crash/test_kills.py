"""kill -9 at random moments under load: nothing acknowledged is missing, nothing is half made (the bar's R1)."""

import http.client
import os
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from callgate_server import Server, UnixConnection

from writers import VERSION, AppWriter, KeyWriter, Writer, sign_in

KILLS = int(os.environ.get("CALLGATE_KILLS", "200"))
SEED = int(os.environ.get("CALLGATE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
WRITERS = 8
APP_WRITERS = 2
PER_SERVER = 25  # then a new data directory, so that checks stay short


class Verifier:
    """Asks a server that has come back about everything its clients were told."""

    def __init__(self, server):
        self.server = server
        self.plain = http.client.HTTPConnection("localhost", server.http_port, timeout=60)
        self.socket = UnixConnection(server.about["adminSocket"])
        self.checked = 0

    def close(self):
        self.plain.close()
        self.socket.close()

    def token_lives(self, token):
        answer = self.server.send("GET", "/admin/whoami", {"Authorization": f"Bearer {token}"}, b"", self.plain)
        assert answer.status in (200, 401), answer
        return answer.status == 200

    def user(self, raw_id):
        answer = self.server.send("GET", f"/admin/users/{raw_id}", {}, b"", self.socket)
        assert answer.status in (200, 404), answer
        return answer.json() if answer.status == 200 else None

    def check(self, user):
        shown = self.user(user.id)
        self.checked += 1
        if user.deleted:
            assert shown is None, f"{user.id} was deleted, acknowledged, and is back"
            assert not any(self.token_lives(token) for token in user.tokens + user.dead)
            return
        if "delete" in user.unsure:
            user.deleted = shown is None  # either, but for ever
            if user.deleted:
                assert not any(self.token_lives(token) for token in user.tokens + user.dead)
                user.unsure.clear()
                return
        assert shown is not None, f"{user.id} was made, acknowledged, and is missing"
        assert not any(self.token_lives(token) for token in user.dead), f"{user.id}: a revoked token lives again"
        lives = [self.token_lives(token) for token in user.tokens]
        if "revoke" in user.unsure:
            assert len(set(lives)) <= 1, f"{user.id}: revoked by half"
            if lives and not lives[0]:
                user.dead, user.tokens = user.dead + user.tokens, []
        else:
            assert all(lives), f"{user.id}: a token died without having been revoked"
        user.unsure.clear()

    # -- applications --

    def get(self, target, statuses=(200,)):
        answer = self.server.send("GET", target, {}, b"", self.socket)
        assert answer.status in statuses, answer
        return answer.json() if answer.status == 200 else None

    def roles_of(self, app):
        """By name; each only once. None of an application that is not there."""
        shown = self.get(f"/admin/role-assignments?principal={app.oid}", (200, 400))
        named = [item["role"] for item in shown["value"]] if shown else []
        assert len(named) == len(set(named)), f"{app.name}: a role twice"
        return set(named)

    def check_gone(self, app):
        assert self.get(f"/admin/apps/{app.id}", (404,)) is None
        assert not self.roles_of(app), f"{app.name} is gone, and its roles are not"
        assert not any(self.token_lives(token) for token in app.tokens + app.dead)
        for secret in [secret for secret in (*app.secrets.values(), *app.removed) if secret][:1]:
            assert sign_in(self.server, app, secret, self.plain).status == 400, f"{app.name}: gone, and signs in"

    def check_app(self, app):
        self.checked += 1
        shown = self.get(f"/admin/apps/{app.id}", (200, 404))
        if "delete" in app.unsure:
            app.deleted = shown is None  # either, but for ever
            app.unsure.discard("delete")
        if app.deleted:
            self.check_gone(app)
            return
        assert shown is not None, f"{app.name} was made, acknowledged, and is missing"
        self.check_members(app, shown)
        for secret in [secret for secret in app.secrets.values() if secret][:1]:
            assert sign_in(self.server, app, secret, self.plain).status == 200, f"{app.name}: a secret is lost"
        for secret in app.removed[:1]:
            assert sign_in(self.server, app, secret, self.plain).status == 401, f"{app.name}: a removed secret is back"
        assert not any(self.token_lives(token) for token in app.dead), f"{app.name}: a revoked token lives again"
        lives = [self.token_lives(token) for token in app.tokens]
        if "tokens" in app.unsure:
            assert len(set(lives)) <= 1, f"{app.name}: revoked by half"
            if lives and not lives[0]:
                app.dead, app.tokens = app.dead + app.tokens, []
        else:
            assert all(lives), f"{app.name}: a token died without having been revoked"
        app.unsure.clear()

    def check_members(self, app, shown):
        """What was acknowledged, and at most the one change beside it that had no answer."""
        for kind, known, found in (("secrets", set(app.secrets), {item["id"] for item in shown["secrets"]}),
                                   ("federated", app.federated, {item["name"] for item in shown["federated"]}),
                                   ("roles", app.roles, self.roles_of(app))):
            if kind not in app.unsure:
                assert found == known, f"{app.name}: {kind} are {found}, told were {known}"
                continue
            assert len(found ^ known) <= 1, f"{app.name}: {kind} are {found}, told were {known}"
            if kind == "secrets":
                lost = [app.secrets.pop(one) for one in known - found]
                assert bool(lost) <= ("tokens" in app.unsure), "no secret was asked to be removed"
                app.removed += lost
                if lost:  # with the tokens, in one change
                    assert not any(self.token_lives(token) for token in app.tokens), f"{app.name}: removed by half"
                app.secrets.update(dict.fromkeys(found - known))  # there, and nobody was told its text
            elif kind == "federated":
                app.federated = found
            else:
                app.roles = found

    def check_unanswered(self, names):
        """Those that were asked for and never acknowledged: whole, or not there."""
        for name in names:
            shown = self.get(f"/admin/apps/{name}", (200, 404))
            if shown and name.startswith("pair-"):
                assert "Callgate Data Contributor" in shown["roles"], f"{name} was made by half"


def nothing_is_half_made(store: Path):
    """Of the rows themselves: every change has its log entry, and the tally counts what is there."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    counted = dict(db.execute("SELECT deleted > 0, count(*) FROM users GROUP BY 1"))
    tally = dict(db.execute("SELECT state, n FROM users_tally"))
    assert (counted.get(0, 0), counted.get(1, 0)) == (tally[0], tally[1])
    unlogged = db.execute("SELECT count(*) FROM users WHERE (revoked > 0 OR deleted > 0) AND NOT EXISTS (SELECT 1 FROM "
                          "change_log WHERE change_log.resource = users.resource AND change_log.id = users.id)")
    assert unlogged.fetchone() == (0,), "a revocation without its log entry"
    assert db.execute("SELECT count(*) FROM access_keys").fetchone() == (2,)
    orphans = db.execute("SELECT count(*) FROM role_assignments WHERE principal NOT IN "
                         "(SELECT object_id FROM applications)")
    assert orphans.fetchone() == (0,), "a role of nobody"
    alone = db.execute("SELECT count(*) FROM applications WHERE name LIKE 'pair-%' AND object_id NOT IN "
                       "(SELECT principal FROM role_assignments)")
    assert alone.fetchone() == (0,), "an application without the role that it was made with"
    db.close()


def one_life(server, key, known, apps, chance) -> list:
    """Load, and a kill in the midst of it."""
    stop = threading.Event()
    writers = [Writer(server, key, chance.random(), stop) for _ in range(WRITERS)]
    keys = KeyWriter(server, stop)
    app_writers = [AppWriter(server, chance.random(), stop) for _ in range(APP_WRITERS)]
    everybody = (*writers, *app_writers, keys)
    for writer in everybody:
        writer.start()
    time.sleep(chance.uniform(0.005, 0.25))
    server.kill()
    stop.set()
    for writer in everybody:
        writer.join(40)
        assert not writer.is_alive(), "a client waits for an answer of a dead server"
    for writer in (*writers, *app_writers):
        assert not writer.wrong, writer.wrong
    known += [user for writer in writers for user in writer.users]
    apps += [app for writer in app_writers for app in writer.apps]
    made = {app.name for app in apps}
    unanswered = [name for writer in app_writers for name in writer.tried if name not in made]
    return [sum(writer.acknowledged for writer in (*writers, *app_writers)), keys, unanswered]


@pytest.mark.parametrize("round", range((KILLS + PER_SERVER - 1) // PER_SERVER))
def test_kills(round):
    chance = random.Random(SEED + round)
    kills = min(PER_SERVER, KILLS - round * PER_SERVER)
    server, known, old, old_apps, acknowledged, checked = Server().start(), [], [], [], 0, 0
    print(f"CALLGATE_SEED={SEED} round {round}: {kills} kills")
    try:
        for _ in range(kills):
            known, apps = [], []
            said, keys, unanswered = one_life(server, server.primary, known, apps, chance)
            acknowledged += said
            server.start()
            verifier = Verifier(server)
            for user in known + chance.sample(old, min(10, len(old))):
                verifier.check(user)
            for app in apps + chance.sample(old_apps, min(5, len(old_apps))):
                verifier.check_app(app)
            verifier.check_unanswered(unanswered)
            verifier.close()
            checked += verifier.checked
            if keys.last and not keys.unsure:
                assert server.secondary == keys.last, "the key that was told is not the key"
            old += [user for user in known if not user.unsure]
            old_apps += [app for app in apps if not app.unsure]
        nothing_is_half_made(Path(server.data) / "callgate.db")
        verifier = Verifier(server)
        for user in old:
            verifier.check(user)
        for app in old_apps:
            verifier.check_app(app)
        verifier.close()
        names = {user.id for user in old if not user.deleted}
        listed, target = [], "/admin/users?limit=1000"
        while target:
            page = server.admin("GET", target).json()
            listed += [user["id"] for user in page["value"]]
            target = page.get("nextLink", "").partition("/admin/")[2]
            target = target and "/admin/" + target
        assert len(listed) == len(set(listed)) and names <= set(listed), "doubled or missing in the list"
        made = server.signed("POST", "/identities" + VERSION)
        assert made.status == 201, made
    finally:
        print(f"{acknowledged} acknowledged writes, {checked + len(old)} users and {len(old_apps)} applications checked")
        server.close()
    assert acknowledged > kills, "there was load"
