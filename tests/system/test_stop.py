"""The end of the server while it is at work: whatever is under way then, it ends well."""

import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from callgate_server import binary
from wire import head, spelled

TARGET = "/identities?api-version=2023-10-01"
ROUNDS = 4
WRITERS = 6
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
