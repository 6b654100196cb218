"""Restoring: what a crash in the middle, a second restore, another user or an empty directory makes of it."""

import os
import sqlite3
from pathlib import Path

import pytest
from callgate_server import Server
from waiting import until


@pytest.fixture
def made(tmp_path):
    """A data directory that a server has used and left well, and a backup of it."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    server = Server(data=str(data)).start()
    user, _ = server.new_user()
    copy = tmp_path / "copy.db"
    assert server.cli("backup", str(copy)).returncode == 0
    assert server.stop() == 0
    yield server, user, copy
    server.stop()


def test_no_service_token_of_before_counts(fresh_server, tmp_path):
    server, copy = fresh_server(), tmp_path / "copy.db"
    assert server.cli("app", "create", "worker", "--role", "Contributor").returncode == 0

    def token():
        return server.cli("token", "get", "--as", "worker", "--raw", check=True).stdout.strip()

    def status(one):
        return server.bearer("POST", "/identities?api-version=2023-10-01", one, {}, secure=True).status

    before = token()
    assert server.cli("backup", str(copy)).returncode == 0 and status(before) == 201
    assert server.cli("app", "revoke", "worker").returncode == 0 and status(before) == 401
    assert server.stop() == 0 and server.cli("restore", str(copy)).returncode == 0
    server.start()
    assert status(before) == 401, "the copy does not know that it was revoked"
    assert status(token()) == 201


def refused_start(server) -> str:
    with pytest.raises(RuntimeError):
        server.start()
    return server.log().splitlines()[-1]


def test_a_restore_that_was_cut_off_is_seen_at_the_start(made):
    server, user, copy = made
    store = Path(server.data) / "callgate.db"
    store.rename(store.with_name("callgate.db.before-restore"))  # and then the power went
    store.with_name("callgate.db.restore").write_bytes(copy.read_bytes())
    said = refused_start(server)
    assert said.startswith("callgate: ") and "callgate restore" in said and "before-restore" in said, said
    assert not store.exists(), "no new store is made in its place"
    assert server.cli("restore", str(copy)).returncode == 0
    assert store.with_name("callgate.db.before-restore").exists(), "what was there first is still there"
    server.start()
    assert server.admin("GET", f"/admin/users/{user}").status == 200


def test_what_was_set_aside_is_joined_to_no_other_log(made):
    server, user, copy = made
    aside = Path(server.data) / "callgate.db.before-restore"
    log = aside.with_name(aside.name + "-wal")
    server.start()
    server.new_user()
    server.kill()  # leaves a log that was not copied into the store
    assert server.cli("restore", str(copy)).returncode == 0
    assert log.exists()
    server.start()
    assert server.stop() == 0
    assert server.cli("restore", str(copy)).returncode == 0
    assert not log.exists(), "the log of the store that was set aside before"
    db = sqlite3.connect(aside)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(1,)]
    db.close()


def test_an_empty_directory_has_no_key_for_it(made, tmp_path):
    _, _, copy = made
    (tmp_path / "empty").mkdir(mode=0o700)
    empty = Server(data=str(tmp_path / "empty"))
    run = empty.cli("restore", str(copy))
    assert run.returncode == 5 and "master.key" in run.stderr, run
    assert not (tmp_path / "empty" / "master.key").exists()


def test_nothing_is_said_of_a_store_that_was_not_there(made, tmp_path):
    server, user, copy = made
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "elsewhere" / "master.key").write_bytes((Path(server.data) / "master.key").read_bytes())
    (tmp_path / "elsewhere" / "master.key").chmod(0o600)
    elsewhere = Server(data=str(tmp_path / "elsewhere"))
    assert elsewhere.cli("restore", str(copy), check=True).stdout == f"restored {elsewhere.data}/callgate.db\n"
    try:
        assert elsewhere.start().admin("GET", f"/admin/users/{user}").status == 200
    finally:
        elsewhere.stop()
    again = elsewhere.cli("restore", str(copy), check=True).stdout
    assert again == f"restored {elsewhere.data}/callgate.db; what was there before is in " \
                    f"{elsewhere.data}/callgate.db.before-restore\n"


def test_a_start_without_the_store_of_before_says_that_it_is_empty(made):
    server, user, _ = made
    (Path(server.data) / "callgate.db").unlink()
    before = server.log().count("store.begun_anew")
    server.start()
    until(lambda: server.log().count("store.begun_anew") == before + 1)
    assert before == 0, "a first start has nothing to say"
    assert server.admin("GET", f"/admin/users/{user}").status == 404


def test_root_leaves_the_files_to_their_owner(made):
    server, _, copy = made
    owner = 65534 if os.geteuid() == 0 else os.geteuid()  # only root can act for another user
    for path in (Path(server.data), *Path(server.data).iterdir()):
        os.chown(path, owner, -1)
    assert server.cli("restore", str(copy)).returncode == 0
    owners = {path.name: path.stat().st_uid for path in Path(server.data).iterdir() if path.name.startswith("callgate.db")}
    assert set(owners.values()) == {owner}, owners
