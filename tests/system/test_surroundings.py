"""What the server's surroundings may do to it: descriptors, limits of the system, long paths, locked keys."""

import fcntl
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path

import pytest
from callgate_server import Server, binary

SECONDS = 60
TARGET = "/identities?api-version=2023-10-01"
FREE = ("--https", "localhost:0", "--http", "localhost:0")


def test_standard_descriptors_that_are_closed(tmp_path):
    """Else the log would go to whatever gets the number: a socket, a file of the data directory."""
    data = tmp_path / "data"
    line = f'exec "{binary()}" serve --data "{data}" --https localhost:0 --http localhost:0 --ready-fd 9 <&- >&- 2>&-'
    reader, writer = os.pipe()
    process = subprocess.Popen(["bash", "-c", f"exec 9>&{writer}; {line}"], pass_fds=(writer,))
    os.close(writer)
    try:
        assert os.read(reader, 4096).startswith(b"ready ")
        held = {fd: os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in (0, 1, 2)}
        assert set(held.values()) == {"/dev/null"}, held
    finally:
        os.close(reader)
        process.terminate()
        assert process.wait(SECONDS) == 0


def told(server, event: str):
    end = time.monotonic() + SECONDS
    while f'"{event}"' not in server.log():
        assert time.monotonic() < end, server.log()[-2000:]
        time.sleep(0.05)


def test_a_limit_on_the_size_of_files_is_a_full_disk(fresh_server):
    server = fresh_server()
    wal = Path(server.data) / "callgate.db-wal"
    server.new_user()
    unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size + 65536, unlimited[1]))
    statuses = set()
    for _ in range(200):
        statuses.add(server.signed("POST", TARGET).status)
        if 503 in statuses:
            break
    assert statuses == {201, 503}, statuses
    assert server.signed("GET", "/admin/whoami").status == 200, "reads go on"
    told(server, "store.full")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert server.signed("POST", TARGET).status == 201, "and writes again, when there is room"
    told(server, "store.writes_again")
    assert server.log().count('"store.full"') == 1, "once, not for each request"


def test_a_data_directory_whose_path_is_too_long(tmp_path):
    data = tmp_path / ("x" * 100)
    run = subprocess.run([binary(), "serve", "--data", data, *FREE], capture_output=True, text=True, timeout=SECONDS)
    said = run.stderr.splitlines()[-1]
    assert run.returncode == 5 and said.startswith("callgate: the path of the data directory") and "--data" in said, run
    assert not data.exists()


def test_a_private_key_under_a_password_is_refused_without_asking(tmp_path):
    """On a terminal the TLS library would ask for it, and wait."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-passout", "pass:secret", "-subj", "/CN=localhost",
                    "-days", "2", "-out", cert], check=True, capture_output=True, timeout=SECONDS)
    terminal, inner = pty.openpty()
    run = subprocess.Popen([binary(), "serve", "--data", tmp_path / "data", *FREE, "--tls-cert", cert, "--tls-key", key],
                           stdin=inner, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                           preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(inner)
    try:
        _, said = run.communicate(timeout=SECONDS)
    finally:
        run.kill()
        os.close(terminal)
    assert run.returncode == 5 and "password" in said.splitlines()[-1], said


def test_one_loop_for_each_processor_it_may_use(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    one = Server(data=str(tmp_path / "data"))
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        one.start()
    finally:
        os.sched_setaffinity(0, allowed)
    try:
        assert one.admin("GET", "/admin/status").json()["threads"] == 1
    finally:
        assert one.stop() == 0


def test_a_copy_that_a_crash_left_is_cleared_away(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    left = [f"backup-{uuid.uuid4()}.tmp", f"backup-{uuid.uuid4()}.tmp.aB3dE6"]
    others = ["backup-of-monday.tmp", "notes.tmp"]
    for name in (*left, *others):
        (data / name).write_text("half of a copy")
    server = Server(data=str(data)).start()
    assert server.stop() == 0
    assert not any((data / name).exists() for name in left) and all((data / name).exists() for name in others)


def test_commands_know_a_server_that_was_killed(fresh_server):
    server = fresh_server()
    server.kill()
    for command in (["status"], ["env"], ["user", "list"], ["token", "issue"], ["sign", "GET", "/"], ["backup", "/dev/null", "--force"]):
        run = server.cli(*command)
        assert run.returncode == 3, run
        assert len(run.stderr.splitlines()) == 1 and server.data in run.stderr and "callgate serve" in run.stderr, run


@pytest.mark.parametrize("name", ["a blank", "an apostrophe's", 'a "quote"', "a $HOME and a `tick` \\ more"])
def test_env_bears_any_path(tmp_path, fresh_server, name):
    data = tmp_path / name
    data.mkdir(mode=0o700)
    server = fresh_server(data=str(data))
    ca = server.ca_file
    lines = server.cli("env", check=True).stdout
    said = subprocess.run(["sh", "-c", lines + '\nprintf "%s\\n%s" "$CALLGATE_CA_FILE" "$CALLGATE_JAVA_OPTIONS"'],
                          capture_output=True, text=True, check=True, timeout=SECONDS).stdout.split("\n")
    assert said[0] == ca
    assert json.loads(server.cli("env", "--shell", "json", check=True).stdout)["CALLGATE_CA_FILE"] == ca
    dotenv = dict(line.split("=", 1) for line in server.cli("env", "--shell", "dotenv", check=True).stdout.splitlines()
                  if not line.startswith("#"))["CALLGATE_CA_FILE"]
    assert dotenv[0] == dotenv[-1] == '"' and re.sub(r"\\(.)", r"\1", dotenv[1:-1]) == ca
    fish = re.search(r"^set -gx CALLGATE_CA_FILE '(.*)'$", server.cli("env", "--shell", "fish", check=True).stdout, re.MULTILINE)[1]
    assert re.sub(r"\\(.)", r"\1", fish) == ca
    power = re.search(r"^\$env:CALLGATE_CA_FILE = '(.*)'$", server.cli("env", "--shell", "powershell", check=True).stdout, re.MULTILINE)[1]
    assert power.replace("''", "'") == ca
    java = subprocess.run(["java", "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=SECONDS,
                          env={**os.environ, "JAVA_TOOL_OPTIONS": said[1]}).stderr
    assert f"javax.net.ssl.trustStore = {data}/truststore.jks" in java, java


def test_an_export_is_for_its_owner_alone(fresh_server, tmp_path):
    server = fresh_server()
    user, _ = server.new_user()
    assert server.cli("user", "export", user, "--out", str(tmp_path / "user.jsonl")).returncode == 0
    assert (tmp_path / "user.jsonl").stat().st_mode & 0o077 == 0


def started_with(descriptors: int, data: Path, *before: str) -> subprocess.CompletedProcess:
    """A start that must fail."""
    return subprocess.run([*before, binary(), "serve", "--data", data, *FREE, "--threads", "1"], capture_output=True, text=True,
                          timeout=SECONDS, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))


@pytest.mark.parametrize("descriptors", [5, 8, 12, 14, 16, 18, 20, 24, 28, 32, 40, 70])
def test_too_few_descriptors_are_told_in_one_sentence(tmp_path, descriptors):
    run = started_with(descriptors, tmp_path / "data")
    assert run.returncode == 5 and not run.stdout, run
    assert run.stderr.startswith("callgate: too few files may be opened") and run.stderr.count("\n") == 1, run
    assert str(descriptors) in run.stderr and "ulimit -n" in run.stderr and "LimitNOFILE=" in run.stderr, run
    assert not (tmp_path / "data").exists()


OPEN_SIXTY = """
import os, sys
for _ in range(60):
    os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_descriptors_that_the_server_was_started_with_count(tmp_path):
    """Else some other step fails, and speaks of something else."""
    run = started_with(110, tmp_path / "data", sys.executable, "-c", OPEN_SIXTY)
    assert run.returncode == 5 and "too few files may be opened" in run.stderr, run


def test_a_server_that_gives_up_says_why():
    """Whatever can't be had at run time ends it by abort(), which is silent; a debugger still sees where."""
    server = Server().start()
    try:
        assert server.stop(signal.SIGABRT) == -signal.SIGABRT
        assert server.log().splitlines()[-1].startswith("callgate: had to give up: the system gave no memory")
    finally:
        server.close()
