"""Event subscriptions: what may be one, how endpoints consent, what is refused, what a restart leaves."""

import json
import time
import uuid

import pytest
import webhook
from subscribing import CLOUD, PATH, REPORT, SMS, advance, error, get, put, settled, tried_again
from webhook import DELETION, VALIDATION, Webhook, answer


@pytest.fixture
def hook():
    with Webhook() as one:
        yield one


@pytest.fixture
def name(server):
    one = f"s-{uuid.uuid4().hex[:12]}"
    yield one
    server.signed("DELETE", f"{PATH}/{one}")


# -- the handshake of the Event Grid schema --


@pytest.mark.parametrize("spelling", ["validationResponse", "ValidationResponse"])
def test_an_endpoint_that_returns_the_code_has_consented(server, hook, name, spelling):
    hook.handshake = lambda handler, got: handler.reply(
        200, {}, json.dumps({spelling: got.events()[0]["data"]["validationCode"]}).encode())
    made = put(server, name, hook.url + "?code=k%20ey&x=1")
    assert made.status == 201, made
    assert made.json()["provisioningState"] == "Creating"
    found = settled(server, name)
    assert found["provisioningState"] == "Succeeded", found
    assert "validationUrl" not in found and "lastError" not in found
    (got,) = hook.wait(1, VALIDATION)
    assert (got.method, got.target) == ("POST", "/events?code=k%20ey&x=1"), "the query is kept as it is"
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert got.headers["aeg-subscription-name"] == name.upper()
    (event,) = got.json()
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["subject"] == "" and event["dataVersion"] == "1" and event["metadataVersion"] == "1"
    assert "/providers/microsoft.communication/communicationservices/" in event["topic"].lower()
    assert uuid.UUID(event["id"]) and uuid.UUID(event["data"]["validationCode"])
    assert event["data"]["validationUrl"].startswith("https://localhost:")


def test_an_endpoint_that_says_nothing_may_consent_by_the_address(server, hook, name):
    hook.handshake = answer(200, b'{"status":"ok"}')
    put(server, name, hook.url)
    found = settled(server, name)
    assert found["provisioningState"] == "AwaitingManualAction", found
    url = hook.wait(1, VALIDATION)[0].events()[0]["data"]["validationUrl"]
    assert found["validationUrl"] == url
    target = url[url.index("/events/"):]
    assert server.send("HEAD", target).status == 405, "looking is not consenting"
    assert get(server, name)["provisioningState"] == "AwaitingManualAction"
    passed = server.send("GET", target, secure=True)
    assert passed.status == 200 and b"validated" in passed.body
    assert passed.headers["Content-Type"].startswith("text/plain")
    assert get(server, name)["provisioningState"] == "Succeeded"
    error(server.send("GET", target), 404, "NotFound")  # once only
    assert url.rsplit("=", 1)[1] not in server.log(), "the token is no business of the log"


@pytest.mark.parametrize("target", ["/events/validate", "/events/validate?token=", "/events/validate?token=x",
                                    f"/events/validate?token={'0' * 32}", f"/events/validate?token={'%00' * 32}"])
def test_no_token_but_the_right_one_consents(server, hook, name, target):
    hook.handshake = answer(200)
    put(server, name, hook.url)
    settled(server, name, "AwaitingManualAction")
    error(server.send("GET", target), 404, "NotFound")
    error(server.send("POST", target, body=b"anything"), 404, "NotFound")
    assert get(server, name)["provisioningState"] == "AwaitingManualAction"


def test_consent_after_ten_minutes_is_too_late(fresh_server, hook):
    server = fresh_server()
    hook.handshake = answer(200)
    put(server, "late", hook.url)
    url = settled(server, "late", "AwaitingManualAction")["validationUrl"]
    advance(server, "9m50s")
    assert get(server, "late")["provisioningState"] == "AwaitingManualAction"
    advance(server, "11s")
    found = settled(server, "late", "Failed")
    assert "10 minutes" in found["lastError"], found
    error(server.send("GET", url[url.index("/events/"):]), 404, "NotFound")


@pytest.mark.parametrize("what,words", [
    (answer(202, b'{"validationResponse":"x"}'), "202"), (answer(404), "404"), (answer(500), "500"),
    (answer(204), "204"), (answer(200, b'{"validationResponse":"wrong"}'), "another validation code"),
    (webhook.redirect_to("/elsewhere"), "redirect"), (webhook.endless(), "too large"), (webhook.close, "not reached"),
    (webhook.reset, "not reached"), (webhook.nonsense, "not reached")],
    ids=["202", "404", "500", "204", "wrong code", "redirect", "endless", "close", "reset", "nonsense"])
def test_three_tries_without_consent_and_it_has_failed(fresh_server, hook, what, words):
    server = fresh_server()
    hook.handshake = what
    put(server, "never", hook.url)
    found = tried_again(server, "never")
    assert found["provisioningState"] == "Failed" and words in found["lastError"], found
    assert len(hook.of(VALIDATION)) == 3
    codes = {got.events()[0]["data"]["validationCode"] for got in hook.of(VALIDATION)}
    assert len(codes) == 1


def test_a_try_that_succeeds_is_enough(fresh_server, hook):
    server = fresh_server()
    hook.handshake = answer(503)
    put(server, "second", hook.url)
    hook.wait(1, VALIDATION)
    hook.handshake = webhook.agree
    assert tried_again(server, "second")["provisioningState"] == "Succeeded"
    assert len(hook.of(VALIDATION)) == 2


def test_a_handshake_that_a_crash_cut_off_is_taken_up_again(fresh_server, hook):
    server = fresh_server()
    hook.handshake = webhook.silent
    put(server, "cut", hook.url)
    hook.wait(1, VALIDATION)
    server.kill()
    hook.handshake = webhook.agree
    server.start()
    assert settled(server, "cut")["provisioningState"] == "Succeeded"


def test_waiting_for_consent_outlives_a_restart(fresh_server, hook):
    server = fresh_server()
    hook.handshake = answer(200)
    put(server, "patient", hook.url)
    url = settled(server, "patient", "AwaitingManualAction")["validationUrl"]
    server.stop()
    server.start()
    assert server.send("GET", url[url.index("/events/"):]).status == 200
    assert get(server, "patient")["provisioningState"] == "Succeeded"


def test_a_stop_does_not_wait_for_a_silent_endpoint(fresh_server, hook):
    server = fresh_server()
    hook.handshake = webhook.silent
    put(server, "silent", hook.url)
    hook.wait(1, VALIDATION)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10


# -- the handshake of CloudEvents --


@pytest.mark.parametrize("allowed", ["eventgrid.azure.net", "*", "EventGrid.azure.net"])
def test_an_endpoint_that_allows_the_origin_has_consented(server, hook, name, allowed):
    hook.handshake = answer(405, WebHook_Allowed_Origin=allowed, WebHook_Allowed_Rate="120")
    put(server, name, hook.url, schema=CLOUD)
    assert settled(server, name)["provisioningState"] == "Succeeded"
    (got,) = hook.wait(1, "OPTIONS")
    assert got.headers["webhook-request-origin"] == "eventgrid.azure.net"
    assert "/events/validate?token=" in got.headers["webhook-request-callback"]
    assert got.raw == b"" and got.target == "/events"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_consent_by_the_callback(server, hook, name, method):
    hook.handshake = answer(200, WebHook_Allowed_Origin="another.example")
    put(server, name, hook.url, schema=CLOUD)
    settled(server, name, "AwaitingManualAction")
    url = hook.wait(1, "OPTIONS")[0].headers["webhook-request-callback"]
    body = b"yes" if method == "POST" else b""
    assert server.send(method, url[url.index("/events/"):], body=body).status == 200
    assert get(server, name)["provisioningState"] == "Succeeded"


def test_an_endpoint_out_of_reach_can_not_call_back(fresh_server, hook):
    server = fresh_server()
    hook.handshake = webhook.close
    put(server, "gone", hook.url, schema=CLOUD)
    assert "not reached" in tried_again(server, "gone")["lastError"]
    assert len(hook.of("OPTIONS")) == 3


# -- what a subscription may be --


DEFAULTS = {"schema": "EventGridSchema", "includedEventTypes": [], "subjectBeginsWith": "", "subjectEndsWith": "",
            "isSubjectCaseSensitive": False, "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440,
            "maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64, "headers": {}}


def test_what_is_not_said_has_a_default(server, hook, name):
    made = put(server, name.upper(), hook.url).json()
    assert made["name"] == name and made["endpoint"] == hook.url
    assert {member: made[member] for member in DEFAULTS} == DEFAULTS
    assert made["createdOn"]


def test_all_members_are_kept(server, hook, name):
    members = {"schema": CLOUD, "includedEventTypes": [SMS, REPORT], "subjectBeginsWith": "/phone",
               "subjectEndsWith": "3", "isSubjectCaseSensitive": True, "maxDeliveryAttempts": 1,
               "eventTimeToLiveInMinutes": 1, "maxEventsPerBatch": 5000, "preferredBatchSizeInKilobytes": 1024,
               "headers": {"X-A": "b"}}
    put(server, name, hook.url, **members)
    found = settled(server, name)
    assert {member: found[member] for member in members} == members
    assert hook.wait(1, "OPTIONS")[0].headers["x-a"] == "b"


def test_secrets_are_sent_but_not_shown(server, hook, name):
    headers = {"X-Key": {"value": "hush1", "secret": True}, "Authorization": "Bearer hush2", "X-Open": "seen"}
    made = put(server, name, hook.url + "?code=hush3", headers=headers)
    assert b"hush" not in made.body
    assert made.json()["headers"] == {"X-Key": "Hidden", "Authorization": "Hidden", "X-Open": "seen"}
    assert made.json()["endpoint"] == hook.url + "?Hidden"
    got = hook.wait(1, VALIDATION)[0]
    assert got.headers["x-key"] == "hush1" and got.headers["authorization"] == "Bearer hush2"
    settled(server, name)
    shown = get(server, name)
    again = put(server, name, shown["endpoint"], headers=shown["headers"])
    assert again.status == 200, "what is hidden stays"
    got = hook.wait(2, VALIDATION)[1]
    assert got.headers["x-key"] == "hush1" and got.target == "/events?code=hush3"
    assert get(server, name)["headers"]["X-Key"] == "Hidden"
    settled(server, name)
    assert "hush" not in server.log()
    error(put(server, name, hook.url + "2?Hidden"), 400, "ValidationError", "hidden", "$.endpoint")


@pytest.mark.parametrize("members,code,target,words", [
    ({"endpont": "x"}, "UnknownMember", "$.endpont", "Did you mean 'endpoint'?"),
    ({"endpoint": None}, "ValidationError", "$.endpoint", "is required"),
    ({"endpoint": 5}, "ValidationError", "$.endpoint", "must be a string"),
    ({"endpoint": "app.example"}, "ValidationError", "$.endpoint", "https URL"),
    ({"endpoint": "https://u:p@app.example/"}, "ValidationError", "$.endpoint", "https URL"),
    ({"endpoint": "https://app.example/#f"}, "ValidationError", "$.endpoint", "https URL"),
    ({"endpoint": "https://app.example/" + "a" * 2048}, "ValidationError", "$.endpoint", "too long"),
    ({"schema": "CustomInputSchema"}, "ValidationError", "$.schema", "CloudEventSchemaV1_0"),
    ({"includedEventTypes": "x"}, "ValidationError", "$.includedEventTypes", "list"),
    ({"includedEventTypes": ["a b"]}, "ValidationError", "$.includedEventTypes", "names of event types"),
    ({"includedEventTypes": ["x"] * 51}, "ValidationError", "$.includedEventTypes", "too many"),
    ({"subjectBeginsWith": "x" * 1025}, "ValidationError", "$.subjectBeginsWith", "too long"),
    ({"maxDeliveryAttempts": 0}, "ValidationError", "$.maxDeliveryAttempts", "from 1 to 30"),
    ({"maxDeliveryAttempts": 31}, "ValidationError", "$.maxDeliveryAttempts", "from 1 to 30"),
    ({"maxDeliveryAttempts": 1.5}, "ValidationError", "$.maxDeliveryAttempts", "from 1 to 30"),
    ({"eventTimeToLiveInMinutes": 1441}, "ValidationError", "$.eventTimeToLiveInMinutes", "from 1 to 1440"),
    ({"maxEventsPerBatch": 5001}, "ValidationError", "$.maxEventsPerBatch", "from 1 to 5000"),
    ({"preferredBatchSizeInKilobytes": 0}, "ValidationError", "$.preferredBatchSizeInKilobytes", "from 1 to 1024"),
    ({"headers": []}, "ValidationError", "$.headers", "object"),
    ({"headers": {f"X-{i}": "1" for i in range(11)}}, "ValidationError", "$.headers", "10 headers"),
    ({"headers": {"Host": "x"}}, "ValidationError", "$.headers.Host", "sends itself"),
    ({"headers": {"Content-Length": "1"}}, "ValidationError", "$.headers.Content-Length", "sends itself"),
    ({"headers": {"aeg-x": "1"}}, "ValidationError", "$.headers.aeg-x", "sends itself"),
    ({"headers": {"X A": "1"}}, "ValidationError", "$.headers.X A", "name"),
    ({"headers": {"X-A": "1\r\nHost: evil"}}, "ValidationError", "$.headers.X-A", "control"),
    ({"headers": {"X-A": "x" * 4097}}, "ValidationError", "$.headers.X-A", "4096"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "ValidationError", "$.headers.x-a", "twice"),
    ({"headers": {"X-A": 1}}, "ValidationError", "$.headers.X-A", "text"),
    ({"headers": {"X-A": {"value": "1", "secert": True}}}, "ValidationError", "$.headers.X-A", "text"),
    ({"headers": {"X-A": {"secret": True}}}, "ValidationError", "$.headers.X-A", "text"),
])
def test_what_is_refused(server, members, code, target, words):
    error(put(server, "refused", **{"endpoint": "http://localhost:1/x", **members}), 400, code, words, target)
    assert server.signed("GET", f"{PATH}/refused").status == 404


@pytest.mark.parametrize("bad", ["ab", "a" * 65, "a_b", "a.b", "a%20b", "%C3%A9%C3%A9%C3%A9"])
def test_names_that_are_refused(server, bad):
    error(put(server, bad, "http://localhost:1/x"), 400, "ValidationError", "3 to 64", "name")


def test_bodies_that_are_none(server):
    target = f"{PATH}/refused"
    for body in (b"[]", b"{", b'"x"', b'{"endpoint":"a","endpoint":"b"}'):
        answered = server.signed("PUT", target, body=body, headers={"Content-Type": "application/json"})
        assert answered.status == 400, (body, answered)
    big = b'{"endpoint":"' + b"a" * (200 * 1024) + b'"}'
    assert server.signed("PUT", target, body=big, headers={"Content-Type": "application/json"}).status == 413


def test_unknown_subscriptions(server):
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("GET", "/deadletters"),
                         ("POST", "/deadletters:replay")):
        error(server.signed(method, f"{PATH}/nobody{tail}"), 404, "NotFound", "no event subscription")


def test_subscriptions_belong_to_their_resource(server, hook, name):
    other = server.new_resource(f"ev{uuid.uuid4().hex[:8]}")
    put(server, name, hook.url)
    settled(server, name)
    host = other.host(server.http_port)
    seen = server.signed("GET", f"{PATH}/{name}", key=other.primary, host=host)
    error(seen, 404, "NotFound")
    listed = server.signed("GET", PATH, key=other.primary, host=host).json()["value"]
    assert listed == []
    assert server.admin("GET", f"{PATH}/{name}?resource={other.name}").status == 404
    assert server.admin("GET", f"{PATH}/{name}").status == 200
    deleted = server.admin("DELETE", f"/admin/resources/{other.name}?confirm={other.name}")
    assert deleted.status == 204, deleted


def test_subscriptions_are_listed_newest_first(fresh_server, hook):
    server = fresh_server()
    for one in ("aaa", "bbb", "ccc"):
        assert put(server, one, hook.url).status == 201
        advance(server, "1s")
    listed = server.signed("GET", PATH).json()["value"]
    assert [item["name"] for item in listed] == ["ccc", "bbb", "aaa"]
    first = server.signed("GET", f"{PATH}?limit=2").json()
    assert [item["name"] for item in first["value"]] == ["ccc", "bbb"]
    rest = first["nextLink"][first["nextLink"].index(PATH):]
    assert [item["name"] for item in server.signed("GET", rest).json()["value"]] == ["aaa"]
    waited = server.signed("GET", f"{PATH}?wait=200ms&count=4").json()["value"]
    assert len(waited) == 3


def test_the_end_of_a_subscription_is_told_once(server, hook, name):
    put(server, name, hook.url, headers={"X-A": "b"})
    settled(server, name)
    assert server.signed("DELETE", f"{PATH}/{name}").status == 204
    (got,) = hook.wait(1, DELETION)
    (event,) = got.json()
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionDeletedEvent"
    assert event["data"]["eventSubscriptionId"].endswith(f"/eventSubscriptions/{name}")
    assert got.headers["x-a"] == "b"
    error(server.signed("DELETE", f"{PATH}/{name}"), 404, "NotFound")


def test_a_change_asks_for_consent_again(server, hook, name):
    created = put(server, name, hook.url).json()["createdOn"]
    settled(server, name)
    changed = put(server, name, hook.url, maxDeliveryAttempts=3)
    assert changed.status == 200 and changed.json()["provisioningState"] == "Updating"
    assert settled(server, name)["provisioningState"] == "Succeeded"
    found = get(server, name)
    assert found["maxDeliveryAttempts"] == 3 and found["createdOn"] == created
    assert len(hook.of(VALIDATION)) == 2


def test_changes_at_the_same_time_end_with_the_last_one(server, hook, name):
    for i in range(1, 21):
        assert put(server, name, hook.url, maxDeliveryAttempts=i).status in (200, 201)
    assert settled(server, name)["provisioningState"] == "Succeeded"
    assert get(server, name)["maxDeliveryAttempts"] == 20


def test_a_resource_has_a_hundred_at_most(fresh_server, hook):
    server = fresh_server()
    for i in range(100):
        assert put(server, f"n-{i}", hook.url).status == 201
    error(put(server, "n-100", hook.url), 409, "Conflict", "100")
    assert put(server, "n-99", hook.url).status == 200
    assert len(server.signed("GET", f"{PATH}?limit=100").json()["value"]) == 100


# -- production: whom webhooks may reach --


@pytest.mark.parametrize("endpoint", [
    "http://app.example/x", "https://localhost/x", "https://a.localhost/", "https://127.0.0.1/",
    "https://[::1]/", "https://10.0.0.1/", "https://192.168.0.1/", "https://169.254.169.254/latest/meta-data",
    "https://0.0.0.0/", "https://[::ffff:10.0.0.1]/", "https://[fd00::1]/"])
def test_production_refuses_what_is_not_public(production, endpoint):
    error(put(production, "inner", endpoint), 400, "ValidationError", "events.allowed_hosts", "$.endpoint")


@pytest.fixture(scope="module")
def production():
    from callgate_server import Server
    from fixtures import well_ended
    one = Server("--mode", "production", "--tls-local-ca").start()
    yield one
    well_ended(one)


@pytest.mark.parametrize("endpoint", ["https://2130706433:{port}/", "https://0x7f000001:{port}/",
                                      "https://127.1:{port}/"])
def test_production_looks_at_the_address_when_connecting(fresh_server, endpoint):
    """Spellings that only the resolver takes for an address: nothing connects."""
    server = fresh_server("--mode", "production", "--tls-local-ca")
    with Webhook(secure=True) as hook:
        made = put(server, "tricky", endpoint.format(port=hook.port))
        if made.status == 400:
            return
        assert made.status == 201, made
        deadline = time.monotonic() + 40
        while (found := get(server, "tricky"))["provisioningState"] == "Creating":
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        assert found["provisioningState"] == "Failed" and not hook.requests, found


def test_production_reaches_an_allowed_host_by_its_own_authority(fresh_server):
    with Webhook(secure=True) as hook:
        server = fresh_server("--mode", "production", "--tls-local-ca", "--events-allowed-hosts", "localhost",
                              "--events-ca-file", hook.ca_file)
        assert put(server, "inner", hook.url).status == 201
        assert settled(server, "inner")["provisioningState"] == "Succeeded"
        error(put(server, "other", "https://127.0.0.1/"), 400, "ValidationError", "", "$.endpoint")


# -- the command line --


def test_the_command_line(fresh_server, hook, tmp_path):
    server = fresh_server()
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    made = server.cli("event", "subscription", "create", "app", "--url", hook.url, "--type", SMS,
                      "--header", "X-A=b", "--secret-header", f"X-S=@{secret}", "--json")
    assert made.returncode == 0, made
    assert json.loads(made.stdout)["provisioningState"] == "Succeeded"
    assert hook.of(VALIDATION)[0].headers["x-s"] == "from-a-file"
    changed = server.cli("event", "subscription", "update", "app", "--max-attempts", "3", "--json")
    about = json.loads(changed.stdout)
    assert about["maxDeliveryAttempts"] == 3 and about["includedEventTypes"] == [SMS], changed
    assert hook.of(VALIDATION)[1].headers["x-s"] == "from-a-file"
    assert "app" in server.cli("event", "subscription", "list").stdout
    assert "Succeeded" in server.cli("event", "subscription", "show", "app").stdout
    assert json.loads(server.cli("event", "deliveries", "app", "--json").stdout) == []
    assert json.loads(server.cli("event", "deadletters", "app", "--json").stdout) == []
    assert json.loads(server.cli("event", "replay", "app", "--all", "--json").stdout) == {"replayed": 0}
    assert server.cli("event", "replay", "app").returncode == 2
    assert server.cli("event", "replay", "app", "--all", "x").returncode == 2
    assert server.cli("event", "subscription", "create", "app").returncode == 2
    assert server.cli("event", "subscription", "show", "nobody").returncode == 4
    assert server.cli("event", "subscription", "delete", "app").returncode == 0
    assert server.cli("event", "subscription", "show", "app").returncode == 4


def test_the_command_line_ends_with_1_when_consent_did_not_come(fresh_server):
    with Webhook() as hook:
        server = fresh_server()
        hook.handshake = answer(404)
        made = server.cli("event", "subscription", "create", "app", "--url", hook.url)
        assert made.returncode == 1 and "404" in made.stdout, made


# -- replays of nothing --


@pytest.mark.parametrize("body,status,code", [
    ({"ids": []}, 400, "ValidationError"), ({"ids": ["x"]}, 400, "ValidationError"),
    ({"id": ["x"]}, 400, "UnknownMember"), ({"ids": [str(uuid.uuid4())]}, 404, "NotFound"),
    ({"ids": [str(uuid.UUID(int=1))] * 2}, 404, "NotFound"), ({}, 202, None)])
def test_replays_of_what_is_not_there(server, hook, name, body, status, code):
    put(server, name, hook.url)
    answered = server.signed("POST", f"{PATH}/{name}/deadletters:replay", body)
    assert answered.status == status, answered
    if code:
        assert answered.json()["error"]["code"] == code
    else:
        assert answered.json() == {"replayed": 0}
    settled(server, name)


@pytest.mark.parametrize("query,target", [("since=x", "since"), ("after=x", "after"), ("limit=0", "limit")])
def test_lists_refuse_what_they_do_not_understand(server, hook, name, query, target):
    put(server, name, hook.url)
    error(server.signed("GET", f"{PATH}/{name}/deliveries?{query}"), 400, "ValidationError", "", target)
    settled(server, name)
