"""Hosts, planes, browsers, explanations and the order of refusals (design D10, D16, D22; authentication §2.4, §5.1)."""

import base64
import json
import time
from email.utils import formatdate

import pytest
from wire import Wire, content_hash, head, spelled

TARGET = "/identities?api-version=2023-10-01"
WRONG = base64.b64encode(b"w" * 64).decode()


@pytest.fixture
def host(server):
    return f"localhost:{server.http_port}"


def ask(port, method, target, headers, body=None):
    with Wire(port) as wire:
        return wire.send(head(method, target, headers, body)).receive()


# -- hosts --


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "LocalHost", "[::1]", "default.localhost"])
def test_hosts_that_mean_the_default_resource(server, name):
    for authority in (name, f"{name}:{server.http_port}", f"{name}:1"):
        answer = server.signed("GET", "/admin/whoami", host=authority)
        assert answer.status == 200 and answer.json()["resource"] == "default", authority
        assert server.send("GET", "/health/live", {"Host": authority}).status == 200


@pytest.mark.parametrize("name", ["evil.example.com", "10.1.2.3", "nobody.localhost", "localhost.evil.com",
                                  "[2001:db8::1]", "127.0.0.1.nip.io"])
def test_strange_hosts(server, name):
    authority = f"{name}:{server.http_port}"
    for target in ("/health/live", "/metrics", "/.well-known/jwks.json", "/nothing", "/"):
        answer = server.send("GET", target, {"Host": authority})
        assert answer.status == 421, (target, answer)
        assert answer.json()["error"]["code"] == "MisdirectedRequest"
    for answer in (server.signed("GET", "/admin/whoami", host=authority), server.signed("POST", TARGET, host=authority)):
        assert answer.status == 401, answer
        assert answer.body == b'{"error":{"code":"Denied","message":"Denied by the resource provider."}}'


def test_strange_host_at_the_administration_listener(server):
    answer = server.admin_tcp("GET", "/admin/status", headers={"Host": "evil.example.com"})
    assert answer.status in (401, 421), answer


def test_configured_names(fresh_server):
    server = fresh_server("--name", "callgate", "--name", "acs.test")
    for name in ("callgate", "acs.test", f"callgate:{server.http_port}", "CALLGATE"):
        assert server.signed("GET", "/admin/whoami", host=name).json()["resource"] == "default"
    assert server.send("GET", "/health/live", {"Host": "callgate2"}).status == 421


def test_administration_of_the_server_is_hidden(server):
    for target in ("/admin/resources", "/admin/status", "/admin/settings", "/admin/clock"):
        for answer in (server.signed("GET", target), server.send("GET", target),
                       server.bearer("GET", target, server.admin_token)):
            assert answer.status == 404, (target, answer)


def test_unknown_paths_and_methods(server):
    assert server.signed("GET", "/nothing").status == 404
    assert server.signed("GET", "/").status == 404
    answer = server.signed("PUT", TARGET)
    assert answer.status == 405 and "POST" in answer.headers["Allow"]
    assert server.send("TRACE", TARGET).status in (405, 501)
    doubled = server.signed("POST", "//identities?api-version=2023-10-01")
    assert doubled.status == 201, "leading double slashes collapse"


# -- browsers --


@pytest.mark.parametrize("target,methods", [
    (TARGET, {"POST"}), ("/identities/x?api-version=2023-10-01", {"GET", "DELETE", "PATCH"}),
    ("/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview", {"POST"}), ("/health/live", {"GET"}),
    ("/chat/threads/19%3Ax%40thread.v2/messages?api-version=2025-03-15", {"GET", "POST"}),
    ("//chat/config/realTimeNotifications?api-version=2024-09-01", {"GET"}), ("/v4/a?cor_id=1&epid=2", {"POST"}),
    ("/realtime", {"GET"}), ("/nowhere", {"GET", "POST", "PUT", "PATCH", "DELETE"}),
])
def test_preflight(server, target, methods):
    answer = server.send("OPTIONS", target, {
        "Origin": "https://app.example.com", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-ms-date,x-ms-content-sha256"})
    assert answer.status in (200, 204), answer
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert methods <= {name.strip() for name in answer.headers["Access-Control-Allow-Methods"].split(",")}
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,x-ms-date,x-ms-content-sha256"
    assert answer.headers["Access-Control-Max-Age"] == "3600"


def test_pages_may_read_all_headers_of_chat(server):
    page = {"Origin": "https://app.example.com"}
    for target in ("/chat/threads?api-version=2025-03-15", "/chat/threads?api-version=2000-01-01", "/v4/a",
                   "//chat/config/realTimeNotifications?api-version=2024-09-01"):
        answer = server.send("GET", target, page)
        assert answer.status >= 400 and answer.status != 404, (target, answer)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", target
        assert answer.headers["Access-Control-Expose-Headers"] == "*", target
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_wire_answers_are_readable_by_pages(server):
    page = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
    for answer in (server.signed("POST", TARGET, headers=page), server.send("POST", TARGET, page),
                   server.signed("POST", "/identities", headers=page),
                   server.signed("POST", TARGET, body=b"{", headers=page)):
        assert answer.headers["Access-Control-Allow-Origin"] == "*", answer
        exposed = {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"x-ms-client-request-id", "api-supported-versions", "retry-after", "www-authenticate"} <= exposed


@pytest.mark.parametrize("page", [
    {"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost:1"},
])
def test_pages_of_elsewhere_may_not_administrate(server, page):
    for answer in (server.signed("GET", "/admin/whoami", headers=page), server.admin("GET", "/admin/status", headers=page),
                   server.admin_tcp("POST", "/admin/users", {}, headers=page)):
        assert answer.status == 403, answer
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_own_pages_may(server, host):
    for page in ({"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                 {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}):
        answer = server.signed("GET", "/admin/whoami", headers=page)
        assert answer.status == 200, (page, answer)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("target", ["/admin/whoami", "/admin/keys", "/admin/status"])
def test_administration_answers_no_preflight(server, target):
    page = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    for answer in (server.send("OPTIONS", target, page), server.admin("OPTIONS", target, headers=page)):
        assert answer.status >= 400, answer
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# -- explanations --


def explanation(server, host, **spelling):
    body = spelling.pop("sent_body", b"")
    headers = spelled(server.primary, "POST", TARGET, host, spelling.pop("body", body), **spelling)
    answer = server.send("POST", TARGET, {**headers, "Content-Type": "application/json"}, body)
    assert answer.status == 401, answer
    return answer.headers["x-callgate-explain"]


def mistaken(server, host, text, key=None):
    """A signature over any text of ours."""
    from wire import mac
    date = formatdate(usegmt=True)
    text = text.format(t=TARGET, d=date, h=host, c=content_hash())
    headers = {"Host": host, "x-ms-date": date, "x-ms-content-sha256": content_hash(), "Authorization":
               "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + mac(key or server.primary, text)}
    answer = server.send("POST", TARGET, headers)
    assert answer.status == 401, answer
    return answer.headers["x-callgate-explain"]


@pytest.mark.parametrize("cause,text", [
    ("path-without-query", "POST\n/identities\n{d};{h};{c}"), ("header-order", "POST\n{t}\n{h};{d};{c}"),
    ("line-ends", "POST\r\n{t}\r\n{d};{h};{c}"), ("whole-url", "POST\nhttp://{h}{t}\n{d};{h};{c}"),
    ("host-missing", "POST\n{t}\n{d};;{c}"), ("joiner", "POST\n{t}\n{d}\n{h}\n{c}"),
    ("line-at-the-end", "POST\n{t}\n{d};{h};{c}\n"), ("host-port", "POST\n{t}\n{d};localhost:443;{c}"),
    ("method-case", "post\n{t}\n{d};{h};{c}"), ("other-hash", "POST\n{t}\n{d};{h};"),
])
def test_near_misses(server, host, cause, text):
    told = mistaken(server, host, text)
    assert told.startswith("signature") and f"cause={cause};" in told, told
    assert "likely=" in told and "fix=" in told


def test_near_miss_of_the_key(server, host):
    told = mistaken(server, host, "POST\n{t}\n{d};{h};{c}", base64.b64encode(server.primary.encode()).decode())
    assert "cause=key-as-text" in told, told


def test_explanation_of_a_wrong_key(server, host):
    told = mistaken(server, host, "POST\n{t}\n{d};{h};{c}", WRONG)
    assert told.startswith("signature") and "cause=" not in told
    for part in ("method=", "path=", "date=", "host=", "hash=", "candidates=", "clockDifferenceSeconds="):
        assert part in told, told
    assert TARGET in told and host in told


def test_explanation_of_the_hash(server, host):
    told = explanation(server, host, body=b"", sent_body=b"{}")
    assert told.startswith("body hash") and content_hash() in told and content_hash(b"{}") in told
    assert "hash-of-nothing" in told


def test_explanation_of_the_date(server, host):
    told = explanation(server, host, date=formatdate(time.time() - 4000, usegmt=True))
    assert told.startswith("date") and "clockDifferenceSeconds=-4000" in told or "-3999" in told or "-4001" in told


def test_java_string_to_sign_is_compared(server, host):
    headers = spelled(WRONG, "POST", TARGET, host)
    theirs = f"POST\n{TARGET}\n{headers['x-ms-date']};localhost;{content_hash()}"
    headers["x-ms-hmac-string-to-sign-base64"] = base64.b64encode(theirs.encode()).decode()
    told = server.send("POST", TARGET, headers).headers["x-callgate-explain"]
    first = len(f"POST\n{TARGET}\n{headers['x-ms-date']};localhost")
    assert f"firstDifference={first};" in told, told


def test_explanations_keep_secrets(server, host):
    told = [mistaken(server, host, text) for text in ("POST\n/identities\n{d};{h};{c}", "nothing")]
    told.append(explanation(server, host, sent_body=b"{}", body=b""))
    headers = spelled(server.primary, "POST", TARGET, host)
    right = headers["Authorization"].split("Signature=")[1]
    headers["Authorization"] = headers["Authorization"].replace(right, right[:-4] + "AAA=")
    told.append(server.send("POST", TARGET, headers).headers["x-callgate-explain"])
    for text in told:
        for secret in (server.primary, server.secondary, server.admin_token, right):
            assert secret not in text and secret[:24] not in text


def test_explanations_escape(server, host):
    target = "/identities?api-version=2023-10-01&x=%F0%9F%92%A9%0A"
    headers = spelled(WRONG, "POST", target, host, extra={"x-ms-host": "a\u00e9\u0080b"})
    with Wire(server.http_port) as wire:
        reply = wire.send(head("POST", target, headers, b"")).receive()
    if reply.status == 401:
        told = reply.headers["x-callgate-explain"]
        assert told.isascii() and told.isprintable(), told
    else:
        assert reply.status == 400


def test_explanation_of_tokens(server, host):
    user, token = server.new_user()
    server.signed("POST", f"/identities/{user}/:revokeAccessTokens?api-version=2023-10-01")
    for bad, word in ((token, "revoked"), (token[:-4] + "AAAA", "signature"), ("x.y.z", "bearer token"),
                      ("e30.e30", "bearer token")):
        answer = server.bearer("GET", "/admin/whoami", bad)
        assert answer.status == 401 and word in answer.headers["x-callgate-explain"], answer.headers
        assert bad not in answer.headers["x-callgate-explain"]


def test_no_explanation_when_served(server):
    assert "x-callgate-explain" not in server.signed("POST", TARGET).headers


# -- what wins when several things are wrong (authentication §5.1) --


def test_order_of_refusals(server, host):
    old = formatdate(time.time() - 4000, usegmt=True)
    bad_version, body = "/identities?api-version=1999-01-01", b"{"
    user, _ = server.new_user()

    def told(headers, target=bad_version, body=body, media="text/plain"):
        return server.send("POST", target, {**headers, "Content-Type": media}, body)

    malformed = spelled(WRONG, "POST", bad_version, host, b"", date=old)
    malformed["Authorization"] = malformed["Authorization"].replace("Signature=", "Sig=")
    answer = told(malformed)
    assert answer.status == 401 and answer.headers["x-callgate-explain"].startswith("malformed")
    answer = told(spelled(WRONG, "POST", bad_version, host, b"", date=old))
    assert answer.status == 401 and "allowed margin" in answer.json()["error"]["message"], "date before signature"
    answer = told(spelled(WRONG, "POST", bad_version, host, b""))
    assert answer.status == 401 and answer.json()["error"]["message"] == "Denied by the resource provider."
    answer = told(spelled(server.primary, "POST", bad_version, host, b""))
    assert answer.status == 401 and "content hash" in answer.json()["error"]["message"], "hash after signature"
    answer = told(spelled(server.primary, "POST", bad_version, host, body))
    assert answer.status == 400 and answer.json()["error"]["code"] == "UnsupportedApiVersion", "version before media"
    answer = told(spelled(server.primary, "POST", TARGET, host, body), TARGET)
    assert answer.status == 415, "media before body"
    answer = told(spelled(server.primary, "POST", TARGET, host, body), TARGET, media="application/json")
    assert answer.status == 400 and answer.json()["error"]["code"] == "ValidationError"


def test_every_refusal_has_a_body(server, host):
    for answer in (server.send("POST", TARGET), server.send("GET", "/nothing"), server.send("PUT", TARGET),
                   server.send("POST", TARGET, {"Authorization": "Bearer x"}), server.signed("POST", "/identities"),
                   server.send("GET", "/health/live", {"Host": "evil"})):
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8", answer
        error = json.loads(answer.body)["error"]
        assert error["code"] and error["message"]


def test_challenges(server):
    assert server.send("POST", TARGET).headers["WWW-Authenticate"] == "HMAC-SHA256, Bearer"
    for answer in (server.send("POST", TARGET), server.send("GET", "/admin/whoami")):
        challenge = answer.headers["WWW-Authenticate"]
        assert "claims" not in challenge and "authorization_uri" not in challenge
