"""The framing attacks: every line and further class of the list, each with its twin, whole and octet
by octet, plain and over TLS. Source: wire/http §1."""

import hashlib
import json
import os
import socket
import ssl
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from attacks.framing_cases import CASES, SOUND, chunked, get, post  # noqa: E402
from echo_server import (EchoServer, ask, read_all, read_answers,  # noqa: E402
                         split_answers)

MARKER = b"/marker-%d-%d"
markers = iter(range(1, 1 << 30))


class AddressTarget:
    """A server that runs already: FRAMING_ADDRESS=host:port, FRAMING_LOG=its request log. It need
    not echo: a twin passes when no framing error is answered."""

    echoes = False
    kinds = ("plain",)

    def __init__(self, address, log_path):
        host, _, port = address.rpartition(":")
        self.address, self.log_path = (host, int(port)), log_path

    def connect(self, kind="plain"):
        return socket.create_connection(self.address, timeout=8)

    def saw(self, marker):
        time.sleep(0.15)  # the log is written every 100 ms
        with open(self.log_path, "rb") as f:
            return marker in f.read()

    def serves(self, status):
        return status not in (400, 408, 413, 414, 417, 431, 501, 505)

    def stop(self):
        pass


class EchoTarget(EchoServer):
    echoes = True

    def serves(self, status):
        return status == 200


@pytest.fixture(scope="module")
def target():
    address = os.environ.get("FRAMING_ADDRESS")
    server = AddressTarget(address, os.environ["FRAMING_LOG"]) if address else EchoTarget()
    yield server
    server.stop()


def send_slowly(sock, data):
    """One octet at a time; the server may hang up before the end."""
    try:
        for i in range(len(data)):
            sock.sendall(data[i:i + 1])
    except (ConnectionError, ssl.SSLError):
        pass


def send(sock, data, slowly):
    if slowly:
        send_slowly(sock, data)
        return
    try:
        sock.sendall(data)
    except (ConnectionError, ssl.SSLError):
        pass


def new_marker():
    return MARKER % (os.getpid(), next(markers))


def must_be_refused(target, kind, case, slowly):
    marker = new_marker()
    with target.connect(kind) as sock:
        send(sock, case.attack + b"GET " + marker + b" HTTP/1.1\r\nHost: a\r\n\r\n", slowly)
        data, closed = read_all(sock)
    assert closed, "the connection stays open"
    answers = split_answers(data)
    statuses = [a.status for a in answers]
    if target.echoes:
        assert statuses == case.want
    else:
        assert statuses[-1] == case.want[-1] and len(statuses) == len(case.want)
    assert answers[-1].headers["connection"] == "close"
    error = json.loads(answers[-1].body)["error"]
    assert error["code"] and error["message"]
    assert marker not in data and not target.saw(marker)


def must_be_served(target, kind, stream, slowly=False):
    expected = stream.count(b"HTTP/1.")
    with target.connect(kind) as sock:
        send(sock, stream, slowly)
        answers = read_answers(sock, expected)
    assert all(target.serves(a.status) for a in answers), [a.status for a in answers]


LONG = 3000  # octet by octet is for short streams


@pytest.mark.parametrize("kind", ["plain"] if os.environ.get("FRAMING_ADDRESS") else ["plain", "tls"])
@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_refuses(target, kind, case):
    must_be_refused(target, kind, case, slowly=False)


@pytest.mark.parametrize("case", [c for c in CASES if len(c.attack) < LONG],
                         ids=lambda c: c.name)
def test_refuses_octet_by_octet(target, case):
    must_be_refused(target, "plain", case, slowly=True)


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_serves_the_twin(target, case):
    must_be_served(target, "plain", case.twin)
    if target.echoes:
        must_be_served(target, "tls", case.twin)
    if len(case.twin) < LONG:
        must_be_served(target, "plain", case.twin, slowly=True)


@pytest.mark.parametrize("name,stream", SOUND, ids=[s[0] for s in SOUND])
def test_serves(target, name, stream):
    must_be_served(target, "plain", stream)
    must_be_served(target, "plain", stream, slowly=True)


@pytest.fixture
def echo(target):
    if not target.echoes:
        pytest.skip("needs the echo server")
    return target


@pytest.mark.parametrize("stream,body", [
    (post(b"Content-Length: 5\r\n", b"hello"), b"hello"),
    (get(b"Content-Length: 5\r\n") + b"hello", b"hello"),
    (chunked(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"), b"hello world"),
    (chunked(b"1\r\na\r\n" * 3000 + b"0\r\n\r\n"), b"a" * 3000),
    (post(b"Content-Length: 60000\r\n", b"z" * 60000), b"z" * 60000),
    (chunked(b"ea60\r\n" + b"z" * 60000 + b"\r\n0\r\n\r\n"), b"z" * 60000),
    (chunked(b"0\r\n\r\n"), b""),
], ids=["length", "length on GET", "chunks", "small chunks", "long", "long chunk", "empty"])
def test_hands_over_the_body(echo, stream, body):
    for cut in (0, 1, 40, len(stream) // 2, len(stream) - 1):
        with echo.connect() as sock:
            sock.sendall(stream[:cut])
            if cut:
                time.sleep(0.02)
            sock.sendall(stream[cut:])
            answer = read_answers(sock, 1)[0].json()
        assert answer["bodyLength"] == len(body)
        assert answer["bodySha256"] == hashlib.sha256(body).hexdigest()


def test_ignores_trailers(echo):
    trailers = b"0\r\nHost: evil\r\nContent-Type: text/evil\r\nX-A: b\r\n\r\n"
    with echo.connect() as sock:
        sock.sendall(chunked(b"5\r\nhello\r\n" + trailers) + get(target=b"/after"))
        first, second = read_answers(sock, 2)
    assert first.json()["host"] == "a" and first.json()["bodyLength"] == 5
    assert second.json()["target"] == "/after"


def test_takes_the_origin_form_out_of_an_absolute_target(echo):
    for target_text, want in ((b"http://a/x?y=z", "/x?y=z"), (b"http://a", "/"),
                              (b"HTTP://A:80?q", "/?q"), (b"https://a:443/", "/")):
        with echo.connect() as sock:
            sock.sendall(get(target=target_text))
            assert read_answers(sock, 1)[0].json()["target"] == want


def test_asks_for_the_body_when_it_is_awaited(echo):
    with echo.connect() as sock:
        sock.sendall(post(b"Expect: 100-Continue\r\nContent-Length: 5\r\n"))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert read_answers(sock, 1)[0].json()["bodyLength"] == 5
        sock.sendall(post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"))
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_refuses_a_body_beyond_the_limit_before_it_comes(echo):
    for lines in (b"Content-Length: 17\r\n", b"Content-Length: 17\r\nExpect: 100-continue\r\n"):
        with echo.connect() as sock:
            sock.sendall(b"POST /small HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
            data, closed = read_all(sock)
        assert closed and [a.status for a in split_answers(data)] == [413]
    for chunks in (b"11\r\n", b"10\r\n0123456789abcdef\r\n1\r\n"):
        with echo.connect() as sock:
            sock.sendall(b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                         chunks)
            data, closed = read_all(sock)
        assert closed and [a.status for a in split_answers(data)] == [413]


def test_delivers_a_refusal_though_more_keeps_coming(echo):
    with echo.connect() as sock:
        sock.sendall(b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        send(sock, b"x" * 1000000, False)
        data, closed = read_all(sock)
    assert closed and [a.status for a in split_answers(data)] == [413]


def figures_when_quiet(echo):
    """What net has counted, when no connection but this one is left."""
    for _ in range(100):
        figures = ask(echo, "/figures").json()
        if figures["open"] == 1:
            return figures
        time.sleep(0.03)
    raise AssertionError(f"connections stay open: {figures}")


@pytest.mark.parametrize("start", [
    post(b"Content-Length: 10\r\n", b"abc"), chunked(b"5\r\nhel"), b"GET / HTTP/1.1\r\nHo", b"GE",
], ids=["body", "chunk", "header", "method"])
def test_forgets_a_request_whose_peer_leaves(echo, start):
    before = figures_when_quiet(echo)["requests"]
    for how in ("close", "shutdown"):
        with echo.connect() as sock:
            sock.sendall(start)
            if how == "shutdown":
                sock.shutdown(socket.SHUT_WR)
                assert read_all(sock) == (b"", True)
    asked = echo.log_text().count(b"request /figures")
    after = figures_when_quiet(echo)["requests"]
    asked = echo.log_text().count(b"request /figures") - asked
    assert after == before + asked
