"""The credential that refreshes itself (it lives in the chat package) with our tokens. The server's clock is set
back, so that exp lies near the SDK's now."""

import asyncio
import threading
import time

import pytest
from azure.communication.chat import CommunicationTokenCredential
from azure.communication.chat.aio import CommunicationTokenCredential as AsyncTokenCredential
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from support import DAY, NEWEST, assert_dead, assert_lives, claims


@pytest.fixture
def client(make):
    return make()


@pytest.fixture
def almost_over(client, clock):
    """A function that makes a user whose token has so many seconds to live by the SDK's clock."""

    def made(left: int):
        with clock(advance=f"-{DAY - left}s"):
            user, token = client.create_user_and_token(["chat"])
        return user, token.token

    return made


class Refresher:
    """Asks the server for a token of the user, and counts."""

    def __init__(self, server, user):
        self.server, self.user, self.times, self.asked = server, user, 0, threading.Event()

    def __call__(self) -> AccessToken:
        target = f"/identities/{self.user.properties['id']}/:issueAccessToken?api-version=2023-10-01"
        answer = self.server.signed("POST", target, {"scopes": ["chat"]}, secure=True)
        assert answer.status == 200, answer
        self.times += 1
        self.asked.set()
        token = answer.json()["token"]
        return AccessToken(token, claims(token)["exp"])

    async def later(self) -> AccessToken:
        return self()


def replacement(credential, token: str) -> str:
    """What the credential hands out once its refresher's answer is kept; the refresher was asked a moment ago."""
    deadline = time.monotonic() + 20
    while (given := credential.get_token().token) == token and time.monotonic() < deadline:
        time.sleep(0.05)
    return given


def test_a_static_credential_hands_out_the_token_with_its_expiry(client):
    _, token = client.create_user_and_token(["chat"])
    given = CommunicationTokenCredential(token.token).get_token()
    assert given.token == token.token and given.expires_on == claims(token.token)["exp"]


def test_a_token_with_a_day_to_live_is_not_refreshed(client, server):
    user, token = client.create_user_and_token(["chat"])
    refresher = Refresher(server, user)
    credential = CommunicationTokenCredential(token.token, token_refresher=refresher)
    assert credential.get_token().token == token.token
    assert refresher.times == 0


@pytest.mark.parametrize("left", [-5, 60])
def test_a_token_that_is_over_or_nearly_so_is_replaced_on_demand(server, almost_over, left):
    user, token = almost_over(left)
    if left < 0:
        assert_dead(server, token)
    refresher = Refresher(server, user)
    credential = CommunicationTokenCredential(token, token_refresher=refresher)
    fresh = credential.get_token()
    assert fresh.token != token and refresher.times == 1
    assert credential.get_token().token == fresh.token and refresher.times == 1
    assert_lives(server, fresh.token, user.properties["id"])


def test_the_asynchronous_credential_refreshes_too(server, almost_over):
    user, token = almost_over(60)
    refresher = Refresher(server, user)

    async def ask():
        async with AsyncTokenCredential(token, token_refresher=refresher.later) as credential:
            return (await credential.get_token()).token, (await credential.get_token()).token

    first, second = asyncio.run(ask())
    assert first == second != token and refresher.times == 1
    assert_lives(server, first, user.properties["id"])


def test_a_refresher_whose_user_is_gone_fails_with_the_servers_words(client, almost_over):
    user, token = almost_over(-5)
    client.delete_user(user)
    credential = CommunicationTokenCredential(token, token_refresher=lambda: client.get_token(user, ["chat"]))
    with pytest.raises(HttpResponseError, match="Provided identity doesn't exist"):
        credential.get_token()


if NEWEST:

    def test_proactive_refresh_asks_ten_minutes_before_exp(server, almost_over):
        user, token = almost_over(612)
        refresher = Refresher(server, user)
        soon = claims(token)["exp"] - 600
        with CommunicationTokenCredential(token, token_refresher=refresher, proactive_refresh=True) as credential:
            assert refresher.asked.wait(60)
            assert soon - 2 < time.time() < soon + 30, "neither early nor after half of the ten minutes"
            assert claims(replacement(credential, token))["exp"] > claims(token)["exp"]
            assert refresher.times == 1

    def test_inside_the_last_ten_minutes_it_asks_after_half_of_what_is_left(server, almost_over):
        user, token = almost_over(20)
        refresher = Refresher(server, user)
        with CommunicationTokenCredential(token, token_refresher=refresher, proactive_refresh=True) as credential:
            assert refresher.asked.wait(60)
            assert time.time() < claims(token)["exp"], "while the token still lives"
            fresh = replacement(credential, token)
            assert claims(fresh)["exp"] > claims(token)["exp"]
            assert_lives(server, fresh, user.properties["id"])

    def test_the_asynchronous_credential_refreshes_proactively(server, almost_over):
        user, token = almost_over(612)
        refresher = Refresher(server, user)

        async def ask():
            credential = AsyncTokenCredential(token, token_refresher=refresher.later, proactive_refresh=True)
            async with credential:
                for _ in range(600):
                    await asyncio.sleep(0.1)
                    if refresher.times:
                        break
                await asyncio.sleep(0.2)
                return (await credential.get_token()).token

        fresh = asyncio.run(ask())
        assert refresher.times == 1 and fresh != token

    def test_a_refresher_that_hands_out_an_expired_token_is_caught_by_the_sdk(almost_over):
        _, token = almost_over(-5)
        stale = AccessToken(token, claims(token)["exp"])
        credential = CommunicationTokenCredential(token, token_refresher=lambda: stale)
        with pytest.raises(ValueError, match="The token returned from the token_refresher is expired"):
            credential.get_token()
