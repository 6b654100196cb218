"""Chat on the command line, against the real server: as a user, as the owner, and live."""

import json
import os
import pty
import signal
import subprocess
import threading

import pytest
from chat import Person, until
from subscribing import advance

WAIT = 30


def run(server, *args, code=0, stdin=None):
    done = server.cli("chat", *args, stdin=stdin)
    assert done.returncode == code, (args, done)
    assert server.primary not in done.stderr and "eyJ" not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def anna(server):
    return Person(server)


@pytest.fixture
def ben(server):
    return Person(server)


@pytest.fixture
def thread(server, anna, ben):
    return run(server, "thread", "create", "Lunch", f"{anna.id}=Anna", f"{ben.id}=Ben", "--as", anna.id).strip()


class Window:
    """`callgate chat watch` in a window of its own."""

    def __init__(self, server, *args, stdin=subprocess.PIPE):
        self.process = subprocess.Popen([server.program, "chat", "watch", *args, "--data", server.data],
                                        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=server.environment)
        self.lines, self.errors = [], []
        self.readers = [threading.Thread(target=self.read, args=pair, daemon=True) for pair in (
            (self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for reader in self.readers:
            reader.start()

    def read(self, stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(WAIT)

    def type(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, what):
        until(lambda: what() or self.process.poll() is not None)
        assert what(), (self.lines, self.errors)

    def wait(self, line: str):
        self.until(lambda: line in self.lines)

    def hear(self, part: str, times: int = 1):
        self.until(lambda: sum(part in line for line in self.lines) >= times)

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.lines]

    def ready(self, times: int = 1):
        self.hear('"ready"', times)

    def end(self) -> int:
        return self.process.wait(WAIT)


def test_two_people_talk(server, anna, ben, thread):
    with Window(server, thread, "--as", anna.id) as one, Window(server, thread, "--as", ben.id) as two:
        until(lambda: one.process.poll() is None and (two.type("are you there?") or "Ben: are you there?" in one.lines))
        one.type("yes \x1b[31m here")
        two.wait("Anna: yes ?[31m here")
        run(server, "thread", "update", thread, "--as", ben.id, "--topic", "Dinner")
        one.wait("Ben changes the thread: Dinner")
        run(server, "participant", "remove", thread, ben.id, "--as", anna.id)
        two.wait("Anna removes Ben")
        assert two.end() == 0, "he is out: there is nothing more to see"
        run(server, "thread", "delete", thread)
        one.wait(" deletes the thread")
        assert one.end() == 0


def test_a_program_gets_lines_and_goes_on_where_it_was(server, anna, ben, thread):
    with Window(server, thread, "--as", ben.id, "--json", "--count", "1") as first:
        first.ready()
        first_id = run(server, "message", "send", thread, "one", "--as", anna.id).strip()
        assert first.end() == 0
        until(lambda: len(first.lines) >= 2)
    event = first.events()[-1]
    assert (event["type"], event["message"]["id"]) == ("chatMessageReceived", first_id)
    missed = run(server, "message", "send", thread, "two", "--as", anna.id).strip()
    told = run(server, "watch", thread, "--as", ben.id, "--json", "--count", "1", "--cursor", event["cursor"])
    assert [e["message"]["id"] for e in map(json.loads, told.splitlines()) if "message" in e] == [missed]


def test_without_a_thread_it_shows_all_of_the_users(server, anna, ben):
    with Window(server, "--as", ben.id, "--json", "--count", "2") as window:
        window.ready()
        one, two = anna.create("one", ben), anna.create("two", ben)
        assert window.end() == 0
        until(lambda: len(window.lines) >= 3)
        assert [event["threadId"] for event in window.events()[1:]] == [one.id, two.id]


@pytest.fixture
def days(fresh_server):
    """A server of the test's own, a thread that its maker writes to, and the other's window, which is ready."""
    server = fresh_server()
    anna, ben = Person(server), Person(server)
    thread = anna.create("days", ben)
    with Window(server, thread.id, "--as", ben.id, "--json") as window:
        window.ready()
        yield server, thread, window


def come_back(server):
    """The server was away, and is where it was."""
    server.listen = ["--https", f"localhost:{server.https_port}", "--http", f"localhost:{server.http_port}"]
    server.stop()
    server.start()


def test_a_server_that_comes_back_is_found_again(days):
    server, thread, window = days
    come_back(server)
    thread.send("after the restart")
    window.hear("after the restart")


def test_a_token_that_has_expired_is_issued_anew(days):
    server, thread, window = days
    advance(server, "25h")
    window.ready(2)
    thread.by(thread.who.with_scopes("chat")).send("a day later")
    window.hear("a day later")


def test_a_token_that_expires_while_the_server_is_away_is_issued_anew(days):
    server, thread, window = days
    window.process.send_signal(signal.SIGSTOP)  # it must not come back before the day is over
    come_back(server)
    advance(server, "25h")
    window.process.send_signal(signal.SIGCONT)
    thread.by(thread.who.with_scopes("chat")).send("a day later")
    window.hear("a day later")


def test_a_token_that_was_given_and_is_revoked_ends_it(server, anna, ben, thread):
    with Window(server, thread, "--token", ben.token, "--json") as window:
        window.ready()
        assert server.signed("POST", f"/identities/{ben.id}/:revokeAccessTokens?api-version=2023-10-01").status == 204
        assert window.end() == 1
        until(lambda: window.errors)
        assert "no longer good" in window.errors[0] and ben.token not in "".join(window.errors)


def test_a_terminal_shows_what_was_typed_once(server, anna, ben, thread):
    ours, theirs = pty.openpty()
    with Window(server, thread, "--as", anna.id, stdin=theirs) as one, Window(server, thread, "--as", ben.id) as two:
        until(lambda: one.process.poll() is None and (two.type("there?") or "Ben: there?" in one.lines))
        os.write(ours, b"yes\n")
        two.wait("Anna: yes")
        two.type("good")
        one.wait("Ben: good")
        assert not [line for line in one.lines if "Anna" in line]
        os.write(ours, b"\x04")
        assert one.end() == 0
    os.close(ours)
    os.close(theirs)


def test_lines_that_are_refused_do_not_end_it(server, anna, ben, thread):
    with Window(server, thread, "--as", anna.id) as one, Window(server, thread, "--as", ben.id) as two:
        until(lambda: one.process.poll() is None and (two.type("there?") or "Ben: there?" in one.lines))
        one.type("x" * 30000)
        until(lambda: one.errors)
        assert "413" in "".join(one.errors)
        one.type("short")
        two.wait("Anna: short")


def test_what_is_no_thread_of_his_is_told(server, anna, thread):
    stranger = Person(server)
    run(server, "watch", thread, "--as", stranger.id, code=1)
    run(server, "watch", "19:none@thread.v2", "--as", anna.id, code=4)
    run(server, "watch", thread, "--as", "8:acs:nobody", code=4)


def test_a_token_is_enough_for_an_end_user(server, anna, ben, thread):
    environment = {**server.environment, "CALLGATE_USER_TOKEN": ben.token, "CALLGATE_DATA": "/nonexistent",
                   "CALLGATE_ENDPOINT": server.http_endpoint, "SSL_CERT_FILE": ""}
    sent = subprocess.run([server.program, "chat", "message", "send", thread, "hello"], capture_output=True, text=True,
                          timeout=60, env=environment)
    assert sent.returncode == 0, sent
    listed = subprocess.run([server.program, "chat", "message", "list", thread, "--json", "--limit", "1"],
                            capture_output=True, text=True, timeout=60, env=environment)
    assert json.loads(listed.stdout)[0]["content"] == {"message": "hello"}
    refused = subprocess.run([server.program, "chat", "thread", "list", "--token", "eyJ.x.y"], capture_output=True,
                             text=True, timeout=60, env=environment)
    assert refused.returncode == 1 and "Unauthorized" in refused.stderr


def test_by_connection_string(server, anna, thread):
    environment = {**server.environment, "COMMUNICATION_SERVICES_CONNECTION_STRING": server.http_connection_string}
    for args in (("thread", "list", "--as", anna.id), ("thread", "list", "--user", anna.id),
                 ("message", "list", thread)):
        done = subprocess.run([server.program, "chat", *args, "--connection-string", "env"], capture_output=True,
                              text=True, timeout=60, env=environment)
        assert done.returncode == 0 and ("Lunch" in done.stdout), done


def test_the_owner_looks_and_deletes(server, anna, ben, thread):
    id = run(server, "message", "send", thread, "secret plan", "--as", anna.id, "--name", "Anna").strip()
    assert thread in run(server, "thread", "list", "--user", ben.id)
    shown = json.loads(run(server, "thread", "show", thread, "--json"))
    assert shown["topic"] == "Lunch" and shown["participantCount"] == 2
    assert "secret plan" in run(server, "message", "list", thread)
    assert "Ben" in run(server, "participant", "list", thread)
    run(server, "message", "edit", thread, id, "another", "--as", ben.id, code=1)
    run(server, "message", "edit", thread, id, "another", "--as", anna.id)
    run(server, "message", "delete", thread, id, "--as", anna.id)
    assert "(deleted)" in run(server, "message", "list", thread, "--as", ben.id)
    run(server, "thread", "delete", thread)
    run(server, "thread", "show", thread, code=4)
    run(server, "thread", "show", thread, "--as", anna.id, code=4)


def test_the_sample_of_the_library_talks(server):
    sample = server.program.parent / "client" / "first_chat"
    done = subprocess.run([sample], capture_output=True, text=True, timeout=60, env=server.env)
    assert done.returncode == 0 and done.stdout == "Anna: Hello Ben, are you hungry?\n", done
