"""The door of identity endpoints: whoever reaches it gets tokens, so no web page and no strange name may (design D16;
managed identity §2.2)."""

import base64
import json

import pytest
from wire import Wire, head

TOKEN = "/metadata/identity/oauth2/token"
STRANGERS = ["evil.example.com", "nobody.localhost", "127.0.0.1.nip.io", "127.1", "localhost.evil.com", "0x7f000001"]


@pytest.fixture(scope="module")
def door(request):
    from callgate_server import Server

    server = Server("--imds", "127.0.0.1:0")
    server.start()
    request.addfinalizer(server.stop)
    return server


def ask(server, target, headers=None, method="GET", body=None, port=None):
    headers = {"Host": f"127.0.0.1:{server.imds_port}", **(headers or {})}
    with Wire(port or server.imds_port) as wire:
        return wire.send(head(method, target, headers, body)).receive()


def no_browser_lines(answer):
    return not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_it_is_off_unless_asked_for(server):
    assert server.about["imds"] is None
    assert " imds=" not in server.ready_line


def test_the_ready_line_and_server_json_tell_where(door):
    assert f" imds=127.0.0.1:{door.imds_port}" in door.ready_line
    assert door.about["imds"] == {"address": "127.0.0.1", "port": door.imds_port}
    assert door.admin("GET", "/admin/status").json()["listeners"]["imds"] == door.imds_port


def test_a_taken_port_is_named_with_its_flag(door, fresh_server):
    with pytest.raises(RuntimeError, match="--imds"):
        fresh_server("--imds", f"127.0.0.1:{door.imds_port}")


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "169.254.169.254", "[::1]", "[fd00:ec2::254]",
                                  "default.localhost"])
def test_addresses_and_own_names_are_served(door, name):
    for authority in (name, f"{name}:{door.imds_port}", f"{name}:1"):
        assert ask(door, "/health/live", {"Host": authority}).status == 200, authority


@pytest.mark.parametrize("name", STRANGERS)
def test_strange_names_are_not(door, name):
    for target in ("/health/live", TOKEN, "/nothing", "/admin/status", "/identities"):
        answer = ask(door, target, {"Host": name})
        assert answer.status == 421, (target, answer)
        assert no_browser_lines(answer)


def test_a_configured_name_is_served(fresh_server):
    server = fresh_server("--imds", "127.0.0.1:0", "--name", "callgate")
    assert ask(server, "/health/live", {"Host": f"callgate:{server.imds_port}"}).status == 200
    assert ask(server, "/health/live", {"Host": f"callgate2:{server.imds_port}"}).status == 421


def test_nothing_else_is_behind_it(door):
    for method, target in (("POST", "/identities?api-version=2023-10-01"), ("GET", "/admin/whoami"), ("GET", "/metrics"),
                           ("GET", "/admin/status"), ("GET", "/.well-known/jwks.json"), ("GET", "/"), ("GET", "/nothing"),
                           ("GET", "/.well-known/openid-configuration"), ("GET", "//identities")):
        answer = ask(door, target, method=method)
        assert answer.status == 404, (target, answer)
        assert set(answer.json()) == {"error", "error_description"}, "the shape that credential classes read"
        assert no_browser_lines(answer)
    assert ask(door, "/admin/status", {"Authorization": f"Bearer {door.admin_token}"}).status == 404


def test_it_shows_at_no_other_door(door):
    for answer in (door.send("GET", TOKEN, {"Metadata": "true"}), door.send("GET", "/msi/token"),
                   door.admin("GET", TOKEN), door.admin_tcp("GET", TOKEN)):
        assert answer.status == 404, answer


@pytest.mark.parametrize("page", [
    {"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:{port}"}, {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "None"}, {"Sec-Fetch-Site": "none", "Origin": "http://127.0.0.1:{port}"},
])
def test_no_web_page_may(door, page):
    page = {name: value.replace("{port}", str(door.imds_port)) for name, value in page.items()}
    for method, target in (("GET", "/health/live"), ("GET", TOKEN), ("POST", "/msi/token"), ("GET", "/nothing")):
        answer = ask(door, target, page, method)
        assert answer.status == 403, (target, answer)
        assert no_browser_lines(answer)


def test_several_origins_or_sites_are_a_page(door):
    for lines in ("Sec-Fetch-Site: none\r\nSec-Fetch-Site: none\r\n", "Origin: null\r\nOrigin: null\r\n"):
        with Wire(door.imds_port) as wire:
            request = f"GET /health/live HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()
            assert wire.send(request).receive().status == 403


def test_a_person_at_the_address_bar_may(door):
    assert ask(door, "/health/live", {"Sec-Fetch-Site": "none"}).status == 200


def test_no_preflight_is_answered(door):
    for target in ("/health/live", TOKEN, "/nothing"):
        bare = ask(door, target, method="OPTIONS")
        assert bare.status in (404, 405), bare
        asked = ask(door, target, {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}, "OPTIONS")
        assert asked.status == 403, asked
        assert no_browser_lines(bare) and no_browser_lines(asked)


def test_malformed_requests_get_the_same_shape(door):
    for octets, status in ((b"GET /%2F HTTP/1.1\r\nHost: localhost\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
                           (b"POST /msi/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413)):
        with Wire(door.imds_port) as wire:
            answer = wire.send(octets).receive()
        assert answer.status == status, answer
        assert set(answer.json()) == {"error", "error_description"}, answer


def test_it_never_redirects(door):
    for target in ("/metadata", "/metadata/identity/", "/health", "/health/live/"):
        assert ask(door, target).status in (200, 400, 404)


@pytest.mark.parametrize("written", ["https://acs.example.com", "https://acs.example.com/"])
def test_the_issuer_is_at_the_public_url(fresh_server, written):
    server = fresh_server("--imds", "127.0.0.1:0", "--net-public-url", written)
    tenant = server.admin("GET", "/admin/tenant").json()["tenantId"]
    answer = ask(server, f"{TOKEN}?api-version=2018-02-01&resource=https://communication.azure.com/", {"Metadata": "true"})
    assert answer.status == 200, answer
    payload = answer.json()["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iss"] == f"https://acs.example.com/{tenant}/v2.0"
    assert claims["aud"] == answer.json()["resource"] == "https://communication.azure.com/"


def test_an_identity_is_named_by_one_of_its_names(door):
    made = door.admin("POST", "/admin/identities", {"name": "picked"}).json()
    told = f"{TOKEN}?api-version=2018-02-01&resource=https://communication.azure.com/"
    names = {"client_id": made["clientId"], "object_id": made["objectId"], "principal_id": made["objectId"],
             "msi_res_id": made["resourceId"], "mi_res_id": made["resourceId"], "resource_id": made["resourceId"]}
    for name, value in names.items():
        answer = ask(door, f"{told}&{name}={value}", {"Metadata": "true"})
        assert answer.status == 200 and answer.json()["client_id"] == made["clientId"], (name, answer)
        wrong = ask(door, f"{told}&{name}={value[:-1]}0x", {"Metadata": "true"})
        assert wrong.status == 400 and wrong.json()["error_description"] == "Identity not found", (name, wrong)
    several = ask(door, f"{told}&client_id={made['clientId']}&resource_id={made['resourceId']}", {"Metadata": "true"})
    assert several.status == 400, several


def test_the_form_of_cloud_shell_gives_the_identity_that_it_names(door):
    made = door.admin("POST", "/admin/identities", {"name": "shell"}).json()
    headers = {"Metadata": "true", "Content-Type": "application/x-www-form-urlencoded"}
    form = "resource=https://communication.azure.com/&client_id="
    answer = ask(door, "/msi/token", headers, "POST", f"{form}{made['clientId']}".encode())
    assert answer.status == 200 and answer.json()["client_id"] == made["clientId"], answer
    answer = ask(door, "/msi/token", headers, "POST", f"{form}00000000-0000-4000-8000-000000000000".encode())
    assert answer.status == 400 and answer.json()["error_description"] == "Identity not found", answer
