"""Connections, doors and TLS: what the net room does around a request."""

import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from attacks.framing_cases import get, post  # noqa: E402
from echo_server import (EchoServer, ask, find_echo_server, read_all,  # noqa: E402
                         read_answers, split_answers, wrap_tls)


@pytest.fixture(scope="module")
def echo():
    server = EchoServer()
    yield server
    server.stop()


def on_each_lane(server, ports=4):
    """Connections enough to reach every lane."""
    return [server.connect() for _ in range(8 * ports)]


# ---- requests ----

def test_answers_pipelined_requests_in_order(echo):
    stream = b"".join(get(target=b"/%d" % i) if i % 7 else get(target=b"/later?ms=5&i=%d" % i)
                      for i in range(60))
    with echo.connect() as sock:
        sock.sendall(stream)
        answers = read_answers(sock, 60)
    assert [a.json()["target"] for a in answers] == [
        f"/{i}" if i % 7 else f"/later?ms=5&i={i}" for i in range(60)]


def test_gives_each_request_an_id_of_its_own(echo):
    with echo.connect() as sock:
        sock.sendall(get() * 50)
        ids = {a.json()["id"] for a in read_answers(sock, 50)}
    assert len(ids) == 50 and all(len(i) == 36 for i in ids)


def test_keeps_what_a_held_request_points_to(echo):
    long = b"/later?ms=80&text=" + b"q" * 3000
    others = [echo.connect() for _ in range(6)]
    with echo.connect() as sock:
        sock.sendall(post(b"Content-Length: 5\r\n", b"hello").replace(b" / ", b" " + long + b" "))
        for i in range(50):
            other = others[i % 6]
            other.sendall(post(b"Content-Length: 4096\r\n", b"%d" % (i % 10) * 4096))
            read_answers(other, 1)
        answer = read_answers(sock, 1)[0].json()
    for other in others:
        other.close()
    assert answer["target"] == long.decode() and answer["host"] == "a"
    assert answer["bodySha256"].startswith("2cf24dba5fb0a30e26e83b2ac5b9e29e")


def test_tells_the_handler_when_the_peer_leaves(echo):
    before = ask(echo, "/gone").json()["gone"]
    with echo.connect() as sock:
        sock.sendall(get(target=b"/later?ms=300"))
        time.sleep(0.05)
    with echo.connect() as sock:  # with octets read ahead: no longer read, yet noticed
        sock.sendall(get(target=b"/later?ms=300") + get() * 3)
        time.sleep(0.05)
        sock.sendall(get())
    time.sleep(0.1)
    assert ask(echo, "/gone").json()["gone"] == before + 2
    time.sleep(0.3)  # the answers come when nobody is there: nothing may break
    assert ask(echo, "/").status == 200


def test_answers_a_peer_that_shut_down_its_own_side(echo):
    for target in (b"/", b"/later?ms=50"):
        with echo.connect() as sock:
            sock.sendall(get(target=target) + get(target=b"/second"))
            sock.shutdown(socket.SHUT_WR)
            data, closed = read_all(sock)
        assert closed and [a.status for a in split_answers(data)] == [200, 200]


def test_answers_all_that_a_peer_asked_before_it_shut_down_its_side(echo):
    """More than one read brings, behind a request that takes a while."""
    with echo.connect() as sock:
        sock.sendall(get(target=b"/later?ms=200") + get() * 3000)
        sock.shutdown(socket.SHUT_WR)
        data, closed = read_all(sock)
    assert closed and [a.status for a in split_answers(data)] == [200] * 3001


def test_keeps_and_closes_connections_as_asked(echo):
    for lines, version, keeps in ((b"", b"HTTP/1.1", True),
                                  (b"Connection: close\r\n", b"HTTP/1.1", False),
                                  (b"Connection: x, Close\r\n", b"HTTP/1.1", False),
                                  (b"", b"HTTP/1.0", False),
                                  (b"Connection: keep-alive\r\n", b"HTTP/1.0", True)):
        with echo.connect() as sock:
            sock.sendall(get(lines, version=version))
            answer = read_answers(sock, 1)[0]
            if keeps:
                sock.sendall(get(lines, version=version))
                read_answers(sock, 1)
                assert answer.headers.get("connection") != "close"
            else:
                assert answer.headers["connection"] == "close"
                assert read_all(sock) == (b"", True)


def test_sends_no_body_to_head(echo):
    with echo.connect() as sock:
        for target in (b"/", b"/stream?n=3", b"/empty"):
            sock.sendall(get(method=b"HEAD", target=target))
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += sock.recv(4096)
        sock.sendall(get())
        assert read_answers(sock, 1)[0].status == 200


def test_streams_in_pieces(echo):
    with echo.connect() as sock:
        sock.sendall(get(target=b"/stream?n=20&size=5000") + get(target=b"/next"))
        first, second = read_answers(sock, 2)
        assert first.body == b"x" * 100000 and second.json()["target"] == "/next"
    with echo.connect() as sock:
        sock.sendall(get(target=b"/stream?n=20&size=5000", version=b"HTTP/1.0"))
        data, closed = read_all(sock)
        assert closed and split_answers(data)[0].body == b"x" * 100000


def test_a_slow_reader_holds_back_the_stream(echo):
    with echo.connect() as sock:
        before = ask(echo, "/figures").json()["bytesOut"]
        sock.sendall(get(target=b"/stream?n=5000&size=10000"))
        time.sleep(0.3)
        assert ask(echo, "/figures").json()["bytesOut"] - before < 20e6
        sock.sendall(get(target=b"/next"))
        first, second = read_answers(sock, 2, 20)
    assert first.body == b"x" * 50000000 and second.status == 200


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_stream_that_breaks_off_is_noticed(echo, kind):
    with echo.connect(kind) as sock:
        sock.sendall(get(target=b"/cut?n=3"))
        data = b""
        try:
            while part := sock.recv(65536):
                data += part
        except (ConnectionError, ssl.SSLError):
            pass
    assert not data.endswith(b"0\r\n\r\n")


def test_ends_a_stream_whose_peer_leaves(echo):
    before = ask(echo, "/gone").json()["gone"]
    with echo.connect() as sock:
        sock.sendall(get(target=b"/stream?n=1000000&size=10000"))
        sock.recv(1000)
    time.sleep(0.2)
    assert ask(echo, "/gone").json()["gone"] == before + 1


# ---- doors ----

def test_listens_on_both_loopback_addresses(echo):
    assert ask(echo, "/", host="127.0.0.1").status == 200
    if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
        assert ask(echo, "/", host="::1").status == 200


def test_unix_socket_is_for_its_owner_and_tells_the_uid(echo):
    mode = os.stat(echo.socket_path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert ask(echo, "/", kind="unix").json()["uid"] == os.getuid()
    assert ask(echo, "/").json()["uid"] == 2**32 - 1


def test_replaces_a_socket_that_nobody_serves_but_not_one_in_use(echo, tmp_path):
    path = str(tmp_path / "admin.sock")
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(path)
    left_behind.listen()
    refused = subprocess.run([find_echo_server(), "-u", f"unix:{path}"], capture_output=True,
                             timeout=8, check=False)
    assert refused.returncode == 1 and b"taken" in refused.stderr
    left_behind.close()
    assert os.path.exists(path)
    child = subprocess.Popen([find_echo_server(), "-q", "-u", f"unix:{path}"],
                             stdout=subprocess.PIPE)
    assert child.stdout.readline().startswith(b"{")
    child.terminate()
    assert child.wait(8) == 0 and not os.path.exists(path)


def test_a_taken_port_is_refused_and_its_holder_named(echo):
    for holder in ("127.0.0.1", "::1"):
        port = echo.ports["plain"]
        answer = ask(echo, f"/door?at=localhost:{port}")
        assert answer.status == 409
        assert f"process {echo.process.pid} (" in answer.body.decode()
        with socket.socket(socket.AF_INET6 if ":" in holder else socket.AF_INET) as other:
            try:
                other.bind((holder, 0))
            except OSError:
                continue
            other.listen()
            answer = ask(echo, f"/door?at=localhost:{other.getsockname()[1]}")
            assert answer.status == 409 and f"process {os.getpid()} (" in answer.body.decode()


@pytest.mark.parametrize("address", ["", "1.2.3.4", "host:1", "127.0.0.1:65536", "127.0.0.1:-1",
                                     "127.0.0.1:", "[::1:80", "[127.0.0.1]:80", ":80", "unix:",
                                     "203.0.113.77:0"])
def test_refuses_what_is_no_address_of_ours(echo, address):
    assert ask(echo, f"/door?at={address.replace('[', '%5B')}").status == 409


def test_opens_and_closes_doors_while_running(echo):
    port = ask(echo, "/door").json()["port"]
    idle = [socket.create_connection(("127.0.0.1", port), timeout=8) for _ in range(10)]
    busy = socket.create_connection(("127.0.0.1", port), timeout=8)
    idle[0].sendall(get())
    assert read_answers(idle[0], 1)[0].status == 200
    busy.sendall(get(target=b"/later?ms=200"))
    time.sleep(0.05)
    ask(echo, "/door/close")
    answer = read_answers(busy, 1)[0]
    assert answer.status == 200 and answer.headers["connection"] == "close"
    for sock in idle + [busy]:
        assert read_all(sock) == (b"", True)
        sock.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=8)


def test_spreads_connections_over_the_lanes(echo):
    socks = on_each_lane(echo)
    prefixes = set()
    for sock in socks:
        sock.sendall(get())
        prefixes.add(read_answers(sock, 1)[0].json()["id"][:23])
        sock.close()
    assert len(prefixes) == 2


# ---- TLS ----

def plain_socket(echo, kind="tls"):
    return socket.create_connection(("127.0.0.1", echo.ports[kind]), timeout=8)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_speaks_tls(echo, version):
    with wrap_tls(plain_socket(echo), maximum_version=version, minimum_version=version,
                  alpn=["h2", "http/1.1"]) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"
        for i in range(3):
            sock.sendall(post(b"Content-Length: 50000\r\n", b"x" * 50000) * 2)
            assert [a.json()["bodyLength"] for a in read_answers(sock, 2)] == [50000, 50000]
        sock.sendall(get(target=b"/stream?n=100&size=30000"))
        answer = read_answers(sock, 1)[0]
        assert len(answer.body) == 3000000
        sock.sendall(get(target=b"/later?ms=20") + get())
        assert all(a.json()["secure"] for a in read_answers(sock, 2))


def test_refuses_older_versions_and_other_protocols(echo):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        wrap_tls(plain_socket(echo), minimum_version=ssl.TLSVersion.TLSv1,
                 maximum_version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        wrap_tls(plain_socket(echo), alpn=["h2"])


def test_says_goodbye_in_tls(echo):
    with echo.connect("tls") as sock:
        sock.sendall(get(b"Connection: close\r\n"))
        data = b""
        while part := sock.recv(4096):  # an end without close_notify raises
            data += part
    assert split_answers(data)[0].status == 200


def test_resumes_sessions(echo):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session = None
    for _ in range(8):
        with context.wrap_socket(plain_socket(echo), server_hostname="localhost",
                                 session=session) as sock:
            sock.sendall(get())
            read_answers(sock, 1)
            if session:
                assert sock.session_reused
            session = sock.session


def test_new_handshakes_get_a_new_certificate(echo):
    def certificate(sock):
        return ssl.DER_cert_to_PEM_cert(sock.getpeercert(True))

    def text(name):
        with open(f"{echo.folder.name}/{name}.crt", encoding="ascii") as f:
            return f.read()

    server = EchoServer()
    try:
        old = [server.connect("tls") for _ in range(4)]
        first = {certificate(s) for s in old}
        assert ask(server, "/certificate").status == 200
        new = [server.connect("tls") for _ in range(8)]
        second = {certificate(s) for s in new}
        assert len(first) == len(second) == 1 and first != second
        for sock in old + new:
            sock.sendall(get())
            assert read_answers(sock, 1)[0].status == 200
            sock.close()
    finally:
        server.stop()


def test_tells_tls_from_plain_by_the_first_octet(echo):
    with plain_socket(echo, "either") as sock:
        sock.sendall(get())
        assert not read_answers(sock, 1)[0].json()["secure"]
    with wrap_tls(plain_socket(echo, "either")) as sock:
        sock.sendall(get())
        assert read_answers(sock, 1)[0].json()["secure"]


def test_survives_garbage_instead_of_tls(echo):
    for garbage in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 300, b"\0" * 9,
                    os.urandom(5000)):
        with plain_socket(echo) as sock:
            sock.sendall(garbage)
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)
    assert ask(echo, "/", kind="tls").status == 200


def test_refuses_renegotiation(echo):
    child = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{echo.ports['tls']}", "-tls1_2"],
        input=b"R\n", capture_output=True, timeout=10, check=False)
    assert b"no renegotiation" in child.stderr.lower() + child.stdout.lower()


# ---- limits and ends ----

def test_refuses_connections_beyond_the_limit():
    server = EchoServer("-s", "connections_max=10", tls=False)
    try:
        socks = [server.connect() for _ in range(10)]
        for sock in socks:
            sock.sendall(get())
            read_answers(sock, 1)
        with server.connect() as sock:
            assert read_all(sock) == (b"", True)
        with server.connect("unix") as sock:  # whoever may use it shall see what is wrong
            sock.sendall(get())
            assert read_answers(sock, 1)[0].status == 200
        socks.pop().close()
        time.sleep(0.1)
        assert ask(server, "/figures").json()["refusedFull"] == 1
        for sock in socks:
            sock.close()
    finally:
        server.stop()


def test_waits_for_descriptors_without_spinning():
    soft = "ulimit -n 40; exec " + find_echo_server() + " -q -p 127.0.0.1:0"
    child = subprocess.Popen(["bash", "-c", soft], stdout=subprocess.PIPE)
    port = int(child.stdout.readline().split(b":")[1].rstrip(b"}\n"))
    try:
        socks = [socket.create_connection(("127.0.0.1", port), timeout=8) for _ in range(60)]
        time.sleep(0.2)
        before = sum(os.times()[2:4]), cpu_seconds(child.pid)
        time.sleep(1)
        assert cpu_seconds(child.pid) - before[1] < 0.2
        for sock in socks[:50]:
            sock.close()
        socks[59].sendall(get())
        assert read_answers(socks[59], 1)[0].status == 200
        for sock in socks[50:]:
            sock.close()
    finally:
        child.terminate()
        assert child.wait(8) == 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_times_out_heads_and_idle_connections():
    server = EchoServer("-s", "head_timeout_ms=1000", "-s", "idle_timeout_ms=1500", "-s",
                        "tls_handshake_ms=1000")
    try:
        started = time.monotonic()
        half, idle, hello, sniffed = (server.connect(), server.connect(),
                                      plain_socket(server), plain_socket(server, "either"))
        half.sendall(b"GET / HT")
        idle.sendall(get())
        read_answers(idle, 1)

        def drip():
            for _ in range(20):
                try:
                    half.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        data, closed = read_all(half)
        assert closed and [a.status for a in split_answers(data)] == [408]
        assert time.monotonic() - started < 2.5
        for sock in (hello, sniffed, idle):
            assert read_all(sock) == (b"", True)
            sock.close()
        assert time.monotonic() - started < 4
        assert ask(server, "/figures").json()["timedOut"] == 3
    finally:
        server.stop()


def test_drains_answering_what_is_in_flight():
    server = EchoServer()
    idle = [server.connect() for _ in range(20)] + [server.connect("tls") for _ in range(4)]
    busy = [server.connect() for _ in range(8)] + [server.connect("tls") for _ in range(4)]
    for sock in idle + busy:
        sock.sendall(get())
        read_answers(sock, 1)
    for sock in busy:
        sock.sendall(get(target=b"/later?ms=400"))
    time.sleep(0.1)
    server.process.terminate()
    for sock in idle:
        assert read_all(sock) == (b"", True)
        sock.close()
    for sock in busy:
        answer = read_answers(sock, 1)[0]
        assert answer.status == 200 and answer.headers["connection"] == "close"
        sock.close()
    server.stop()


def test_drain_ends_after_its_grace():
    server = EchoServer(tls=False)
    with server.connect() as sock:
        sock.sendall(get(target=b"/later?ms=60000"))
        time.sleep(0.1)
        started = time.monotonic()
        server.process.terminate()
        assert read_all(sock)[1]
        assert 2 < time.monotonic() - started < 5
    server.process.wait(timeout=8)  # it is ending: a second signal would only kill it
    server.stop()
