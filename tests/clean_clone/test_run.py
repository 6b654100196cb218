"""`make run` in a clean clone: every line it prints does what it says, and a second run finds what the first left."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

INTERRUPTED = (0, 2, 130, -signal.SIGINT)  # make's own word for Ctrl-C differs by version
BUILD_SECONDS, LINE_SECONDS, STOP_SECONDS = 1200, 300, 60
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
USER = re.compile(r"8:acs:[0-9a-f-]{36}_[0-9a-f-]{36}")


class Run:
    """`make run` in a process group of its own, as in a terminal; its output as it comes."""

    def __init__(self, clone: Path, state: Path, ports=(0, 0)):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("CALLGATE_", "COMMUNICATION_", "ASAN_", "UBSAN_", "TSAN_", "MAKE", "SUDO_"))}
        environment |= {"XDG_STATE_HOME": str(state), "CALLGATE_ARGS": f"--https localhost:{ports[0]} --http localhost:{ports[1]}"}
        self.environment = environment
        self.process = subprocess.Popen(["make", "run"], cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, text=True, env=environment, start_new_session=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # as in a terminal
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.text += line

    def wait_for(self, words: str, seconds: float):
        end = time.monotonic() + seconds
        while words not in self.text:
            assert self.process.poll() is None, f"make run ended with {self.process.returncode}: {self.text[-3000:]}"
            assert time.monotonic() < end, f"no {words!r}: {self.text[-3000:]}"
            time.sleep(0.2)

    def line_after(self, title: str) -> str:
        """The line below a title, and nothing else: it must be one."""
        found = re.search(rf"^{re.escape(title)}:\n((?:  .*\n)+)", self.text, re.MULTILINE)
        assert found, f"nothing below {title!r}: {self.text}"
        lines = found[1].splitlines()
        assert len(lines) == 1, lines
        return lines[0].strip()

    def said(self, title: str) -> str:
        return re.search(rf"^  {re.escape(title)} +(\S+)$", self.text, re.MULTILINE)[1]

    def ports(self):
        return [re.search(r"localhost:(\d+)", self.said(f"connection string ({kind})"))[1] for kind in ("https", "http")]

    def shell(self, line: str) -> str:
        """A line in a fresh shell, as if pasted into another terminal."""
        run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=LINE_SECONDS,
                             cwd="/", env=self.environment)
        assert run.returncode == 0, f"{line}\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
        return run.stdout

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(STOP_SECONDS)
        self.reader.join(10)
        return code

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def first(clone, state):
    assert not (clone / "build").exists(), "something was built here before: the clone isn't clean"
    run = Run(clone, state)
    try:
        run.wait_for("Variables for a shell:", BUILD_SECONDS)
        yield run
    finally:
        run.end()


MADE = {}


TITLES = ["JavaScript", "Python", "curl", "Command line", "JavaScript, without a key (managed identity)"]


@pytest.mark.parametrize("title", TITLES)
def test_each_printed_line_works_as_printed(first, title):
    out = first.shell(first.line_after(title))
    assert USER.search(out), out
    if title != "curl":
        assert TOKEN.search(out), out
    MADE[title] = USER.search(out)[0]


def test_the_printed_text_message_is_in_the_inbox(first):
    out = first.shell(first.line_after("A text message, into the inbox of this server"))
    sent, *listed = out.splitlines()
    assert sent.startswith("Outgoing_") and any(sent in line and "Your code is 123456" in line for line in listed), out


def data_of(run) -> str:
    return re.search(r"--data '([^']+)'", run.line_after("Command line"))[1]


def server_of(run) -> str:
    return run.line_after("Command line").split(" ")[0]


def test_variables_for_a_shell(first):
    line = re.search(r"^Variables for a shell:  (.*)$", first.text, re.MULTILINE)[1]
    out = first.shell(line + ' && printf "%s\\n" "$COMMUNICATION_SERVICES_CONNECTION_STRING" "$CALLGATE_CA_FILE" '
                      '"$CALLGATE_HTTP_CONNECTION_STRING"')
    assert out.splitlines() == [first.said("connection string (https)"), first.said("certificate authority"),
                                first.said("connection string (http)")]


def test_data_is_where_it_belongs(first, state):
    assert data_of(first) == str(state / "callgate")
    assert (state / "callgate").stat().st_mode & 0o077 == 0
    assert subprocess.run(["git", "-C", str(Path(server_of(first)).parents[1]), "status", "--porcelain"],
                          capture_output=True, text=True, timeout=60).stdout == "", "the run leaves nothing behind"


def strings_of(run):
    return [run.said("connection string (https)"), run.said("connection string (http)")]


def test_second_run_finds_what_the_first_left(first, clone, state):
    assert len(MADE) == len(TITLES), "needs the lines to have run"
    before = strings_of(first)
    assert first.interrupt() in INTERRUPTED, first.text[-2000:]
    assert not (state / "callgate" / "server.json").exists(), "the server has ended well"
    second = Run(clone, state, first.ports())  # port 0 picked them: now they are asked for
    try:
        second.wait_for("Variables for a shell:", BUILD_SECONDS)
        assert strings_of(second) == before
        listed = second.shell(f"'{server_of(second)}' user list --json --data '{data_of(second)}'")
        for title, user in MADE.items():
            assert user in listed, f"the user of {title} is gone"
        assert second.interrupt() in INTERRUPTED
    finally:
        second.end()
