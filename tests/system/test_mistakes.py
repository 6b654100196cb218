"""The likeliest mistakes of a newcomer: each is told in words that say what to do instead."""

import json
import socket
import ssl

import pytest
from waiting import until
from wire import Wire, head

SECONDS = 60


def refusals(server) -> list[str]:
    lines = (json.loads(line) for line in server.log().splitlines() if line.startswith("{"))
    return [line["why"] for line in lines if line["event"] == "http.refused"]


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
