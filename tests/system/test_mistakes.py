"""The likeliest mistakes of a newcomer: each is told in words that say what to do instead."""

import json
import re
import socket
import ssl
import subprocess

import pytest
from callgate_server import binary
from waiting import until
from wire import Wire, head

SECONDS = 60
KEY = "c2VjcmV0LWtleS1vZi1uby1zZXJ2ZXI="


def refusals(server) -> list[str]:
    lines = (json.loads(line) for line in server.log().splitlines() if line.startswith("{"))
    return [line["why"] for line in lines if line["event"] == "http.refused"]


def told(server, *args, code: int) -> str:
    run = server.cli(*args)
    assert run.returncode == code, run
    return run.stderr


def refused_start(tmp_path, *args) -> str:
    """The sentence of a start that fails."""
    run = subprocess.run([binary(), "serve", "--data", tmp_path / "data", "--https", "localhost:0", "--http", "localhost:0",
                          *args], capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 5 and not run.stdout, run
    return run.stderr.splitlines()[-1]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_plain_http_at_the_port_of_tls(fresh_server, method):
    server = fresh_server()
    with Wire(server.https_port) as wire:
        answer = wire.send(head(method, "/", {"Host": "localhost"})).receive()
        assert answer.status == 400 and answer.headers["connection"] == "close"
        assert b"https://" in answer.body and len(answer.body) == int(answer.headers["content-length"])
        assert wire.receive() is None, "and then it ends"
    until(lambda: "plain HTTP on a listener of TLS" in refusals(server))
    assert server.send("GET", "/health/live", secure=True).status == 200


def test_what_is_neither_gets_no_answer(server):
    with Wire(server.https_port) as wire:
        assert not wire.send(b"\x00\x01 nonsense").receive()


def test_a_request_behind_the_first_record_is_not_answered_in_the_clear(server):
    """The beginning of a handshake was there: whoever goes on in the clear is no newcomer."""
    with Wire(server.https_port) as wire:
        wire.send(b"\x16\x03\x01")
        wire.send(head("GET", "/", {"Host": "localhost"}))
        while wire.more():
            pass
        assert b"HTTP/" not in wire.kept


def test_tls_at_the_port_of_plain_http(fresh_server):
    server = fresh_server()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", server.http_port), SECONDS) as s:
            server.tls().wrap_socket(s, server_hostname="localhost")
    until(lambda: "TLS on a listener of plain HTTP" in refusals(server))


def test_the_command_line_tells_tls_from_plain(server):
    def ask(scheme, port):
        return told(server, "token", "issue", "--connection-string", f"endpoint={scheme}://localhost:{port}/;accesskey={KEY}",
                    code=3 if scheme == "https" else 1)
    assert "write http:// in the endpoint" in ask("https", server.http_port)
    assert "write https:// instead" in ask("http", server.https_port)


def test_a_name_that_has_no_address(server):
    said = told(server, "token", "issue", "--connection-string", f"endpoint=https://nobody.invalid/;accesskey={KEY}", code=3)
    assert "spelling" in said and "callgate serve" not in said


def test_certificates_that_can_not_be_used_are_named_with_the_reason(tmp_path):
    missing, strange = tmp_path / "missing.pem", tmp_path / "strange.pem"
    strange.write_text("no certificate")
    assert f"{missing} (tls.cert): No such file or directory." in refused_start(tmp_path, "--tls-cert", missing, "--tls-key", missing)
    assert f"{tmp_path} (tls.cert): Is a directory." in refused_start(tmp_path, "--tls-cert", tmp_path, "--tls-key", missing)
    said = refused_start(tmp_path, "--tls-cert", strange, "--tls-key", strange)
    assert "no certificate" in said and f"tls.cert {strange}" in said


def test_a_file_that_can_not_be_written_is_named_with_the_reason(server, tmp_path):
    assert "No such file or directory" in told(server, "backup", str(tmp_path / "nowhere" / "copy"), code=5)
    assert "No such file or directory" in told(server, "user", "export", "8:acs:somebody", "--out", str(tmp_path / "no" / "copy"), code=5)


@pytest.mark.parametrize("group", [(), ("app",), ("chat",), ("event",)], ids=lambda group: " ".join(group) or "all")
def test_overviews_stand_in_columns(group):
    run = subprocess.run([binary(), *group, "--help"], capture_output=True, text=True, timeout=SECONDS, check=True)
    rows = [line for line in run.stdout.splitlines() if line.startswith("  ")]
    assert len(rows) > 5 and len({re.match(r"  \S+(?: \S+)*?  +", row).end() for row in rows}) == 1, rows
