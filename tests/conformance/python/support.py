"""What the Python judges share: the SDK under test, the ways to reach the server, and what a token says."""

import asyncio
import base64
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from azure.core.credentials import AzureKeyCredential

HERE = Path(__file__).resolve().parent
WHICH = os.environ["CALLGATE_SDK_WHICH"]
NEWEST = WHICH.endswith("newest")
KEPT = json.loads((HERE.parent / "versions.json").read_text())["sdk_python"][WHICH]
DAY = 24 * 3600


class Way:
    """One way to make a client: by connection string, or by endpoint and key."""

    def __init__(self, name: str, arguments, secure: bool = True):
        self.name, self.arguments, self.secure = name, arguments, secure

    def make(self, client_class, server, **options):
        arguments = self.arguments(server)
        if self.secure:
            options["connection_verify"] = server.ca_bundle
        if len(arguments) == 1:
            return client_class.from_connection_string(*arguments, **options)
        endpoint, key = arguments
        # The first release took the key as text, later ones as a credential.
        return client_class(endpoint, AzureKeyCredential(key) if NEWEST else key, **options)


def bare(endpoint: str) -> str:
    return endpoint.rstrip("/")


# A connection string is always https to this SDK, whatever its scheme says.
WAYS = [
    Way("https, connection string", lambda s: [s.connection_string]),
    Way("https, connection string without slash", lambda s: [f"endpoint={bare(s.endpoint)};accesskey={s.primary}"]),
    Way("https, connection string, secondary key", lambda s: [f"endpoint={s.endpoint};accesskey={s.secondary}"]),
    Way("https, key credential", lambda s: [bare(s.endpoint), s.primary]),
    Way("https, key credential with slash", lambda s: [s.endpoint, s.primary]),
    Way("https, key credential, secondary key", lambda s: [bare(s.endpoint), s.secondary]),
    Way("http, key credential", lambda s: [bare(s.http_endpoint), s.primary], False),
    Way("http, key credential with slash", lambda s: [s.http_endpoint, s.primary], False),
]
each_way = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


def installed(name: str) -> str:
    """The version that is really installed, not the one that was asked for."""
    return version(name)


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def whoami(server, token: str, secure: bool = True):
    return server.bearer("GET", "/admin/whoami", token, secure=secure)


def assert_lives(server, token: str, user: str):
    answer = whoami(server, token)
    assert answer.status == 200, answer
    assert answer.json()["principal"] == user


def assert_dead(server, token: str):
    for secure in (True, False):
        answer = whoami(server, token, secure)
        assert answer.status == 401, answer
        assert answer.json()["error"]["code"] and answer.json()["error"]["message"]


def assert_token(token, user: str, scopes: list[str], minutes: int = 1440):
    said = claims(token.token)
    assert said["exp"] - said["iat"] == minutes * 60
    assert said["acsScope"] == ",".join(scopes)
    assert f"8:{said['skypeid']}" == user
    expires = token.expires_on  # text in newer releases, a time in the first
    if isinstance(expires, str):
        assert expires.endswith("+00:00") and time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(said["exp"])) in expires
    else:
        assert abs(expires.timestamp() - said["exp"]) <= 1


class Blocking:
    """An asynchronous client behind the face of a synchronous one, so that each test is written once."""

    def __init__(self, make, loop):
        self.loop = loop
        self.client = loop.run_until_complete(self._made(make))

    @staticmethod
    async def _made(make):
        return make()

    def __getattr__(self, name):
        operation = getattr(self.client, name)
        return lambda *args, **options: self.loop.run_until_complete(operation(*args, **options))

    def close(self):
        self.loop.run_until_complete(self.client.close())


def new_loop():
    return asyncio.new_event_loop()
