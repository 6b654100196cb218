"""The command line against the real server."""

import json
import os
import shlex
import subprocess

import pytest
from callgate_server import binary


def run(server, *args, code=0, stdin=None):
    done = server.cli(*args, stdin=stdin)
    assert done.returncode == code, (args, done)
    assert server.primary not in done.stderr
    return done.stdout


def run_json(server, *args, code=0, stdin=None):
    return json.loads(run(server, *args, "--json", code=code, stdin=stdin))


@pytest.fixture
def user(server):
    return run_json(server, "user", "create")["id"]


def test_env_names_what_the_server_has(server):
    names = run_json(server, "env")
    for name in ("COMMUNICATION_SERVICES_CONNECTION_STRING", "CALLGATE_HTTP_CONNECTION_STRING", "CALLGATE_ENDPOINT",
                 "CALLGATE_HTTP_ENDPOINT", "CALLGATE_CA_FILE", "CALLGATE_ADMIN_TOKEN_FILE", "NODE_EXTRA_CA_CERTS",
                 "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        assert names[name] == server.env[name]
    for name in ("CALLGATE_CA_FILE", "CALLGATE_ADMIN_TOKEN_FILE", "REQUESTS_CA_BUNDLE"):
        assert os.path.exists(names[name])
    assert "trustStore=" in names["CALLGATE_JAVA_OPTIONS"]


def test_env_leads_further_commands_to_its_server(server, tmp_path):
    surroundings = {name: value for name, value in os.environ.items() if name != "XDG_STATE_HOME"} | {"HOME": str(tmp_path)}

    def told(*args, **names):
        return subprocess.run([binary(), *args], env={**surroundings, **names}, capture_output=True, text=True, timeout=60)

    named = run_json(server, "env")
    assert os.path.isabs(named["CALLGATE_DATA"])
    for args in (("status",), ("user", "list"), ("clock", "show"), ("seed", "--export"), ("reset", "--parts", "sms", "--yes")):
        assert told(*args, **named).returncode == 0, args
    of_resource = run_json(server, "env", "--resource", "default")
    assert "CALLGATE_DATA" not in of_resource
    assert told("user", "list", **of_resource).returncode == 0, "by its connection string"
    lost = told("reset", "--parts", "sms", "--yes", **of_resource)
    assert lost.returncode == 3 and "no server runs" in lost.stderr, "only the administrator resets"


def test_env_lines_are_read_by_a_shell(server):
    lines = run(server, "env")
    out = subprocess.run(["sh", "-c", lines + '\nprintf %s "$COMMUNICATION_SERVICES_CONNECTION_STRING"'],
                         capture_output=True, text=True, check=True).stdout
    assert out == server.connection_string


def test_status_tells_version_and_mode(server):
    status = run_json(server, "status")
    assert status["version"] and status["mode"] in ("dev", "development")


def test_a_user_from_creation_to_deletion(server, user):
    assert user.startswith("8:acs:")
    assert run_json(server, "user", "show", user)["id"] == user
    assert user in [row["id"] for row in run_json(server, "user", "list")]
    assert user in run(server, "user", "export", user)
    run(server, "user", "delete", user)
    run(server, "token", "issue", user, code=4)


def test_an_unknown_user_is_exit_code_4(server):
    run(server, "user", "show", "8:acs:nobody", code=4)


def test_lists_follow_their_pages(server):
    made = {run_json(server, "user", "create")["id"] for _ in range(3)}
    listed = [row["id"] for row in run_json(server, "user", "list")]
    assert made <= set(listed) and len(listed) == len(set(listed))
    assert len(run_json(server, "user", "list", "--limit", "2")) == 2


def test_a_token_is_issued_inspected_and_revoked(server, user):
    token = run(server, "token", "issue", user, "--scope", "chat", "--minutes", "60", "--raw")
    told = run_json(server, "token", "inspect", "-", stdin=token)
    assert (told["state"], told["signature"], told["server"]) == ("alive", "good", "accepted")
    assert told["claims"]["acsScope"] == "chat" and 3500 < told["secondsLeft"] <= 3600
    run(server, "token", "revoke", user)
    told = run_json(server, "token", "inspect", "-", stdin=token, code=1)
    assert (told["state"], told["signature"], told["server"]) == ("dead", "good", "refused")
    assert told["why"]


def test_a_token_of_another_signature_is_dead(server, user):
    head, claims, signature = run(server, "token", "issue", user, "--raw").strip().split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    told = run_json(server, "token", "inspect", "-", stdin=f"{head}.{claims}.{other}", code=1)
    assert (told["state"], told["signature"]) == ("dead", "bad")


def test_as_the_resource_by_connection_string(server):
    done = subprocess.run([server.program, "token", "issue", "--json", "--connection-string", "env"], env=server.env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["user"].startswith("8:acs:")


def test_a_wrong_key_is_told_with_its_reason(server):
    wrong = server.http_connection_string.replace(server.primary, "AAAA" * 20)
    done = subprocess.run([server.program, "user", "create", "--connection-string", wrong], env=server.environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Denied" in done.stderr and "why: " in done.stderr, done
    assert "AAAA" not in done.stderr


def test_as_the_administrator_by_endpoint_is_404_on_public_listeners(server):
    done = subprocess.run([server.program, "status", "--endpoint", server.endpoint, "--admin-token-file",
                           server.about["adminToken"]], env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 4), done


def test_a_signed_curl_line_works_as_printed(server):
    for more in ([], ["--http"]):
        line = run(server, "sign", "POST", "/identities?api-version=2023-10-01", "--body", "-", "--curl", *more,
                   stdin='{"createTokenWithScopes":["chat"]}')
        assert shlex.split(line)[0] == "curl"
        out = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True).stdout
        assert json.loads(out)["accessToken"]["token"]


def test_keys_are_listed_without_their_values(server):
    listed = run(server, "key", "list")
    assert "primary" in listed and server.primary not in listed
    assert server.primary in run(server, "key", "list", "--reveal")


def test_a_regenerated_key_replaces_the_old_one(fresh_server):
    server = fresh_server()
    old = server.http_connection_string
    made = run_json(server, "key", "regenerate", "primary")
    assert made["key"] != server.primary and made["key"] in made["connectionString"]
    done = subprocess.run([server.program, "user", "create", "--connection-string", old], env=server.environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done


def test_rotated_signing_keys_leave_old_tokens_alive(fresh_server):
    server = fresh_server()
    before = run(server, "token", "issue", "--raw")
    run(server, "key", "rotate")
    after = run(server, "token", "issue", "--raw")
    tell = [run_json(server, "token", "inspect", "-", stdin=token) for token in (before, after)]
    assert [t["state"] for t in tell] == ["alive", "alive"]
    assert tell[0]["header"]["kid"] != tell[1]["header"]["kid"]


def test_a_resource_has_users_and_keys_of_its_own(fresh_server):
    server = fresh_server()
    run(server, "resource", "create", "blue")
    assert "blue" in [row["name"] for row in run_json(server, "resource", "list")]
    user = run_json(server, "user", "create", "--resource", "blue")["id"]
    assert user in run(server, "user", "list", "--resource", "blue") and user not in run(server, "user", "list")
    assert run_json(server, "resource", "show", "blue")["name"] == "blue"
    run(server, "resource", "delete", "blue", code=2)
    run(server, "resource", "delete", "blue", "--yes")
    run(server, "resource", "show", "blue", code=4)


def test_the_clock_moves_and_comes_back(fresh_server):
    server = fresh_server()
    token = run(server, "token", "issue", "--minutes", "60", "--raw")
    assert run_json(server, "clock", "advance", "2h")["offsetSeconds"] == 7200
    told = run_json(server, "token", "inspect", "-", stdin=token, code=1)
    assert told["state"] == "dead" and told["secondsLeft"] < 0
    run(server, "clock", "reset")
    assert run_json(server, "clock", "show")["offsetSeconds"] == 0
    assert run_json(server, "token", "inspect", "-", stdin=token)["state"] == "alive"


def test_a_backup_appears_whole_and_private(server, tmp_path):
    file = tmp_path / "copy.db"
    run(server, "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size > 0
    run(server, "backup", str(file), code=5)
    run(server, "backup", str(file), "--force")


def test_without_a_server_the_exit_code_is_3(fresh_server):
    server = fresh_server()
    server.stop()
    run(server, "status", code=3)
