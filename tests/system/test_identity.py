"""The Identity service by raw signed requests: operations, versions, headers, error bodies (authentication §2)."""

import json
import re
import time

import pytest
from wire import Wire, head, spelled

NOW = "2023-10-01"
VERSIONS = ("2020-07-20-preview2", "2021-02-22-preview1", "2021-03-07", "2021-03-31-preview1", "2021-10-31-preview",
            "2021-11-01", "2022-06-01", "2022-10-01", "2023-08-01", "2023-10-01", "2025-03-02-preview",
            "2025-04-01-preview", "2025-06-30", "2026-07-22", "2026-09-23")
SUPPORTED = ", ".join(VERSIONS)
GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
RAW_ID = re.compile(f"8:acs:{GUID}_{GUID}")
TICKS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00")
TEAMS = {"token": "x", "appId": "11111111-1111-1111-1111-111111111111",
         "userId": "22222222-2222-2222-2222-222222222222"}


def users(version=NOW):
    return f"/identities?api-version={version}"


def of(user, rest="", version=NOW):
    return f"/identities/{user}{rest}?api-version={version}"


def error_of(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    error = answer.json()["error"]
    assert error["code"] == code, error
    return error


@pytest.fixture(scope="module")
def user(server):
    return server.new_user()[0]


# -- every operation in every version --


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_create_user(server, version):
    answer = server.signed("POST", users(version), {})
    assert answer.status == 201, answer
    made = answer.json()
    assert list(made) == ["identity"] and list(made["identity"]) == ["id"]
    assert RAW_ID.fullmatch(made["identity"]["id"])


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_create_user_with_token(server, version):
    answer = server.signed("POST", users(version), {"createTokenWithScopes": ["chat", "voip"]})
    assert answer.status == 201, answer
    made = answer.json()
    assert list(made) == ["identity", "accessToken"] and list(made["accessToken"]) == ["token", "expiresOn"]
    assert TICKS.fullmatch(made["accessToken"]["expiresOn"])


def test_create_user_2020(server):
    answer = server.signed("POST", users(VERSIONS[0]))
    assert answer.status == 200 and list(answer.json()) == ["id"], answer
    assert RAW_ID.fullmatch(answer.json()["id"])


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize("form", ["/:issueAccessToken", "/%3AissueAccessToken", ":issueAccessToken"])
def test_issue(server, user, version, form):
    answer = server.signed("POST", of(user, form, version), {"scopes": ["chat"]})
    assert answer.status == 200, answer
    assert list(answer.json()) == ["token", "expiresOn"]


@pytest.mark.parametrize("spell", [lambda i: i, lambda i: i.replace(":", "%3A"), lambda i: i.replace(":", "%3a")])
def test_ids_in_every_spelling(server, user, spell):
    assert server.signed("POST", of(spell(user), "/:issueAccessToken"), {"scopes": ["chat"]}).status == 200


def test_issue_2020(server, user):
    answer = server.signed("POST", of(user, "/token", VERSIONS[0]), {"scopes": ["chat", "pstn"]})
    assert answer.status == 200, answer
    assert list(answer.json()) == ["id", "token", "expiresOn"] and answer.json()["id"] == user


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_revoke(server, user, version):
    answer = server.signed("POST", of(user, "/:revokeAccessTokens", version))
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("version", VERSIONS)
def test_delete(server, version):
    one, _ = server.new_user()
    assert server.signed("DELETE", of(one, "", version)).status == 204
    assert server.signed("DELETE", of(one, "", version)).status == 204, "it had existed"
    error_of(server.signed("POST", of(one, "/:issueAccessToken"), {"scopes": ["chat"]}), 404, "IdentityNotFound")


@pytest.mark.parametrize("version", ["2025-03-02-preview", "2025-04-01-preview"])
def test_get_user_and_external_id(server, version):
    name = f"customer-ä-{version}-{time.time()}"
    made = server.signed("POST", users(version), {"externalId": name, "createTokenWithScopes": ["chat"]})
    assert made.status == 201, made
    one = made.json()["identity"]["id"]
    again = server.signed("POST", users(version), {"externalId": name})
    assert again.status == 200 and again.json()["identity"]["id"] == one
    shown = server.signed("GET", of(one, "", version))
    assert shown.status == 200 and list(shown.json()) == ["id", "externalId", "lastTokenIssuedAt"], shown
    assert shown.json()["id"] == one and shown.json()["externalId"] == name
    assert TICKS.fullmatch(shown.json()["lastTokenIssuedAt"])


@pytest.mark.parametrize("version", [v for v in VERSIONS if not v.startswith(("2025-03", "2025-04"))])
def test_get_user_is_of_two_versions_only(server, user, version):
    answer = server.signed("GET", of(user, "", version))
    assert answer.status in (400, 404, 405), answer


def test_external_id_is_ignored_elsewhere(server):
    first, second = (server.signed("POST", users(NOW), {"externalId": "same"}).json() for _ in range(2))
    assert first["identity"]["id"] != second["identity"]["id"] and list(first) == ["identity"]


@pytest.mark.parametrize("bad", ["", "x" * 257, 5, ["a"]])
def test_external_id_refused(server, bad):
    error_of(server.signed("POST", users("2025-03-02-preview"), {"externalId": bad}), 400, "ValidationError")


def test_patch_2020(server, user):
    target, body = of(user, "", VERSIONS[0]), json.dumps({"tokensValidFrom": "2020-01-01T00:00:00.123Z"}).encode()
    answer = server.signed("PATCH", target, body=body, headers={"Content-Type": "application/merge-patch+json"})
    assert answer.status == 204, answer
    bad = server.signed("PATCH", target, body=b'{"tokensValidFrom":"yesterday"}',
                        headers={"Content-Type": "application/merge-patch+json"})
    error_of(bad, 400, "ValidationError")


# -- bodies --


@pytest.mark.parametrize("body,media", [
    (b"", "application/json"), (b"", "text/plain"), (b"", None), (b"{}", "application/json"),
    (b'{"createTokenWithScopes": null, "expiresInMinutes": null}', "application/json"),
    (b'{"createTokenWithScopes": []}', "application/json"), (b'{"expiresInMinutes": 60}', "application/json"),
    (b'{"unknown": {"deep": [1, 2]}}', "application/json"), (b"{}", "application/json; charset=utf-8"),
    (b"{}", "APPLICATION/JSON"),
])
def test_create_without_token(server, body, media):
    host = f"localhost:{server.http_port}"
    headers = spelled(server.primary, "POST", users(), host, body)
    if media:
        headers["Content-Type"] = media
    answer = server.send("POST", users(), headers, body)
    assert answer.status == 201 and "accessToken" not in answer.json(), answer


@pytest.mark.parametrize("given,minutes", [(60, 60), (1440, 1440), (60.0, 60), ("1e2", 100), (None, 1440)])
def test_lifetimes(server, user, given, minutes):
    body = f'{{"scopes":["chat"],"expiresInMinutes":{"null" if given is None else given}}}'.encode()
    started = time.time()
    answer = server.signed("POST", of(user, "/:issueAccessToken"), body=body)
    assert answer.status == 200, answer
    claims = payload(answer.json()["token"])
    assert claims["exp"] - claims["iat"] == minutes * 60
    assert started - 2 <= claims["iat"] <= time.time() + 1
    assert answer.json()["expiresOn"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(claims["exp"])))


@pytest.mark.parametrize("raw", ["1441", "59", "0", "-60", "60.5", "1e9", "1441.0", "99999999999999999"])
def test_lifetime_refused_with_the_recorded_text(server, user, raw):
    for target, more in ((of(user, "/:issueAccessToken"), '"scopes":["chat"],'), (users(), "")):
        answer = server.signed("POST", target, body=f'{{{more}"expiresInMinutes":{raw}}}'.encode())
        assert answer.status == 400, answer
        assert answer.json() == {"error": {
            "code": "ValidationError", "target": "ExpiresInMinutes",
            "message": f"ExpiresInMinutes value {raw} is invalid. Value must be within the [60, 1440] interval."}}


def test_lifetime_refusal_octet_by_octet(server, user):
    answer = server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": ["chat"], "expiresInMinutes": 1441})
    assert answer.body == (b'{"error":{"code":"ValidationError","message":"ExpiresInMinutes value 1441 is invalid. '
                           b'Value must be within the [60, 1440] interval.","target":"ExpiresInMinutes"}}')


@pytest.mark.parametrize("bad", ['"60"', "true", "[60]", "{}"])
def test_lifetime_of_another_type(server, user, bad):
    body = f'{{"scopes":["chat"],"expiresInMinutes":{bad}}}'.encode()
    error_of(server.signed("POST", of(user, "/:issueAccessToken"), body=body), 400, "ValidationError")


@pytest.mark.parametrize("version", VERSIONS[1:7])
def test_lifetime_is_ignored_before_2022_10_01(server, user, version):
    answer = server.signed("POST", of(user, "/:issueAccessToken", version), {"scopes": ["chat"], "expiresInMinutes": 1})
    claims = payload(answer.json()["token"])
    assert claims["exp"] - claims["iat"] == 86400


@pytest.mark.parametrize("body", [b"{}", b"", b'{"scopes":null}', b'{"scopes":[]}'])
def test_scopes_required(server, user, body):
    answer = server.signed("POST", of(user, "/:issueAccessToken"), body=body)
    assert answer.status == 400
    assert answer.body == (b'{"error":{"code":"ValidationError","message":"Scopes: The Scopes field is required.",'
                           b'"target":"Scopes"}}')


def test_scope_unknown_names_the_five(server, user):
    error = error_of(server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": ["chat", "video"]}), 400,
                     "ValidationError")
    assert error["target"] == "Scopes" and "video" in error["message"]
    for scope in ("chat", "voip", "chat.join", "chat.join.limited", "voip.join"):
        assert scope in error["message"]


def test_pstn_elsewhere_refused(server, user):
    error_of(server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": ["pstn"]}), 400, "ValidationError")


@pytest.mark.parametrize("given,claim", [
    (["chat", "voip"], "chat,voip"), (["voip", "chat"], "voip,chat"), (["VoIP", "CHAT", "voip"], "voip,chat"),
    (["chat.join", "chat.join.limited", "voip.join"], "chat.join,chat.join.limited,voip.join"),
])
def test_scopes_in_the_token(server, user, given, claim):
    token = server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": given}).json()["token"]
    assert payload(token)["acsScope"] == claim


@pytest.mark.parametrize("version", ["2021-03-07", "2022-10-01"])
def test_join_scopes_in_older_versions_by_setting(server, fresh_server, version):
    one, _ = server.new_user()
    assert server.signed("POST", of(one, "/:issueAccessToken", version), {"scopes": ["chat.join"]}).status == 200
    strict = fresh_server("--identity-scopes-any-version=false")
    other, _ = strict.new_user()
    answer = strict.signed("POST", of(other, "/:issueAccessToken", version), {"scopes": ["chat.join"]})
    error_of(answer, 400, "ValidationError")
    assert strict.signed("POST", of(other, "/:issueAccessToken"), {"scopes": ["chat.join"]}).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b'{"scopes":["chat"]', b'{"scopes":["chat"]}}', b"\xff\xfe",
                                  b'{"scopes":"chat"}', b'{"scopes":[1]}', b'{"scopes":["chat"],"scopes":["voip"]}',
                                  b'{"a":' * 100 + b"1" + b"}" * 100, b"null x"])
def test_malformed_json(server, user, body):
    error = error_of(server.signed("POST", of(user, "/:issueAccessToken"), body=body), 400, "ValidationError")
    assert error["message"] and error.get("target"), error


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data", "json", None,
                                   "application/x-www-form-urlencoded"])
def test_unsupported_media(server, media):
    host, body = f"localhost:{server.http_port}", b"{}"
    headers = spelled(server.primary, "POST", users(), host, body)
    if media:
        headers["Content-Type"] = media
    error_of(server.send("POST", users(), headers, body), 415, "UnsupportedMediaType")


def test_body_too_large(server):
    body = b'{"x":"' + b"a" * (64 * 1024) + b'"}'
    error_of(server.signed("POST", users(), body=body), 413, "RequestEntityTooLarge")


def test_largest_body(server):
    body = b'{"x":"' + b"a" * (64 * 1024 - 8) + b'"}'
    assert server.signed("POST", users(), body=body).status == 201


def test_truncated_body_makes_nobody(server):
    before = server.admin("GET", "/admin/status").json()["users"]
    host, body = f"localhost:{server.http_port}", b'{"createTokenWithScopes":["chat"]}'
    headers = {**spelled(server.primary, "POST", users(), host, body), "Content-Type": "application/json"}
    with Wire(server.http_port) as wire:
        wire.send(head("POST", users(), headers, body)[:-5])
    assert server.signed("GET", "/admin/whoami").status == 200
    assert server.admin("GET", "/admin/status").json()["users"] == before


def test_chunked_body(server):
    host, body = f"localhost:{server.http_port}", b'{"createTokenWithScopes":["chat"]}'
    headers = {**spelled(server.primary, "POST", users(), host, body), "Content-Type": "application/json",
               "Transfer-Encoding": "chunked"}
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:8], body[8:])) + b"0\r\n\r\n"
    with Wire(server.http_port) as wire:
        reply = wire.send(head("POST", users(), headers) + chunks).receive()
    assert reply.status == 201 and "accessToken" in reply.json(), reply


# -- versions --


def test_version_missing(server):
    answer = server.signed("POST", "/identities")
    error_of(answer, 400, "ApiVersionUnspecified")
    assert answer.headers["api-supported-versions"] == SUPPORTED


@pytest.mark.parametrize("bad", ["", "x", "2023", "2023-13-01x", "latest", "2023-10-01-"])
def test_version_malformed(server, bad):
    answer = server.signed("POST", users(bad))
    assert answer.status == 400 and answer.json()["error"]["code"] in ("InvalidApiVersion", "ApiVersionUnspecified")
    assert bad == "" or answer.json()["error"]["code"] == "InvalidApiVersion", answer


@pytest.mark.parametrize("version", ["2023-08-30-preview", "2019-01-01", "2023-10-02", "2023-10-01-preview"])
def test_version_unsupported(server, version):
    answer = server.signed("POST", users(version))
    error = error_of(answer, 400, "UnsupportedApiVersion")
    assert error["message"] == (
        f"The HTTP resource that matches the request URI 'http://localhost:{server.http_port}/identities' does not "
        f"support the API version '{version}'.")
    assert answer.headers["api-supported-versions"] == SUPPORTED


def test_operations_outside_their_versions(server, user):
    for method, target in (("POST", of(user, "/token")), ("PATCH", of(user)),
                           ("POST", of(user, "/:issueAccessToken", VERSIONS[0])),
                           ("POST", "/teamsUser/:exchangeAccessToken?api-version=2021-03-07"),
                           ("POST", "/access/entra/:exchangeAccessToken?api-version=2023-10-01")):
        answer = server.signed(method, target, {"scopes": ["chat"]})
        if "/access/" in target:  # the bearer comes before the version
            assert answer.status == 401, answer
        else:
            error_of(answer, 400, "UnsupportedApiVersion")


# -- ids --


def test_unknown_ids(server):
    own = server.new_user()[0]
    resource = own[6:42]
    stranger = f"8:acs:{resource}_00000000-0000-0000-0000-000000000001"
    elsewhere = "8:acs:00000000-0000-0000-0000-000000000001_00000000-0000-0000-0000-000000000001"
    for bad in (stranger, elsewhere, "x", "8:acs:", own + "0", own[:-1], "4:+14255550123", own.replace("8:acs", "8:ACS")):
        for method, rest, document in (("POST", "/:issueAccessToken", {"scopes": ["chat"]}),
                                       ("POST", "/:revokeAccessTokens", None), ("DELETE", "", None)):
            answer = server.signed(method, of(bad, rest), document)
            assert answer.status == 404, (bad, answer)
            assert answer.body == b'{"error":{"code":"IdentityNotFound","message":"Provided identity doesn\'t exist."}}'


def test_every_id_is_new(server):
    made = {server.signed("POST", users()).json()["identity"]["id"] for _ in range(50)}
    assert len(made) == 50 and all(one.count("_") == 1 for one in made)


# -- Teams and Entra exchange --


def teams(server, document, version=NOW):
    return server.signed("POST", f"/teamsUser/:exchangeAccessToken?api-version={version}", document)


@pytest.mark.parametrize("change", [{}, {"token": ""}, {"token": None}, {"userId": ""}, {"token": "", "userId": ""}])
def test_teams_token_is_not_valid(server, change):
    answer = teams(server, {**TEAMS, **change})
    assert answer.status == 401
    assert answer.body == (b'{"error":{"code":"InvalidAccessToken","message":"Provided access token is not valid."}}')


@pytest.mark.parametrize("change", [{"appId": ""}, {"appId": None}, {"appId": "", "token": ""}])
def test_teams_app_id_comes_first(server, change):
    answer = teams(server, {**TEAMS, **change})
    assert answer.status == 400
    assert answer.body == (b'{"error":{"code":"ValidationError","message":"AppId: The AppId field is required.",'
                           b'"target":"AppId"}}')


@pytest.mark.parametrize("version", ["2021-03-31-preview1", "2021-10-31-preview", "2021-11-01"])
def test_teams_drafts_need_the_token_only(server, version):
    assert teams(server, {"token": "x"}, version).json()["error"]["code"] == "InvalidAccessToken"


@pytest.mark.parametrize("path", ["/access/entra/:exchangeAccessToken", "/access/teamsExtension/:exchangeAccessToken",
                                  "//access/entra/:exchangeAccessToken"])
def test_entra_exchange(server, path):
    target = f"{path}?api-version=2025-06-30"
    answer = server.bearer("POST", target, "e30.e30.x", {})
    assert answer.status == 401 and answer.json()["error"]["code"] == "InvalidAccessToken", answer
    error_of(server.send("POST", target), 401, "Denied")


def test_assignments(server):
    base = ("/access/teamsExtension/tenants/11111111-1111-1111-1111-111111111111/assignments/"
            "22222222-2222-2222-2222-222222222222?api-version=2025-06-30")
    assert server.signed("DELETE", base).status == 204
    assert server.signed("GET", base).status == 404
    assert server.signed("PUT", base, {"principalType": "user", "clientIds": ["a", "b"]}).status == 201
    again = server.signed("PUT", base, {"principalType": "resourceAccount"})
    assert again.status == 200, again
    shown = server.signed("GET", base).json()
    assert shown["principalType"] == "resourceAccount" and shown["objectId"].startswith("2222"), shown
    assert shown["tenantId"].startswith("1111")
    error_of(server.signed("PUT", base, {"principalType": "team"}), 400, "ValidationError")
    error_of(server.signed("PUT", base, {}), 400, "ValidationError")
    assert server.signed("DELETE", base).status == 204
    assert server.signed("GET", base).status == 404


# -- headers --


def test_headers_of_success(server):
    answer = server.signed("POST", users(), {}, headers={
        "x-ms-client-request-id": "my-id-1", "x-ms-return-client-request-id": "true"})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["api-supported-versions"] == SUPPORTED
    assert answer.headers["MS-CV"]
    assert re.fullmatch(r"\d+ms", answer.headers["X-Processing-Time"])
    assert answer.headers["x-ms-client-request-id"] == "my-id-1"
    assert "Strict-Transport-Security" not in answer.headers


def test_client_request_id_only_when_asked_for(server):
    answer = server.signed("POST", users(), {}, headers={"x-ms-client-request-id": "my-id-1"})
    assert "x-ms-client-request-id" not in answer.headers


def test_headers_of_refusal(server, user):
    answer = server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": []})
    assert answer.headers["api-supported-versions"] == SUPPORTED and answer.headers["MS-CV"]


def test_no_strict_transport_for_localhost(server):
    """A browser would keep it for every port of localhost."""
    answer = server.signed("POST", users(), {}, secure=True)
    assert answer.status == 201 and "Strict-Transport-Security" not in answer.headers


def test_204_has_neither_type_nor_length(server):
    one, _ = server.new_user()
    answer = server.signed("DELETE", of(one))
    assert "Content-Type" not in answer.headers and "Content-Length" not in answer.headers, answer.headers
    assert answer.headers["api-supported-versions"] == SUPPORTED


def test_date_header_is_right(server):
    from email.utils import parsedate_to_datetime
    at = parsedate_to_datetime(server.signed("POST", users()).headers["Date"]).timestamp()
    assert abs(at - time.time()) < 3


# -- the token --


def payload(token):
    import base64
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_claims(server, user):
    token = server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": ["chat", "voip"]}).json()["token"]
    claims = payload(token)
    assert list(claims)[:9] == ["skypeid", "scp", "csi", "exp", "rgn", "acsScope", "resourceId", "resourceLocation",
                                "iat"]
    assert claims["skypeid"] == user[2:] and claims["scp"] == 1792 and claims["csi"] == str(claims["iat"])
    assert claims["rgn"] == "amer" and claims["acsScope"] == "chat,voip" and claims["resourceId"] == user[6:42]
    assert claims["resourceLocation"] == "unitedstates" and isinstance(claims["exp"], int)
    assert re.fullmatch("[0-9a-f]{32}", claims["jti"]) and re.fullmatch(r"p\d+", claims["cgk"])
    assert claims["iss"] == f"http://localhost:{server.http_port}"
    assert not {"tid", "aud", "sub", "nbf"} & set(claims)
    assert len(token) <= 2048 and not set("-_") & set(token.split(".")[1])


def test_every_token_is_another(server, user):
    tokens = {server.signed("POST", of(user, "/:issueAccessToken"), {"scopes": ["chat"]}).json()["token"]
              for _ in range(10)}
    assert len(tokens) == 10


# -- documented limits --


def test_limits_of_azure(fresh_server):
    server = fresh_server("--limits", "azure")
    connection = server.connect()
    one, _ = server.new_user()
    for _ in range(500):
        answer = server.signed("POST", of(one, "/:revokeAccessTokens"), connection=connection)
        assert answer.status == 204, answer
    answer = server.signed("POST", of(one, "/:revokeAccessTokens"), connection=connection)
    error_of(answer, 429, "TooManyRequests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert server.signed("POST", of(one, "/:issueAccessToken"), {"scopes": ["chat"]}).status == 200
