"""What ends by time, and what is cleared behind it: retention, deleted threads, ids of requests (chat §2.2, §2.5)."""

import uuid

from chat import THREAD_GONE, Person, error_of, path, until

DAY = 86400


def move(server, days: float):
    answer = server.admin("PUT", "/admin/clock", {"advance": f"{int(days * DAY)}s"})
    assert answer.status == 200, answer


def ended(thread) -> bool:
    """Whether the thread is gone, asked with a token of now."""
    answer = thread.by(thread.who.with_scopes("chat")).call("GET")
    assert answer.status in (200, 404), answer
    return answer.status == 404


def policy(days: int) -> dict:
    return {"kind": "threadCreationDate", "deleteThreadAfterDays": days}


def test_a_thread_ends_when_its_time_is_over(fresh_server):
    server = fresh_server()
    a, b = Person(server), Person(server)
    short = a.create("short", b, retentionPolicy=policy(30))
    long = a.create("long", b, retentionPolicy=policy(90))
    lifted = a.create("lifted", b, retentionPolicy=policy(30))
    lifted.change(retentionPolicy={"kind": "none"})
    late = a.create("late", b)
    late.change(retentionPolicy=policy(60))
    plain = a.create("plain", b)
    message = short.send()
    move(server, 29.9)
    assert not any(map(ended, (short, long, lifted, late, plain)))
    move(server, 0.2)
    until(lambda: ended(short))
    assert not any(map(ended, (long, lifted, late, plain)))
    for who in (a, b):
        now = who.with_scopes("chat")
        error_of(short.by(now).call("GET", f"/messages/{message}"), 404, "NotFound", THREAD_GONE)
        assert short.id not in [t["id"] for t in now.threads()["value"]]
    move(server, 30)
    until(lambda: ended(late))
    assert not any(map(ended, (long, lifted, plain)))
    move(server, 31)
    until(lambda: ended(long))
    assert not any(map(ended, (lifted, plain)))


def test_what_is_over_at_start_ends_then(fresh_server):
    server = fresh_server()
    a = Person(server)
    threads = [a.create(str(n), retentionPolicy=policy(30)) for n in range(40)]  # more than one round takes
    move(server, 31)
    assert server.stop() == 0
    server.start()
    until(lambda: all(map(ended, threads)))


def test_a_multitude_ends_without_waiting_between(fresh_server):
    """Some 32 a second and no more would let what is deleted grow faster than it is cleared."""
    server = fresh_server()
    over = {"createdBy": "a", "createdOn": "2026-01-01T00:00:00Z", "retentionPolicy": policy(30)}
    answer = server.admin("POST", "/admin/seed", {
        "users": [{"as": "a"}], "chat": {"threads": [{**over, "topic": str(n)} for n in range(1500)]}})
    assert answer.status == 201, answer
    until(lambda: server.admin("GET", "/admin/chat/threads").json()["value"] == [])


def test_a_deleted_thread_is_cleared(fresh_server):
    """Its rows go in portions while others are served; afterwards the id is as unknown as any."""
    server = fresh_server("--chat-hide-foreign")
    a, b = Person(server), Person(server)
    big, other = a.create("big", b), a.create("other")
    for n in range(300):
        big.send("x" * 1000)
    assert big.call("DELETE").status == 204
    until(lambda: big.call("GET").status == 403 and other.send())  # 403: no row says any more who was in it
    assert [t["id"] for t in a.threads()["value"]] == [other.id]


def test_ids_of_requests_are_forgotten(fresh_server):
    server = fresh_server()
    a = Person(server)
    key = {"repeatability-request-id": str(uuid.uuid4())}
    first = a.create("one", headers=key)
    move(server, 0.99)
    again = a.with_scopes("chat").call("POST", path(), {"topic": "x"}, headers=key)
    assert again.json()["chatThread"]["id"] == first.id
    move(server, 0.2)
    later = a.with_scopes("chat").call("POST", path(), {"topic": "two"}, headers=key)
    assert later.status == 201 and later.json()["chatThread"]["topic"] == "two"
