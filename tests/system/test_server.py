"""Start, stop, files, modes and certificates of the server itself (design D3, D11, D17, D18, D21, D26)."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from callgate_server import Server, binary
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from wire import Wire, head, spelled

TARGET = "/identities?api-version=2023-10-01"
SECONDS = 60


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


def serve(*args, environment=None, **options):
    """Runs the server, which is expected to refuse: its end and what it said."""
    run = subprocess.run([binary(), "serve", *map(str, args)], capture_output=True, text=True, timeout=SECONDS,
                         env={**os.environ, **(environment or {})}, **options)
    return run


FREE = ("--https", "localhost:0", "--http", "localhost:0")


def refuses(*args, code=5, **options):
    run = serve(*args, **options)
    lines = [line for line in run.stderr.splitlines() if line.startswith("callgate: ")]
    assert run.returncode == code, run
    assert len(lines) == 1, run.stderr
    assert "ready" not in run.stdout
    return lines[0]


# -- ready --


def test_ready_line(fresh_server):
    server = fresh_server()
    assert re.fullmatch(rf"ready https=127\.0\.0\.1:{server.https_port} http=127\.0\.0\.1:{server.http_port} "
                        rf"admin=unix:{re.escape(server.data)}/admin\.sock( admin_tcp=\S+)?", server.ready_line)
    about = server.about
    assert about["pid"] == server.process.pid and about["mode"] == "dev"
    server.stop()
    assert not (Path(server.data) / "server.json").exists() and not (Path(server.data) / "admin.sock").exists()


def test_ready_fd(folder):
    reader, writer = os.pipe()
    process = subprocess.Popen([binary(), "serve", "--data", folder, *FREE, "--ready-fd", str(writer)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(writer,))
    os.close(writer)
    try:
        line = process.stdout.readline()
        assert os.read(reader, 4096) == line and line.startswith(b"ready https=")
    finally:
        process.terminate()
        assert process.wait(SECONDS) == 0
        process.stdout.close()
        os.close(reader)


def test_env_tells_the_ports(fresh_server):
    server = fresh_server()
    out = server.cli("env").stdout
    assert f"COMMUNICATION_SERVICES_CONNECTION_STRING" in out and server.connection_string in out
    assert server.http_connection_string in out and server.ca_file in out and server.ca_bundle in out


def test_several_servers_side_by_side(fresh_server):
    first, second = fresh_server(), fresh_server()
    assert first.primary != second.primary
    assert first.signed("GET", "/admin/whoami").status == second.signed("GET", "/admin/whoami").status == 200
    assert first.signed("GET", "/admin/whoami", key=second.primary).status == 401


# -- refusing to start --


@pytest.mark.parametrize("flag", ["--https", "--http", "--admin"])
def test_port_taken(fresh_server, folder, flag):
    other = fresh_server()
    said = refuses("--data", folder, *FREE, flag, f"localhost:{other.http_port}")
    assert str(other.http_port) in said and "taken" in said and flag in said


def test_port_taken_by_another_program(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refuses("--data", folder, "--https", f"127.0.0.1:{port}", "--http", "off")
        assert str(port) in said and str(os.getpid()) in said, said


def test_addresses_that_are_none(folder):
    for flag, bad in (("--https", "nonsense"), ("--http", "localhost:99999"), ("--https", "192.0.2.1:0")):
        code = 5 if bad.startswith("192.") else 2  # a setting that is wrong, and one that this machine can't do
        assert bad in refuses("--data", folder, "--https", "localhost:0", "--http", "off", flag, bad, code=code)


def test_second_server_on_the_same_data(fresh_server):
    server = fresh_server()
    said = refuses("--data", server.data, *FREE)
    assert str(server.process.pid) in said and server.data in said
    assert server.signed("GET", "/admin/whoami").status == 200


def test_second_server_without_the_lock_file_of_the_first(fresh_server, tmp_path):
    """As after somebody, or a job that tidies up, has deleted what looks old."""
    server = fresh_server()
    assert server.cli("backup", str(tmp_path / "copy")).returncode == 0
    for name in ("lock", "admin.sock", "server.json"):
        (Path(server.data) / name).unlink()
    assert server.data in refuses("--data", server.data, *FREE)
    run = server.cli("restore", str(tmp_path / "copy"))
    assert run.returncode == 5 and "another server uses" in run.stderr, run
    assert server.signed("GET", "/admin/whoami").status == 200


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o777])
def test_others_may_enter(folder, mode):
    folder.chmod(mode)
    assert "chmod 700" in refuses("--data", folder, *FREE)


def test_no_permission(tmp_path):
    if os.geteuid() == 0:  # root may write everywhere: the kernel's own folder says no to it as well
        said = refuses("--data", "/proc/callgate", *FREE)
    else:
        tmp_path.chmod(0o500)
        said = refuses("--data", tmp_path / "data", *FREE)
    assert "--data" in said


def test_data_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refuses("--data", tmp_path / "file", *FREE)


def stopped(folder) -> Path:
    server = Server(data=str(folder)).start()
    server.stop()
    return Path(folder) / "callgate.db"


def test_store_of_a_newer_version(folder):
    store = stopped(folder)
    db = sqlite3.connect(store)
    db.execute("INSERT INTO schema_version(version, applied) VALUES (999, 0)")
    db.commit()
    db.close()
    said = refuses("--data", folder, *FREE)
    assert "newer version" in said and "999" in said and "restore" in said


def test_store_that_is_none(folder):
    (folder / "callgate.db").write_bytes(b"This is no database at all." * 100)
    (folder / "master.key").write_bytes(b"k" * 32)
    os.chmod(folder / "master.key", 0o600)
    assert "callgate.db" in refuses("--data", folder, *FREE)


def test_store_that_is_somebody_elses(folder):
    db = sqlite3.connect(folder / "callgate.db")
    db.execute("CREATE TABLE notes(text)")
    db.commit()
    db.close()
    (folder / "master.key").write_bytes(b"k" * 32)
    assert "not a store of this server" in refuses("--data", folder, *FREE)


def test_master_key_missing_wrong_or_short(folder):
    stopped(folder)
    kept = (folder / "master.key").read_bytes()
    (folder / "master.key").unlink()
    assert "--store-master-key" in refuses("--data", folder, *FREE)
    (folder / "master.key").write_bytes(b"x" * 32)
    assert "master key" in refuses("--data", folder, *FREE)
    (folder / "master.key").write_bytes(b"x" * 31)
    assert "31 octets" in refuses("--data", folder, *FREE)
    (folder / "master.key").write_bytes(b"x" * 400)
    assert "more than 32 octets" in refuses("--data", folder, *FREE)
    (folder / "master.key").unlink()
    (folder.parent / "elsewhere").write_bytes(kept)
    server = Server("--store-master-key", str(folder.parent / "elsewhere"), data=str(folder)).start()
    assert server.signed("GET", "/admin/whoami").status == 200
    assert server.stop() == 0


@pytest.mark.parametrize("args,environment,said", [
    (["--htps", "localhost:0"], {}, "--https|'https'"), (["--auth-clok-skew", "5s"], {}, "auth-clock-skew"),
    (["--mode", "prod"], {}, "production"), (["--threads", "many"], {}, "threads"), (["--threads"], {}, "needs a value"),
    (["--auth-clock-skew", "5 minutes"], {}, "auth.clock_skew"), (["extra"], {}, "flags start with --"),
    ([], {"CALLGATE_SET_AUTH_CLOK_SKEW": "5s"}, "AUTH_CLOCK_SKEW"), ([], {"CALLGATE_SET_MODE": "x"}, "mode"),
    (["--log-level", "loud"], {}, "error warn info debug"), (["--config", "/nowhere.ini"], {}, "/nowhere.ini"),
])
def test_settings_that_are_none(folder, args, environment, said):
    line = refuses("--data", folder, *FREE, *args, code=2, environment=environment)
    assert re.search(said, line), line


def test_words_of_config_stand_anywhere_and_routes_has_none(folder):
    (folder / "callgate.ini").write_text("mode = production\n")
    run = subprocess.run([binary(), "config", "--data", folder, "--json"], capture_output=True, text=True, timeout=SECONDS)
    rows = {row["name"]: (row["value"], row["from"]) for row in json.loads(run.stdout)}
    assert run.returncode == 0 and rows["mode"] == ("production", "file")
    run = subprocess.run([binary(), "routes", "--jsn"], capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 2 and run.stdout == "" and "--json" in run.stderr, run


@pytest.mark.parametrize("words", [["config"], ["config", "--json"], ["config", "--markdown"], ["routes"], ["serve", "--help"],
                                   ["user", "list", "--help"]])
def test_output_that_is_lost_is_told(folder, words):
    with open("/dev/full", "w") as full:
        run = subprocess.run([binary(), *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    assert run.returncode == 5 and "could not be written" in run.stderr, run


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_directory_of_another_user_is_named_as_that(fresh_server):
    """Not as a settings file that could not be read."""
    server = fresh_server()
    server.stop()
    above = [folder for folder in Path(server.data).parents if not folder.stat().st_mode & 0o001]
    if above:
        pytest.skip("another user can't come so far")
    said = refuses("--data", server.data, *FREE, user=65534)
    assert "belongs to another user" in said, said


def test_settings_file(folder):
    (folder / "callgate.ini").write_text("[identity]\nregion = emea\n[auth]\nclok_skew = 5s\n")
    said = refuses("--data", folder, *FREE, code=2)
    assert "auth.clock_skew" in said and "callgate.ini" in said
    (folder / "callgate.ini").write_text("[identity]\nregion = emea\nlocation = file\n[auth]\nclock_skew = 10s\n")
    server = Server("--identity-location", "flag", data=str(folder),
                    environment={"CALLGATE_SET_IDENTITY_LOCATION": "environment",
                                 "CALLGATE_SET_AUTH_CLOCK_SKEW": "20s", "CALLGATE_NOT_A_SETTING": "1"}).start()
    rows = {row["name"]: (row["value"], row["from"]) for row in server.admin("GET", "/admin/settings").json()}
    assert server.stop() == 0
    assert rows["identity.region"] == ("emea", "file")
    assert rows["identity.location"] == ("flag", "flag")
    assert rows["auth.clock_skew"] == ("20s", "environment")


# -- modes --


PRODUCTION = ("--mode", "production", "--tls-local-ca")


def test_production_needs_a_certificate(folder):
    assert "--tls-local-ca" in refuses("--data", folder, *FREE, "--mode", "production", code=2)


def test_production_listens_plainly_on_loopback_alone(folder):
    said = refuses("--data", folder, "--https", "localhost:0", *PRODUCTION, "--http", "0.0.0.0:0", code=2)
    assert "--allow-plain" in said


def test_production_does_not_explain(folder):
    assert "explain" in refuses("--data", folder, *FREE, *PRODUCTION, "--explain-to", "10.0.0.0/8", code=2)


def test_production(fresh_server):
    server = fresh_server(*PRODUCTION, http="localhost:0")
    assert server.about["admin"] is None and server.about["mode"] == "production"
    answer = server.signed("POST", TARGET, key="AAAA", secure=True)
    assert answer.status == 401 and "x-callgate-explain" not in answer.headers
    assert server.signed("GET", "/metrics").status == 404 and server.admin("GET", "/metrics").status == 200
    quiet = fresh_server(*PRODUCTION, http="auto")
    assert quiet.about["http"] is None


def test_development_data_in_production(folder):
    dev = Server(data=str(folder)).start()
    user, token = dev.new_user()
    old = dev.primary, dev.secondary
    second = dev.new_resource("second")
    dev.admin("PUT", "/admin/clock", {"advance": "5h"})
    dev.stop()
    assert "--adopt-dev-data" in refuses("--data", folder, *FREE, *PRODUCTION)
    adopted = Server(*PRODUCTION, "--adopt-dev-data", data=str(folder), http="off").start()
    try:
        assert not set(old) & {adopted.primary, adopted.secondary}
        keys = adopted.admin("GET", "/admin/keys?reveal=true&resource=second").json()
        assert second.primary != keys["primary"]["key"] and second.secondary != keys["secondary"]["key"]
        assert adopted.signed("GET", "/admin/whoami", key=old[0], secure=True).status == 401
        assert adopted.bearer("GET", "/admin/whoami", token, secure=True).status == 401
        assert adopted.admin("GET", f"/admin/users/{user}").status == 200
        made = adopted.admin("POST", f"/admin/users/{user}:issueToken", {"scopes": ["chat"]}).json()
        assert adopted.bearer("GET", "/admin/whoami", made["token"], secure=True).status == 200
        assert made["expiresOn"] < (datetime.now(timezone.utc) + timedelta(hours=25)).isoformat(), "no moved clock"
    finally:
        assert adopted.stop() == 0
    again = Server(*PRODUCTION, data=str(folder), http="off").start()
    assert again.primary == adopted.primary
    assert again.stop() == 0


# -- certificates --


def leaf_of(port, name="localhost", ca=None):
    context = ssl.create_default_context(cafile=ca) if ca else ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", port), 20) as raw, context.wrap_socket(raw, server_hostname=name) as tls:
        return x509.load_der_x509_certificate(tls.getpeercert(True))


def names_of(leaf):
    sans = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    return set(sans.get_values_for_type(x509.DNSName)) | {str(ip) for ip in sans.get_values_for_type(x509.IPAddress)}


def test_local_authority(fresh_server):
    server = fresh_server("--name", "callgate.test")
    ca = x509.load_pem_x509_certificate(Path(server.ca_file).read_bytes())
    limits = ca.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)
    assert limits.critical and limits.value.ca and limits.value.path_length == 0
    names = ca.extensions.get_extension_for_oid(ExtensionOID.NAME_CONSTRAINTS)
    assert names.critical and "localhost" in {name.value for name in names.value.permitted_subtrees
                                              if isinstance(name, x509.DNSName)}
    leaf = leaf_of(server.https_port, ca=server.ca_file)
    assert {"localhost", "127.0.0.1", "::1", "callgate.test", "default.localhost"} <= names_of(leaf)
    assert not any("*" in name for name in names_of(leaf))
    assert leaf.not_valid_before_utc <= datetime.now(timezone.utc) < leaf.not_valid_after_utc
    assert "PRIVATE KEY" not in Path(server.ca_file).read_text()
    bundle = Path(server.ca_bundle).read_text()
    assert Path(server.ca_file).read_text().strip() in bundle


def test_authority_stays_over_a_restart(fresh_server):
    server = fresh_server()
    before = Path(server.ca_file).read_bytes()
    server.stop()
    server.start()
    assert Path(server.ca_file).read_bytes() == before
    assert server.signed("GET", "/admin/whoami", secure=True).status == 200


def test_new_resource_in_new_handshakes_at_once(fresh_server):
    server = fresh_server()
    for i in range(5):
        name = f"fresh{i}"
        server.new_resource(name)
        assert f"{name}.localhost" in names_of(leaf_of(server.https_port, f"{name}.localhost", server.ca_file))
    server.admin("DELETE", "/admin/resources/fresh1?confirm=fresh1")
    assert "fresh1.localhost" not in names_of(leaf_of(server.https_port, ca=server.ca_file))


@pytest.mark.parametrize("version,ok", [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                        (ssl.TLSVersion.TLSv1_3, True)])
def test_tls_versions(server, version, ok):
    context = server.tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", server.https_port), 20) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="localhost") as tls:
                assert ok and tls.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2"}.get(version, "TLSv1.3")
        except ssl.SSLError:
            assert not ok


def write_certificate(folder, name, serial):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(serial).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256()))
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                                       serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_operators_certificate_is_reloaded(fresh_server, tmp_path):
    write_certificate(tmp_path, "localhost", 1001)
    server = fresh_server("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    assert leaf_of(server.https_port).serial_number == 1001
    kept = Wire(server.https_port, ssl._create_unverified_context())
    write_certificate(tmp_path, "localhost", 1002)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: leaf_of(server.https_port).serial_number == 1002)
    (tmp_path / "key.pem").write_text("broken")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "server.reload_failed" in server.log())
    assert leaf_of(server.https_port).serial_number == 1002, "what was stays"
    headers = spelled(server.primary, "GET", "/admin/whoami", f"localhost:{server.https_port}")
    assert kept.send(head("GET", "/admin/whoami", headers)).receive().status == 200
    kept.socket.close()


def test_half_of_a_rotation_is_named_as_that(fresh_server, tmp_path):
    """The former key, or a chain that was cut off: what was is served on, and the log says which of the two it is."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        write_certificate(tmp_path / name, "localhost", {"old": 1003, "new": 1004}[name])
    old, new = (tmp_path / name / "cert.pem" for name in ("old", "new"))
    first, second = old.read_text(), new.read_text()
    server = fresh_server("--tls-cert", str(old), "--tls-key", str(old.with_name("key.pem")))
    for written, said in ((second, "The private key is not that of the certificate."),
                          (first + second[:len(second) // 2], "The certificates behind the first one can't be read.")):
        old.write_text(written)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: said in server.log())
        assert leaf_of(server.https_port).serial_number == 1003, "what was stays"
    old.write_text(f"leaf\n{first}\nissuer\n{second}\nthat is all\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "server.reloaded" in server.log())


def test_commands_and_variables_with_an_operators_certificate(fresh_server, tmp_path):
    """They name the public host, for which it is, and leave trust to the system's roots, or to --ca-file."""
    write_certificate(tmp_path, "localhost", 1)
    cert = tmp_path / "cert.pem"
    files = ("--tls-cert", str(cert), "--tls-key", str(tmp_path / "key.pem"))
    server = fresh_server(*files)
    send = ("sms", "send", "+18005550100", "+14255550123", "hello")
    run = server.cli(*send)
    assert run.returncode == 3 and "--ca-file" in run.stderr, run
    run = server.cli(*send, "--ca-file", str(cert))
    assert run.returncode == 0 and run.stdout.startswith("Outgoing_"), run
    server = fresh_server(*files, "--net-public-url", "https://acs.example.com/")
    names = json.loads(server.cli("env", "--json").stdout)
    assert names["CALLGATE_ENDPOINT"] == "https://acs.example.com/", names
    assert names["COMMUNICATION_SERVICES_CONNECTION_STRING"].startswith("endpoint=https://acs.example.com/;accesskey=")
    assert not names.keys() & {"CALLGATE_CA_FILE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CALLGATE_JAVA_OPTIONS"}, names
    issued = server.cli("token", "issue", "--json")
    assert issued.returncode == 0, "the administrator's socket needs no certificate"


@pytest.mark.parametrize("flag,setting", [("--events-ca-file", "events.ca_file"), ("--events-dead-letter-dir", "events.dead_letter_dir")])
def test_a_path_that_is_not_there_is_told_at_the_start(folder, flag, setting):
    said = refuses("--data", folder, *FREE, flag, "/nowhere/at/all")
    assert "/nowhere/at/all" in said and setting in said, said


def test_a_default_transport_that_nobody_configured_is_told(fresh_server):
    server = fresh_server("--sms-transport", "carrier-a")
    wait_for(lambda: '"sms.transport_missing"' in server.log())
    assert '"transport":"carrier-a"' in server.log()
    assert '"sms.transport_' not in fresh_server().log().replace('"sms.transport_open"', "")


def test_production_says_that_messages_do_not_leave(fresh_server):
    server = fresh_server("--mode", "production", "--tls-local-ca")
    wait_for(lambda: '"sms.transport_inbox"' in server.log())


def test_certificate_and_key_go_together(folder, tmp_path):
    write_certificate(tmp_path, "localhost", 1)
    assert "together" in refuses("--data", folder, *FREE, "--tls-cert", tmp_path / "cert.pem", code=2)
    said = refuses("--data", folder, *FREE, "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "none.pem")
    assert "none.pem" in said
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(other, "localhost", 2)
    assert refuses("--data", folder, *FREE, "--tls-cert", tmp_path / "cert.pem", "--tls-key", other / "key.pem")


# -- stop --


def slow_request(server, seconds):
    """A waiting list: in flight until somebody comes or the time is over."""
    target = f"/admin/users?wait={seconds}s&count=5"
    wire = Wire(server.http_port)
    wire.send(head("GET", target, spelled(server.primary, "GET", target, f"localhost:{server.http_port}")))
    return wire


def half_sent(server):
    """A request whose body comes later."""
    body = b'{"createTokenWithScopes":["chat"]}'
    headers = {**spelled(server.primary, "POST", TARGET, f"localhost:{server.http_port}", body),
               "Content-Type": "application/json"}
    octets = head("POST", TARGET, headers, body)
    wire = Wire(server.http_port)
    wire.send(octets[:-10])
    return wire, octets[-10:]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stop_finishes_what_is_in_flight(fresh_server, how):
    server = fresh_server()
    wire, rest = half_sent(server)
    idle = Wire(server.http_port)
    time.sleep(0.3)
    server.process.send_signal(how)
    wait_for(lambda: "server.stopping" in server.log())
    time.sleep(0.2)
    assert server.process.poll() is None
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.http_port), 5).close()
    reply = wire.send(rest).receive()
    assert reply.status == 201 and reply.headers.get("connection", "").lower() == "close", reply.top
    user = reply.json()["identity"]["id"]
    assert idle.receive() is None
    assert server.process.wait(SECONDS) == 0
    server.stop()
    server.start()
    assert server.admin("GET", f"/admin/users/{user}").status == 200


def test_waiting_lists_end_with_the_server(fresh_server):
    server = fresh_server()
    wire = slow_request(server, 50)
    time.sleep(0.3)
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert wire.receive().status == 200
    assert server.process.wait(SECONDS) == 0 and time.monotonic() - started < 5


def test_stop_does_not_wait_for_ever(fresh_server):
    server = fresh_server("--net-drain-timeout", "1s")
    wire, _ = half_sent(server)
    time.sleep(0.2)
    started = time.monotonic()
    assert server.stop() == 0
    assert 0.5 < time.monotonic() - started < 8
    wire.socket.close()


def test_second_interrupt_does_not_wait(fresh_server):
    server = fresh_server("--net-drain-timeout", "60s")
    wire, _ = half_sent(server)
    time.sleep(0.2)
    server.process.send_signal(signal.SIGINT)
    wait_for(lambda: "server.stopping" in server.log())
    assert server.process.poll() is None
    started = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(SECONDS) == 0 and time.monotonic() - started < 8
    wire.socket.close()


def test_readiness_while_stopping(fresh_server):
    server = fresh_server()
    wire, rest = half_sent(server)
    second = Wire(server.http_port)
    octets = head("GET", "/health/ready", {"Host": "localhost"})
    assert second.send(octets).receive().status == 200
    second.send(octets[:-2])  # in flight, so that the connection stays
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "server.stopping" in server.log())
    reply = second.send(octets[-2:]).receive()
    assert reply is None or reply.status == 503, reply
    wire.send(rest)
    assert server.process.wait(SECONDS) == 0


# -- restart, backup, restore --


def test_restart_keeps_everything(fresh_server):
    server = fresh_server()
    users = [server.new_user() for _ in range(5)]
    keys, token, ca = (server.primary, server.secondary), server.admin_token, Path(server.ca_file).read_bytes()
    second = server.new_resource("second")
    string = server.connection_string.split("accesskey=")[1]
    for how in (server.stop, server.kill):
        how()
        server.start()
        assert (server.primary, server.secondary) == keys and server.admin_token == token
        assert server.connection_string.endswith(string) and Path(server.ca_file).read_bytes() == ca
        assert {user["id"] for user in server.admin("GET", "/admin/users").json()["value"]} == {u for u, _ in users}
        assert all(server.bearer("GET", "/admin/whoami", one).status == 200 for _, one in users)
        host = second.host(server.http_port)
        assert server.signed("GET", "/admin/whoami", key=second.primary, host=host).status == 200


def test_files_are_for_the_owner_alone(fresh_server):
    server = fresh_server()
    server.new_user()
    public = {"ca.pem", "ca-bundle.pem", "truststore.jks", "server.log"}
    for path in Path(server.data).iterdir():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert path.name in public or not mode & 0o077, (path.name, oct(mode))


def test_secrets_are_sealed_on_disk(fresh_server):
    import base64
    server = fresh_server()
    _, token = server.new_user()
    server.stop()
    octets = b"".join(path.read_bytes() for path in Path(server.data).glob("callgate.db*"))
    for secret in (server.primary.encode(), base64.b64decode(server.primary), base64.b64decode(server.secondary),
                   server.admin_token.encode(), token.encode(), b"PRIVATE KEY"):
        assert secret not in octets


def test_backup_and_restore(fresh_server, tmp_path):
    server = fresh_server()
    kept, token = server.new_user()
    revoked, dead = server.new_user()
    server.signed("POST", f"/identities/{revoked}/:revokeAccessTokens?api-version=2023-10-01")
    copy = tmp_path / "copy.db"
    made = server.cli("backup", str(copy))
    assert made.returncode == 0, made
    assert stat.S_IMODE(copy.stat().st_mode) & 0o077 == 0
    later, _ = server.new_user()
    old = server.primary
    server.admin("POST", "/admin/keys/primary:regenerate")
    running = server.cli("restore", str(copy))
    assert running.returncode != 0 and "another server" in running.stderr, running
    server.stop()
    restored = server.cli("restore", str(copy))
    assert restored.returncode == 0 and "before-restore" in restored.stdout, restored
    server.start()
    assert server.primary == old
    assert server.admin("GET", f"/admin/users/{kept}").status == 200
    assert server.admin("GET", f"/admin/users/{later}").status == 404
    # tokens revoked after the copy was made must not live again, so all of them die
    assert server.bearer("GET", "/admin/whoami", token).status == 401
    assert server.bearer("GET", "/admin/whoami", dead).status == 401
    issued = server.signed("POST", f"/identities/{kept}/:issueAccessToken?api-version=2023-10-01", {"scopes": ["chat"]})
    assert server.bearer("GET", "/admin/whoami", issued.json()["token"]).status == 200


def test_restore_refuses_what_it_can_not_use(fresh_server, tmp_path):
    server, stranger = fresh_server(), fresh_server()
    server.new_user()
    copy, other, broken = tmp_path / "copy.db", tmp_path / "other.db", tmp_path / "broken.db"
    assert server.cli("backup", str(copy)).returncode == 0
    assert stranger.cli("backup", str(other)).returncode == 0
    octets = bytearray(copy.read_bytes())
    for at in range(4096, len(octets), 4096):
        octets[at:at + 64] = b"\xa5" * 64
    broken.write_bytes(octets)
    newer = tmp_path / "newer.db"
    shutil.copy(copy, newer)
    db = sqlite3.connect(newer)
    db.execute("INSERT INTO schema_version(version, applied) VALUES (999, 0)")
    db.commit()
    db.close()
    server.stop()
    before = (Path(server.data) / "callgate.db").read_bytes()
    for bad, word, code in ((other, "master key", 1), (broken, "damaged", 1), (newer, "newer", 5), (tmp_path / "none.db", "none.db", 5)):
        run = server.cli("restore", str(bad))
        assert run.returncode == code and word in run.stderr, (bad.name, run)
        assert (Path(server.data) / "callgate.db").read_bytes() == before
    assert not list(Path(server.data).glob("*.restore*"))
    server.start()
    assert server.signed("GET", "/admin/whoami").status == 200


# -- systemd, log --


def test_systemd_is_told(fresh_server, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(SECONDS)
        server = fresh_server(environment={"NOTIFY_SOCKET": str(path)})
        assert notify.recv(100) == b"READY=1"
        server.process.send_signal(signal.SIGHUP)
        assert [notify.recv(100), notify.recv(100)] == [b"RELOADING=1", b"READY=1"]
        server.stop()
        assert notify.recv(100) == b"STOPPING=1"


def test_log_holds_no_secret(fresh_server):
    server = fresh_server("--log-level", "debug")
    secrets = [server.primary, server.secondary, server.admin_token]
    user, token = server.new_user()
    secrets += [token, token.split(".")[2], token.split(".")[1]]
    headers = spelled(server.primary, "POST", TARGET, f"localhost:{server.http_port}")
    secrets.append(headers["Authorization"].split("Signature=")[1])
    server.send("POST", TARGET, headers)
    headers = spelled("c2VjcmV0LWtleQ==", "POST", TARGET, f"localhost:{server.http_port}")
    secrets.append(headers["Authorization"].split("Signature=")[1])
    server.send("POST", TARGET, headers)
    server.bearer("GET", "/admin/whoami", token)
    server.bearer("GET", "/admin/whoami", token[:-4] + "AAAA")
    server.bearer("GET", "/admin/whoami", "canary-bearer-4711")
    server.admin_tcp("GET", "/admin/status")
    server.send("GET", "/admin/whoami?token=canary-query-4711")
    server.send("GET", "/admin/whoami", {"Cookie": "canary-cookie-4711", "x-skypetoken": "canary-header-4711"})
    server.signed("POST", TARGET, {"createTokenWithScopes": ["canary-body-4711"]})
    server.signed("GET", "/phoneNumbers/%2B14255550123?api-version=2022-12-01")
    server.send("GET", "/admin/whoami", {"Authorization": "Basic canary-basic-4711"})
    new = server.admin("POST", "/admin/keys/primary:regenerate").json()["key"]
    secrets += [new, "canary-", "4711", "14255550123"]
    wait_for(lambda: "regenerate" in server.log())
    server.stop()
    text = server.log()
    found = [secret[:12] for secret in secrets if secret in text]
    assert not found
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["event"] == "http.request"]
    assert len(requests) > 10 and all(line["id"] and line["status"] for line in requests)


def test_log_as_text(fresh_server):
    server = fresh_server("--log-format", "text", "--log-level", "warn")
    server.signed("GET", "/admin/whoami")
    server.stop()
    assert server.log() == "", "nothing to warn of"


def test_request_id_is_in_log_and_answer(fresh_server):
    server = fresh_server()
    answer = server.signed("GET", "/admin/whoami", headers={"traceparent":
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    told = [value for name, value in answer.headers.items() if name.lower() in ("ms-cv", "x-ms-request-id")]
    wait_for(lambda: "http.request" in server.log())
    assert told and any(value.split(".")[0] in server.log() for value in told), (told, server.log()[-500:])


# -- many at once --


def test_many_connections_on_all_threads(fresh_server):
    server = fresh_server("--threads", "4")
    wrong, done = [], []

    def client():
        connection = http.client.HTTPConnection("localhost", server.http_port, timeout=SECONDS)
        for _ in range(30):
            answer = server.signed("POST", TARGET, {"createTokenWithScopes": ["chat"]}, connection=connection)
            if answer.status != 201 or server.bearer("GET", "/admin/whoami", answer.json()["accessToken"]["token"]
                                                     ).status != 200:
                wrong.append(answer)
        connection.close()
        done.append(1)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not wrong and len(done) == 8
    assert server.admin("GET", "/admin/status").json()["users"] == 240
