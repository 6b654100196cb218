"""`tools/run`, what `make run` starts: paths with blanks and quotes, and its end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from callgate_server import ROOT, binary
from wire import head, spelled

SECONDS = 60
TARGET = "/identities?api-version=2023-10-01"


def as_in_a_terminal():
    """Whoever started the tests may ignore these (nohup does), and a shell can't undo that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    def __init__(self, folder: Path, state: Path):
        (folder / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "run", folder / "tools" / "run")
        self.program = folder / "a build"
        self.program.symlink_to(binary().parent)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("CALLGATE_", "SUDO_"))}
        self.environment |= {"XDG_STATE_HOME": str(state), "CALLGATE_ARGS": "--https localhost:0 --http localhost:0"}
        self.process = subprocess.Popen([folder / "tools" / "run", "a build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, text=True, env=self.environment, start_new_session=True,
                                        preexec_fn=as_in_a_terminal)
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.wait_for("Variables for a shell:")

    def read(self):
        for line in self.process.stdout:
            self.text += line

    def wait_for(self, words: str):
        end = time.monotonic() + SECONDS
        while words not in self.text:
            assert self.process.poll() is None and time.monotonic() < end, self.text[-3000:]
            time.sleep(0.05)

    def line(self, title: str) -> str:
        return re.search(rf"^{title}:\s+(.*)$", self.text, re.MULTILINE)[1]

    def shell(self, line: str) -> str:
        run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=SECONDS, cwd="/", env=self.environment)
        assert run.returncode == 0, (line, run)
        return run.stdout

    def end(self) -> int:
        self.reader.join(SECONDS)
        return self.process.wait(SECONDS)


@pytest.fixture
def run(tmp_path):
    one = Run(tmp_path / "it's a folder", tmp_path / "its \"state\" $HOME's")
    yield one
    if one.process.poll() is None:
        os.killpg(one.process.pid, signal.SIGTERM)
    one.end()


def test_printed_lines_survive_blanks_and_quotes(run):
    assert "8:acs:" in run.shell(run.line("Command line"))
    assert "8:acs:" in run.shell(run.line("curl"))
    said = run.shell(run.line("Variables for a shell") + ' && printf "%s" "$CALLGATE_CA_FILE"')
    assert Path(said).is_file()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM to the script", "terminal gone"])
def test_ends_with_requests_answered(run, how):
    said = run.shell(run.line("Variables for a shell") + ' && printf "%s" "$CALLGATE_HTTP_CONNECTION_STRING"')
    host, key = re.fullmatch(r"endpoint=http://(.+)/;accesskey=(.+)", said).groups()
    body = b'{"createTokenWithScopes":["chat"]}'
    octets = head("POST", TARGET, {**spelled(key, "POST", TARGET, host, body), "Content-Type": "application/json"}, body)
    with socket.create_connection(("127.0.0.1", int(host.split(":")[1])), 10) as s:
        s.sendall(octets[:-5])
        time.sleep(0.3)
        if how == "SIGTERM to the script":
            run.process.send_signal(signal.SIGTERM)
        else:
            os.killpg(run.process.pid, signal.SIGINT if how == "Ctrl-C" else signal.SIGHUP)
        time.sleep(0.7)
        s.sendall(octets[-5:])
        assert s.recv(65536).startswith(b"HTTP/1.1 201 ")
    code = run.end()
    assert code == 0, run.text[-2000:]
    assert "Sanitizer" not in run.text, run.text[-4000:]
