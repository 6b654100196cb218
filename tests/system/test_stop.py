"""The end of the server while it is at work: whatever is under way then, it ends well."""

import contextlib
import http.client
import json
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from callgate_server import binary
from trouter import Person
from waiting import until
from websockets.exceptions import ConnectionClosedOK
from wire import head, spelled

TARGET = "/identities?api-version=2023-10-01"
ROUNDS = 4
WRITERS = 6
VERSION = "api-version=2024-03-07"
RECONNECT = '5:2::{"name":"trouter.reconnect","args":[{"target":"self"}]}'
SECONDS = 60


def work_and_leave(server, octets: list[bytes], stop: threading.Event):
    """Sends requests, a few on each connection, and leaves with a reset before they are answered."""
    while not stop.is_set():
        try:
            with socket.create_connection(("127.0.0.1", server.http_port), 5) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.sendall(octets[0])
                s.recv(1)
                for one in octets:
                    s.sendall(one)
        except OSError:
            time.sleep(0.005)


@pytest.mark.parametrize("times", [1, 2], ids=["gracefully", "at once"])
def test_stop_in_the_middle_of_work(fresh_server, times):
    for _ in range(ROUNDS):
        server = fresh_server("--threads", "2")
        host = f"localhost:{server.http_port}"
        octets = [head("POST", TARGET, spelled(server.primary, "POST", TARGET, host), b""),
                  head("GET", "/admin/users?limit=1000", spelled(server.primary, "GET", "/admin/users?limit=1000", host))]
        stop = threading.Event()
        threads = [threading.Thread(target=work_and_leave, args=(server, octets, stop)) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        for _ in range(times):
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.002)
        code = server.process.wait(SECONDS)
        stop.set()
        for thread in threads:
            thread.join()
        assert code == 0, server.log()[-4000:]


def keep_sending(server, person, thread, acknowledged: list[str]):
    """One message after the other on one connection, until the server takes no more."""
    body = json.dumps({"content": "x"}).encode()
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
    connection = server.connect()
    with contextlib.suppress(OSError, http.client.HTTPException):
        while (sent := server.send("POST", f"/chat/threads/{thread}/messages?{VERSION}", headers, body, connection)).status == 201:
            acknowledged.append(sent.json()["id"])


def test_live_connections_hear_what_was_acknowledged_before_the_end(fresh_server):
    """The channel of the official client has no other way to learn of it."""
    server = fresh_server("--threads", "2")
    ann, ben = Person(server), Person(server)
    tab, thread = ben.tab().online(), ann.thread(ben)
    acknowledged, heard = [], []
    senders = [threading.Thread(target=keep_sending, args=(server, ann, thread, acknowledged)) for _ in range(WRITERS)]
    for sender in senders:
        sender.start()
    while len(acknowledged) < 100:
        heard.append(tab.packet())
    server.process.send_signal(signal.SIGTERM)
    with pytest.raises(ConnectionClosedOK) as closed:
        while True:
            heard.append(tab.packet())
    for sender in senders:
        sender.join()
    assert closed.value.rcvd.code == 1001 and RECONNECT in heard
    everything = "".join(heard)
    assert not [id for id in acknowledged if id not in everything]
    assert server.process.wait(SECONDS) == 0


def test_live_connections_do_not_wait_for_a_request_that_never_ends(fresh_server):
    server = fresh_server("--net-drain-timeout", "20s")
    tab = Person(server).tab().online()
    with socket.create_connection(("127.0.0.1", server.http_port), SECONDS) as slow:
        slow.sendall(b"POST /identities HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        until(lambda: server.admin("GET", "/health/live").status == 200)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosedOK):
            while True:
                tab.packet()
        assert time.monotonic() - began < 10
    assert server.process.wait(SECONDS) == 0


def test_a_stop_that_is_asked_for_again_and_again(fresh_server):
    """Up to its last moment: a signal that nobody handles any more would kill a process that is about to end well."""
    for _ in range(ROUNDS):
        server = fresh_server()
        end = time.monotonic() + SECONDS
        while server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.0002)
            assert time.monotonic() < end
        assert server.process.returncode == 0
