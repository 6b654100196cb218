"""WebSockets: the net room's echo server against frames by hand and against a client that others wrote."""

import os
import socket
import ssl
import sys
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

sys.path.insert(0, os.path.dirname(__file__))

from echo_server import EchoServer, ask, read_all, read_answers  # noqa: E402
from websocket_cases import (CASES, CLOSE, CONT, END, FIN, PING, PONG, TEXT, WHOLE, closed,  # noqa: E402
                             closing, frame, fragments, ponged, said, split_frames, text)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LINES = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
         "Sec-WebSocket-Key": KEY}
WAIT_S = 8


@pytest.fixture(scope="module")
def echo():
    server = EchoServer()
    yield server
    server.stop()


def request(target="/ws", lines=LINES, method="GET", version="1.1", extra=""):
    return (f"{method} {target} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
            + extra + "\r\n").encode()


def open_raw(server, target="/ws", kind="plain", behind=b""):
    """A connection behind its handshake: (socket, what came behind the answer)."""
    sock = server.connect(kind)
    sock.sendall(request(target) + behind)
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        assert part, data
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return sock, rest


def read_frames(sock, count, data=b""):
    frames, deadline = [], time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        more, data = split_frames(data)
        frames += more
        if len(frames) >= count:
            assert not data
            return frames
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        part = sock.recv(65536)
        assert part, f"closed after {frames}"
        data += part
    raise AssertionError(f"only {frames}")


def ends(server):
    return ask(server, "/ends").json()


def wait_for(what, wait_s=WAIT_S):
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come")


def client(server, kind="plain", target="/ws", **options):
    context = None
    if kind == "tls":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    scheme = "wss" if kind == "tls" else "ws"
    return connect(f"{scheme}://127.0.0.1:{server.ports[kind]}{target}", ssl=context, compression=None,
                   **{"open_timeout": 60} | options)


# ---- the handshake ----

def test_answers_the_key_as_the_standard_says(echo):
    with echo.connect() as sock:
        sock.sendall(request(extra="Origin: https://elsewhere.example\r\n"))
        head = sock.recv(65536).decode()
    assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" in head
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert "\r\nAccess-Control-Allow-Origin: *\r\n" in head
    assert "Content-Length" not in head and "Sec-WebSocket-Extensions" not in head


@pytest.mark.parametrize("name,changed", [
    ("a list of protocols", {"Upgrade": "h2c, WebSocket"}), ("a list of options", {"Connection": "keep-alive, upgrade"}),
    ("names in small letters", {"Upgrade": "WEBSOCKET", "Connection": "UPGRADE"}),
])
def test_takes_handshakes_that_are_spelled_otherwise(echo, name, changed):
    with echo.connect() as sock:
        sock.sendall(request(lines=LINES | changed))
        assert sock.recv(65536).startswith(b"HTTP/1.1 101 "), name


@pytest.mark.parametrize("name,changed", [
    ("no upgrade", {"Upgrade": None}), ("another protocol", {"Upgrade": "h2c"}),
    ("a protocol that only starts so", {"Upgrade": "websockets"}), ("no connection option", {"Connection": "keep-alive"}),
    ("no version", {"Sec-WebSocket-Version": None}), ("version 8", {"Sec-WebSocket-Version": "8"}),
    ("two versions", {"Sec-WebSocket-Version": "13, 8"}), ("no key", {"Sec-WebSocket-Key": None}),
    ("an empty key", {"Sec-WebSocket-Key": ""}), ("a key of 15 octets", {"Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1"}),
    ("a key of 17 octets", {"Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Njc="}),
    ("a key that is no base64", {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ!="}),
])
def test_says_what_it_speaks_to_who_does_not(echo, name, changed):
    lines = {n: v for n, v in (LINES | changed).items() if v is not None}
    with echo.connect() as sock:
        sock.sendall(request(lines=lines) + request("/", {"Host": "localhost"}))
        refused, after = read_answers(sock, 2)
    assert refused.status == 426, name
    assert refused.headers["upgrade"] == "websocket" and refused.headers["sec-websocket-version"] == "13"
    assert refused.json()["error"]["code"] == "UpgradeRequired"
    assert after.status == 200, "the connection goes on"


@pytest.mark.parametrize("octets", [
    request(extra=f"Sec-WebSocket-Key: {KEY}\r\n"), request(method="POST", extra="Content-Length: 0\r\n"),
    request(version="1.0"), request(extra="Content-Length: 2\r\n") + b"hi", request(method="HEAD"),
])
def test_other_requests_are_no_handshake(echo, octets):
    with echo.connect() as sock:
        sock.sendall(octets)
        assert sock.recv(65536).startswith((b"HTTP/1.1 426 ",))


def test_answers_the_subprotocol_that_both_speak(echo):
    with client(echo, subprotocols=["chat", "echo"]) as ws:
        assert ws.subprotocol == "echo"
    with client(echo, subprotocols=["echoes"]) as ws:
        assert ws.subprotocol is None


# ---- frames ----

@pytest.mark.parametrize("name", CASES)
def test_rfc_6455(echo, name):
    sent, wanted = CASES[name]
    sock, rest = open_raw(echo)
    with sock:
        sock.sendall(sent)
        data, ended = read_all(sock)
    frames, left = split_frames(rest + data)
    assert frames == wanted and not left
    assert ended, "the server closes the connection"


@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("target", ["/ws", "/ws/later?ms=30"])
def test_what_comes_behind_the_request_are_frames(echo, kind, target):
    with open_raw(echo, target, kind, text("early"))[0] as sock:
        # With the answer, or behind it: both were read from the same stream.
        sock.sendall(text("late") + END)
        data, _ = read_all(sock)
    frames, _ = split_frames(data)
    assert frames[-2:] == [said("late"), closed(1000)]


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_stream_may_be_cut_anywhere(echo, kind):
    stream = fragments([WHOLE[:3], WHOLE[3:]], frame(FIN | PING, "p")) + text("x" * 130)
    with open_raw(echo, kind=kind)[0] as sock:
        for cut in range(1, len(stream)):
            sock.sendall(stream[:cut])
            time.sleep(0.001)
            sock.sendall(stream[cut:])
            assert read_frames(sock, 3) == [(FIN | PONG, b"p"), said(WHOLE), said("x" * 130)]
        for octet in stream:
            sock.sendall(bytes([octet]))
        assert len(read_frames(sock, 3)) == 3


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_speaks_with_a_client_that_others_wrote(echo, kind):
    with client(echo, kind) as ws:
        for message in ("", "hello", "ä" * 1000, "x" * 60000):
            ws.send(message)
            assert ws.recv(WAIT_S) == message
        ws.send(iter(["in ", "", "pieces: ", "κόσμε"]))
        assert ws.recv(WAIT_S) == "in pieces: κόσμε"
        assert ws.ping().wait(WAIT_S)
        ws.send("times 3000 again")
        assert [ws.recv(WAIT_S) for _ in range(3000)] == ["again"] * 3000
    with client(echo, kind) as ws:
        ws.send(b"octets")
        with pytest.raises(ConnectionClosed) as told:
            ws.recv(WAIT_S)
        assert told.value.rcvd.code == 1003


def test_many_talk_at_once(echo):
    failed = []

    def talk(number):
        try:
            with client(echo, "plain" if number % 2 else "tls") as ws:
                for i in range(50):
                    ws.send(f"{number}/{i}")
                    assert ws.recv(WAIT_S) == f"{number}/{i}"
        except Exception as e:  # noqa: BLE001: told below
            failed.append(e)

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


def test_messages_of_one_round_go_out_together(echo):
    with open_raw(echo)[0] as sock:
        sock.sendall(text("times 500 ab"))
        time.sleep(0.2)
        assert len(sock.recv(1 << 20)) == 500 * 4, "one call of the system: nothing is left out"


# ---- the end ----

@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_the_server_may_close(echo, kind):
    before = ends(echo)["ends"]
    with client(echo, kind) as ws:
        ws.send("close 4001 good bye")
        with pytest.raises(ConnectionClosed) as told:
            ws.recv(WAIT_S)
    assert (told.value.rcvd.code, told.value.rcvd.reason) == (4001, "good bye")
    assert wait_for(lambda: ends(echo)["ends"] == before + 1) and ends(echo)["last"] == 4001


def test_what_was_sent_before_the_close_arrives(echo):
    with open_raw(echo)[0] as sock:
        sock.sendall(text("times 100 x") + text("close 1000 ") + text("too late") + END)
        data, ended = read_all(sock)
    frames, _ = split_frames(data)
    assert frames == [said("x")] * 100 + [closed(1000)] and ended


def test_who_does_not_answer_a_close_is_cut(echo):
    before = ends(echo)["ends"]
    with open_raw(echo)[0] as sock:
        sock.sendall(text("close 4002 "))
        assert read_frames(sock, 1) == [closed(4002)]
        started = time.monotonic()
        sock.sendall(text("still here"))
        assert read_all(sock)[1]
        assert 1.5 < time.monotonic() - started < 5
    assert wait_for(lambda: ends(echo)["ends"] == before + 1) and ends(echo)["last"] == 1006


@pytest.mark.parametrize("last", [b"", frame(TEXT, "half")[:4], frame(TEXT, "a"), text("times 1000 x")])
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_who_just_leaves_is_noticed(echo, kind, last):
    before = ends(echo)["ends"]
    open_raw(echo, kind=kind, behind=last)[0].close()
    assert wait_for(lambda: ends(echo)["ends"] == before + 1) and ends(echo)["last"] == 1006


def test_who_leaves_before_the_answer_is_told_of(echo):
    before = ends(echo)["ends"]
    for how in (socket.SHUT_RDWR, socket.SHUT_WR):
        with echo.connect() as sock:
            sock.sendall(request("/ws/later?ms=150"))
            time.sleep(0.05)
            sock.shutdown(how)
            if how == socket.SHUT_WR:
                read_all(sock)
    assert wait_for(lambda: ends(echo)["ends"] == before + 2) and ends(echo)["last"] == 1006


# ---- time and measure ----

def test_a_silent_peer_is_asked_and_then_cut(echo):
    before = ends(echo)["ends"]
    with open_raw(echo, "/ws?ping=300")[0] as sock:
        assert read_frames(sock, 1) == [(FIN | PING, b"")]
        sock.sendall(frame(FIN | PONG))
        assert read_frames(sock, 1) == [(FIN | PING, b"")], "an answer keeps it"
        assert read_all(sock)[1], "silence ends it"
    assert wait_for(lambda: ends(echo)["ends"] == before + 1) and ends(echo)["last"] == 1006


def test_who_speaks_is_not_asked(echo):
    with open_raw(echo, "/ws?ping=1500")[0] as sock:
        for _ in range(20):
            sock.sendall(text("a"))
            assert read_frames(sock, 1) == [said("a")]
            time.sleep(0.1)


@pytest.mark.parametrize("name,octets", [
    ("messages", text("a")), ("pings", frame(FIN | PING)), ("pongs", frame(FIN | PONG)),
])
def test_too_many_frames_end_it(echo, name, octets):
    with open_raw(echo, "/ws?rate=5")[0] as sock:
        sock.sendall(octets * 50)
        answered = {"messages": 50, "pings": 50, "pongs": 0}[name]
        assert len(read_frames(sock, answered)) == answered if answered else True
        sock.sendall(octets)
        frames, _ = split_frames(read_all(sock)[0])
    assert frames == [closed(1008)], name


def test_endless_fragments_of_nothing_end_it(echo):
    with open_raw(echo, "/ws?rate=100")[0] as sock:
        sock.sendall(frame(TEXT, "a") + frame(CONT) * 2000)
        frames, _ = split_frames(read_all(sock)[0])
    assert frames == [closed(1008)]


def test_a_reader_that_is_slow_is_not_sent_more_than_waits_for_it(echo):
    before = ends(echo)["drained"]
    with open_raw(echo, "/ws?queue=100000")[0] as sock:
        sock.sendall(text("times 20000 " + "s" * 1000))
        time.sleep(0.5)  # all but the queue's 100,000 octets and the system's is refused
        data = b""
        while not data.endswith(b"room again"):
            sock.settimeout(WAIT_S)
            part = sock.recv(1 << 20)
            assert part
            data += part
        sock.sendall(text("and now?"))
        assert read_frames(sock, 1) == [said("and now?")]
    frames, rest = split_frames(data)
    assert 50 <= len(frames) < 20000 and not rest
    assert ends(echo)["drained"] > before


def test_room_again_is_told_whatever_took_it(echo):
    """A message fits into the quarter of the queue, a pong goes beyond it, and for the next message there is no room."""
    with open_raw(echo, "/ws?queue=400")[0] as sock:
        sock.sendall(text("x" * 95) + frame(FIN | PING, "p" * 50) + text("times 1 " + "y" * 300))
        assert read_frames(sock, 3) == [said("x" * 95), ponged(b"p" * 50), said("room again")]


def test_a_reader_that_takes_nothing_is_cut(echo):
    before = ends(echo)["ends"]
    with open_raw(echo, "/ws?queue=20000000")[0] as sock:
        sock.sendall(text("times 10000 " + "s" * 1500))
        assert wait_for(lambda: ends(echo)["ends"] > before, 25) and ends(echo)["last"] == 1006


def test_pongs_do_not_pile_up(echo):
    with open_raw(echo, "/ws?queue=2000")[0] as sock:
        sock.sendall(frame(FIN | PING, "p" * 125) * 5000 + text("done"))
        frames = []
        data, deadline = b"", time.monotonic() + WAIT_S
        while said("done") not in frames and time.monotonic() < deadline:
            sock.settimeout(1)
            try:
                data += sock.recv(1 << 20)
            except TimeoutError:
                sock.sendall(text("done"))  # the first may have found the queue full
            more, data = split_frames(data)
            frames += more
        assert said("done") in frames and len(frames) <= 5001


def test_a_thousand_idle_ones_are_no_burden(echo):
    socks = [open_raw(echo)[0] for _ in range(1000)]
    assert ask(echo, "/figures").json()["wsOpen"] >= 1000
    started = time.monotonic()
    for sock in socks[::50]:
        sock.sendall(text("a"))
        assert read_frames(sock, 1) == [said("a")]
    assert time.monotonic() - started < 4
    for sock in socks:
        sock.close()
    wait_for(lambda: ask(echo, "/figures").json()["wsOpen"] == 0)


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_server_that_stops_says_so(kind):
    server = EchoServer()
    try:
        with open_raw(server, kind=kind)[0] as sock, open_raw(server, kind=kind)[0] as deaf:
            assert ask(server, "/drain").status == 200
            assert read_frames(sock, 1) == [closed(1001)]
            sock.sendall(closing(1001))
            assert read_all(sock)[1]
            assert read_all(deaf)[0].startswith(b"\x88\x02\x03\xe9")
        assert server.process.wait(WAIT_S) == 0
    finally:
        server.stop()


def test_an_upgrade_that_comes_while_it_stops_is_told_at_once():
    server = EchoServer(tls=False)
    try:
        with server.connect() as sock:
            sock.sendall(request("/ws/later?ms=400"))
            time.sleep(0.1)
            assert ask(server, "/drain").status == 200
            data = b""
            while b"\r\n\r\n" not in data:
                data += sock.recv(65536)
            assert data.startswith(b"HTTP/1.1 101 ") and b"Connection: close" not in data
            assert read_frames(sock, 1, data.partition(b"\r\n\r\n")[2]) == [closed(1001)]
            sock.sendall(closing(1001))
        assert server.process.wait(WAIT_S) == 0
    finally:
        server.stop()


def test_a_door_that_closes_says_so(echo):
    port = ask(echo, "/door").json()["port"]
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request())
        assert sock.recv(65536).startswith(b"HTTP/1.1 101 ")
        assert ask(echo, "/door/close").status == 200
        assert read_frames(sock, 1) == [(FIN | CLOSE, b"\x03\xe9")]
        sock.sendall(closing(1001))
        assert read_all(sock)[1]


# ---- long polls ----

@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("target", ["/park?ms=40", "/park/later?ms=20"])
def test_a_parked_request_is_answered_like_another(echo, kind, target):
    with echo.connect(kind) as sock:
        sock.sendall((f"GET {target} HTTP/1.1\r\nHost: localhost\r\nx-ms-client-request-id: mine\r\n"
                      f"x-ms-return-client-request-id: true\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n").encode())
        parked, after = read_answers(sock, 2)
    assert parked.status == 200 and parked.json()["target"] == target.partition("?")[0]
    assert parked.json()["host"] == "localhost" and parked.json()["secure"] == (kind == "tls")
    assert parked.headers["x-ms-request-id"] == parked.json()["id"] != after.json()["id"]
    assert parked.headers["x-ms-client-request-id"] == "mine"
    assert parked.headers["access-control-allow-origin"] == "*"
    assert int(parked.headers["x-processing-time"][:-2]) >= 20
    assert after.json()["target"] == "/next", "what was read ahead comes after it"


def test_a_parked_request_of_http_1_0_ends_its_connection(echo):
    with echo.connect() as sock:
        sock.sendall(b"GET /park HTTP/1.0\r\nHost: localhost\r\n\r\n")
        data, ended = read_all(sock)
    assert b" 200 OK\r\n" in data and b"\r\nConnection: close\r\n" in data and ended


@pytest.mark.parametrize("target,times", [("/park?ms=60000", 1), ("/park/later?ms=100", 2)])
def test_who_leaves_a_parked_request_is_noticed(echo, target, times):
    before = ask(echo, "/gone").json()["gone"]
    with echo.connect() as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(0.05)
    wait_for(lambda: ask(echo, "/gone").json()["gone"] == before + times)
    with echo.connect() as sock:  # only its own side: it reads on
        sock.sendall(b"GET /park?ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.05)
        sock.shutdown(socket.SHUT_WR)
        assert read_answers(sock, 1)[0].status == 200


def test_a_thousand_parked_requests_are_answered_each(echo):
    socks = [echo.connect() for _ in range(1000)]
    for i, sock in enumerate(socks):
        sock.sendall(f"GET /park/{'later' if i % 3 == 0 else ''}?ms=1500 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                     .replace("/park/?", "/park?").encode())
    ids = {read_answers(sock, 1)[0].json()["id"] for sock in socks}
    assert len(ids) == 1000
    for sock in socks:
        sock.close()
