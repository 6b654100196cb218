"""A thousand slow connections of slowhttptest, in each of its modes: others are served all the same."""

import os
import resource
import shutil
import statistics
import subprocess
import time

import pytest

CONNECTIONS = 1000
SECONDS = 8
SANITIZED = "asan" in os.environ.get("CALLGATE_BINARY", "") or "tsan" in os.environ.get("CALLGATE_BINARY", "")
P99_MAX_MS = 300 if SANITIZED else 50
MODES = {
    "heads": ["-H"],
    "bodies": ["-B", "-s", "8192"],
    "readers": ["-X", "-w", "1", "-y", "8", "-n", "1", "-z", "8", "-k", "3"],
}


def descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


@pytest.mark.parametrize("mode", MODES)
def test_others_are_served(fresh_server, mode):
    server = fresh_server()
    program = shutil.which("slowhttptest")
    assert program, "slowhttptest is missing: tools/install_deps test"
    attack = subprocess.Popen(
        [program, *MODES[mode], "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-i", "2", "-l", str(SECONDS), "-p", "3",
         "-u", f"http://127.0.0.1:{server.http_port}/identities?api-version=2023-10-01"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=descriptors)
    times, most_open = [], 0
    try:
        time.sleep(1.5)
        until = time.monotonic() + SECONDS - 2
        while time.monotonic() < until:
            begun = time.monotonic()
            answer = server.signed("GET", "/admin/whoami")  # a connection of its own each time
            times.append((time.monotonic() - begun) * 1000)
            assert answer.status == 200, answer
            if len(times) % 20 == 1:
                most_open = max(most_open, server.admin("GET", "/admin/status").json()["connections"])
            time.sleep(0.01)
        attack.wait(SECONDS * 4)
    finally:
        attack.kill()
        attack.wait()
    assert most_open > CONNECTIONS // 2, f"the attack held only {most_open} connections"
    p99 = statistics.quantiles(times, n=100)[98]
    assert len(times) > 100 and p99 < P99_MAX_MS, f"p99 {p99:.1f} ms of {len(times)}"
