"""`callgate identity run`: a program gets a managed identity for as long as it runs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from callgate_server import binary

AUDIENCE = "https://communication.azure.com/"
# writes its variables, one a line, then waits for a line or a signal
CHILD = """
import os, sys
print(os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"], flush=True)
sys.stdin.readline()
"""


def run(server, *args, **more):
    more.setdefault("timeout", 60)
    return subprocess.run([binary(), "identity", "run", "--data", server.data, *args], capture_output=True, text=True,
                          **more)


def start(server, *args, code=CHILD):
    one = subprocess.Popen([binary(), "identity", "run", "--data", server.data, *args, "--", sys.executable, "-c", code],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    endpoint, header = one.stdout.readline().split()
    return one, endpoint, header


def token(endpoint, header):
    query = urllib.parse.urlencode({"api-version": "2019-08-01", "resource": AUDIENCE})
    request = urllib.request.Request(f"{endpoint}?{query}", headers={"X-IDENTITY-HEADER": header})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def is_open(endpoint) -> bool:
    place = urllib.parse.urlsplit(endpoint)
    try:
        socket.create_connection((place.hostname, place.port), timeout=5).close()
    except OSError:
        return False
    return True


def gone(endpoint) -> bool:
    until = time.monotonic() + 10
    while is_open(endpoint) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_open(endpoint)


def test_the_program_sees_the_variables_and_they_work(server):
    shell = json.loads(server.cli("env", "--json").stdout)
    told = run(server, "--", "env", "-0", env={**os.environ, **shell, "MSI_SECRET": "x", "AZURE_CLIENT_ID": "x"})
    assert told.returncode == 0, told
    names = dict(line.split("=", 1) for line in told.stdout.split("\0") if line)
    assert names["AZURE_TOKEN_CREDENTIALS"] == "ManagedIdentityCredential"
    assert names["CALLGATE_ENDPOINT"] == f"https://localhost:{server.https_port}/"
    assert Path(names["NODE_EXTRA_CA_CERTS"]).exists() and Path(names["REQUESTS_CA_BUNDLE"]).exists()
    assert "MSI_SECRET" not in names and "AZURE_CLIENT_ID" not in names
    assert server.primary not in told.stdout and "CALLGATE_ADMIN_TOKEN_FILE" not in names
    one, endpoint, header = start(server)
    answer = token(endpoint, header)
    assert answer["resource"] == AUDIENCE
    who = server.bearer("GET", "/admin/whoami", answer["access_token"], secure=True)
    assert who.status == 200 and who.json()["kind"] == "bearer", who
    assert who.json()["roles"] == ["Callgate Data Contributor"]
    one.communicate("\n", timeout=30)
    assert one.returncode == 0 and gone(endpoint)


@pytest.mark.parametrize("command, code", [
    (("true",), 0), (("sh", "-c", "exit 7"), 7), (("sh", "-c", "exit 255"), 255),
    (("sh", "-c", "kill -TERM $$"), 128 + signal.SIGTERM), (("sh", "-c", "kill -KILL $$"), 128 + signal.SIGKILL),
    (("no-such-program",), 127), (("/",), 126)])
def test_it_ends_as_the_program_ends(server, command, code):
    assert run(server, "--", *command).returncode == code


def test_wrong_usage_and_unknown_names(server):
    assert run(server, "true").returncode == 2
    assert run(server, "--").returncode == 2
    assert run(server, "nobody", "--", "true").returncode == 4
    assert run(server, "--", "true", env={**os.environ, "PATH": "/nowhere"}).returncode == 127
    nowhere = subprocess.run([binary(), "identity", "run", "--data", server.data + "/none", "--", "true"],
                             capture_output=True, timeout=60)
    assert nowhere.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(server, number):
    code = """
import os, signal, sys, time
signal.signal(%d, lambda *_: sys.exit(42))
print(os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"], flush=True)
while True:  # a signal that comes just before a sleep is looked at behind it
    time.sleep(0.05)
""" % number
    one, endpoint, _ = start(server, code=code)
    one.send_signal(number)
    assert one.wait(timeout=30) == 42 and gone(endpoint)
    one.stdin.close()
    one.stdout.close()


def test_a_killed_command_closes_the_endpoint(server):
    one, endpoint, header = start(server)
    token(endpoint, header)
    one.kill()
    one.wait(timeout=30)
    assert gone(endpoint)
    one.stdin.close()  # the program reads an end of file, and goes
    one.stdout.close()


def test_two_programs_have_an_endpoint_each(server):
    made = server.admin("POST", "/admin/identities", {"name": "second-of-two", "role": "Callgate Reader"})
    assert made.status == 201, made
    first, second = start(server), start(server, "second-of-two")
    assert first[1] != second[1] and first[2] != second[2]
    assert token(second[1], second[2])["client_id"] == made.json()["clientId"]
    first[0].communicate("\n", timeout=30)
    assert gone(first[1]) and token(second[1], second[2])
    second[0].communicate("\n", timeout=30)
    assert gone(second[1])


def test_a_renewed_header_counts_at_once(server):
    assert server.admin("POST", "/admin/identities", {"name": "renewed", "role": "none"}).status == 201
    one, endpoint, header = start(server, "renewed")
    token(endpoint, header)
    fresh = server.admin("POST", "/admin/identities/renewed:renewHeader", {}).json()["header"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        token(endpoint, header)
    assert refused.value.code == 401
    refused.value.close()
    assert token(endpoint, fresh)
    one.communicate("\n", timeout=30)


def test_the_program_outlives_the_server_and_is_told(fresh_server):
    server = fresh_server()
    one = subprocess.Popen([binary(), "identity", "run", "--data", server.data, "--", sys.executable, "-c", CHILD],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    endpoint = one.stdout.readline().split()[0]
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 8, "the stream held the server up"
    assert gone(endpoint) and one.poll() is None
    out, err = one.communicate("\n", timeout=30)
    assert one.returncode == 0 and "closed the identity endpoint" in err, (out, err)
