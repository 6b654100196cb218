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

from writers import VERSION, KeyWriter, Writer

KILLS = int(os.environ.get("CALLGATE_KILLS", "200"))
SEED = int(os.environ.get("CALLGATE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
WRITERS = 8
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
    db.close()


def one_life(server, key, known, chance) -> list:
    """Load, and a kill in the midst of it."""
    stop = threading.Event()
    writers = [Writer(server, key, chance.random(), stop) for _ in range(WRITERS)]
    keys = KeyWriter(server, stop)
    for writer in (*writers, keys):
        writer.start()
    time.sleep(chance.uniform(0.005, 0.25))
    server.kill()
    stop.set()
    for writer in (*writers, keys):
        writer.join(40)
        assert not writer.is_alive(), "a client waits for an answer of a dead server"
    for writer in writers:
        assert not writer.wrong, writer.wrong
        known += writer.users
    return [sum(writer.acknowledged for writer in writers), keys]


@pytest.mark.parametrize("round", range((KILLS + PER_SERVER - 1) // PER_SERVER))
def test_kills(round):
    chance = random.Random(SEED + round)
    kills = min(PER_SERVER, KILLS - round * PER_SERVER)
    server, known, old, acknowledged, checked = Server().start(), [], [], 0, 0
    print(f"CALLGATE_SEED={SEED} round {round}: {kills} kills")
    try:
        for _ in range(kills):
            known = []
            said, keys = one_life(server, server.primary, known, chance)
            acknowledged += said
            server.start()
            verifier = Verifier(server)
            for user in known + chance.sample(old, min(10, len(old))):
                verifier.check(user)
            verifier.close()
            checked += verifier.checked
            if keys.last and not keys.unsure:
                assert server.secondary == keys.last, "the key that was told is not the key"
            old += [user for user in known if not user.unsure]
        nothing_is_half_made(Path(server.data) / "callgate.db")
        verifier = Verifier(server)
        for user in old:
            verifier.check(user)
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
        print(f"{acknowledged} acknowledged writes, {checked + len(old)} users checked")
        server.close()
    assert acknowledged > kills, "there was load"
