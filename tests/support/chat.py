"""Chat by raw requests: people with tokens, their threads, and what the tests of the service share."""

import json
import re
import urllib.parse

from callgate_server import Answer, Server
from waiting import until  # noqa: F401 (tests of chat take it from here)

VERSIONS = ("2021-03-07", "2021-04-05-preview6", "2021-09-07", "2021-09-27", "2023-04-01-preview",
            "2023-07-01-preview", "2023-11-07", "2023-11-15-preview", "2024-03-07", "2024-03-15-preview",
            "2024-09-01", "2025-03-15")
NEWEST = VERSIONS[-1]
MERGE = "application/merge-patch+json"
THREAD_GONE = "The specified thread id was not found."
NOT_A_MEMBER = "The initiator doesn't have the permission to perform the requested operation."


def path(rest: str = "", version: str = NEWEST, **query) -> str:
    return f"/chat/threads{rest}?{urllib.parse.urlencode({'api-version': version, **query})}"


def identifier(raw: str) -> dict:
    return {"rawId": raw, "communicationUser": {"id": raw}}


def participant(raw: str, name: str | None = None, **members) -> dict:
    return {"communicationIdentifier": identifier(raw), **({"displayName": name} if name else {}), **members}


def metric(server: Server, name: str) -> float:
    page = server.admin("GET", "/metrics").body.decode()
    return float(re.search(rf"^callgate_{re.escape(name)} (\S+)$", page, re.M).group(1))


def error_of(answer: Answer, status: int, code: str, message: str | None = None) -> dict:
    assert answer.status == status, answer
    error = answer.json()["error"]
    assert error["code"] == code and error["message"], error
    if message:
        assert error["message"] == message, error
    return error


class Person:
    """A user with a token; calls as him."""

    def __init__(self, server: Server, scopes=("chat",), of=None):
        self.server, self.host = server, None
        if of is None:
            self.id, self.token = server.new_user(scopes)
        else:
            self.host = of.host(server.http_port)
            made = server.signed("POST", "/identities?api-version=2023-10-01", {"createTokenWithScopes": list(scopes)},
                                 key=of.primary, host=self.host).json()
            self.id, self.token = made["identity"]["id"], made["accessToken"]["token"]

    def with_scopes(self, *scopes) -> "Person":
        """The same user with another token."""
        other = object.__new__(Person)
        other.__dict__.update(self.__dict__)
        answer = self.server.signed("POST", f"/identities/{self.id}/:issueAccessToken?api-version=2023-10-01",
                                    {"scopes": list(scopes)})
        assert answer.status == 200, answer
        other.token = answer.json()["token"]
        return other

    def call(self, method: str, target: str, document=None, *, body: bytes | None = None, kind: str | None = None,
             headers: dict | None = None, connection=None) -> Answer:
        if body is None:
            body = b"" if document is None else json.dumps(document).encode()
        if kind is None and body:
            kind = MERGE if method == "PATCH" else "application/json"
        sent = {"Authorization": f"Bearer {self.token}", **({"Content-Type": kind} if kind else {}), **(headers or {})}
        if self.host:
            sent["Host"] = self.host
        return self.server.send(method, target, sent, body, connection)

    # -- what goes well --

    def create(self, topic: str = "a topic", *others, headers: dict | None = None, **members) -> "Thread":
        """A thread with other people, given as people or as participants."""
        listed = [participant(o.id) if isinstance(o, Person) else o for o in others]
        answer = self.call("POST", path(), {"topic": topic, "participants": listed, **members}, headers=headers)
        assert answer.status == 201 and "invalidParticipants" not in answer.json(), answer
        return Thread(self, answer.json()["chatThread"]["id"])

    def threads(self, **query) -> dict:
        answer = self.call("GET", path(**query))
        assert answer.status == 200, answer
        return answer.json()


class Thread:
    """A thread as somebody in it sees it."""

    def __init__(self, who: Person, id: str):
        self.who, self.id = who, id
        self.at = "/" + urllib.parse.quote(id, safe="")

    def by(self, who: Person) -> "Thread":
        return Thread(who, self.id)

    def call(self, method: str, rest: str = "", document=None, *, query: dict | None = None, **options) -> Answer:
        return self.who.call(method, path(self.at + rest, **(query or {})), document, **options)

    def send(self, content: str = "hello", **members) -> str:
        answer = self.call("POST", "/messages", {"content": content, **members})
        assert answer.status == 201, answer
        return answer.json()["id"]

    def message(self, id: str) -> dict:
        answer = self.call("GET", f"/messages/{id}")
        assert answer.status == 200, answer
        return answer.json()

    def page(self, what: str = "messages", **query) -> dict:
        answer = self.call("GET", f"/{what}", query=query)
        assert answer.status == 200, answer
        return answer.json()

    def pages(self, what: str = "messages", **query):
        """All pages, by following the links as clients do."""
        page = self.page(what, **query)
        yield page["value"]
        while "nextLink" in page:
            answer = self.who.call("GET", page["nextLink"].split("localhost", 1)[1].split("/", 1)[1].join(("/", "")))
            assert answer.status == 200, answer
            page = answer.json()
            yield page["value"]

    def all(self, what: str = "messages", **query) -> list[dict]:
        return [item for page in self.pages(what, **query) for item in page]

    def edit(self, id: str, **members):
        answer = self.call("PATCH", f"/messages/{id}", members)
        assert answer.status == 204 and answer.body == b"", answer

    def delete(self, id: str):
        answer = self.call("DELETE", f"/messages/{id}")
        assert answer.status == 204 and answer.body == b"", answer

    def change(self, **members):
        answer = self.call("PATCH", "", members)
        assert answer.status == 204 and answer.body == b"", answer

    def add(self, *people) -> dict:
        listed = [participant(p.id) if isinstance(p, Person) else p for p in people]
        answer = self.call("POST", "/participants/:add", {"participants": listed})
        assert answer.status == 201, answer
        return answer.json()

    def remove(self, person: Person):
        answer = self.call("POST", "/participants/:remove", identifier(person.id))
        assert answer.status == 204 and answer.body == b"", answer
