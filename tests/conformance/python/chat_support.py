"""What the judges of chat share: people with tokens of the identity SDK and clients of both kinds, and refusals."""

import re

import azure.communication.chat as sync_sdk
import azure.communication.chat.aio as async_sdk
import pytest
from azure.communication.chat import ChatParticipant, CommunicationUserIdentifier
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from support import bare

THREAD = re.compile(r"19:[A-Za-z0-9_-]{43}1@thread\.v2")
UNKNOWN = f"19:{'A' * 43}1@thread.v2"


async def as_coroutine(make):
    """Asynchronous clients want to be made within the loop."""
    return make()


class Watching(SansIOHTTPPolicy):
    """Remembers what was sent and answered."""

    def __init__(self):
        self.seen = []

    def on_response(self, request, response):
        self.seen.append((request.http_request, response.http_response))


class Listing:
    """A client whose lists are lists; behind it one of either kind."""

    def __init__(self, client, loop):
        self.client, self.loop = client, loop

    def __getattr__(self, name):
        operation = getattr(self.client, name)
        if not name.startswith("list_"):
            if self.loop is None:
                return operation
            return lambda *args, **options: self.loop.run_until_complete(operation(*args, **options))
        return lambda **options: [item for page in self.pages(name, **options) for item in page]

    def pages(self, name, **options) -> list:
        """The pages of a list, empty ones left out."""
        listed = getattr(self.client, name)(**options)
        if self.loop is None:
            return [found for found in ([*page] for page in listed.by_page()) if found]

        async def collect():
            return [found for found in [[item async for item in page] async for page in listed.by_page()] if found]

        return self.loop.run_until_complete(collect())


class Person:
    """A user, how chat names him, and clients of his."""

    def __init__(self, server, user, token: str, loop=None):
        self.server, self.user, self.token, self.loop = server, user, token, loop
        self.raw = user.properties["id"]
        self.identifier = CommunicationUserIdentifier(self.raw)
        self.made, self.kept = [], {}

    def at(self, endpoint=None, thread=None, secure=True, **options):
        sdk = sync_sdk if self.loop is None else async_sdk
        if secure:
            options["connection_verify"] = self.server.ca_file
        endpoint = endpoint or bare(self.server.endpoint)

        def make():
            credential = sdk.CommunicationTokenCredential(self.token)
            if thread:
                return sdk.ChatThreadClient(endpoint, credential, thread, **options)
            return sdk.ChatClient(endpoint, credential, **options)

        self.made.append(make() if self.loop is None else self.loop.run_until_complete(as_coroutine(make)))
        return Listing(self.made[-1], self.loop)

    def usual(self, thread=None):
        """Made once: a client of Python's reads the certificates of the world."""
        if thread not in self.kept:
            self.kept[thread] = self.at(thread=thread)
        return self.kept[thread]

    @property
    def client(self):
        return self.usual()

    def into(self, thread, **options):
        return self.at(thread=thread, **options) if options else self.usual(thread)

    def as_participant(self, **more) -> ChatParticipant:
        return ChatParticipant(identifier=self.identifier, **more)

    def close(self):
        for one in self.made:
            if self.loop is None:
                one.close()
            else:
                self.loop.run_until_complete(one.close())


def refused(work, status: int, text: str = "."):
    with pytest.raises(HttpResponseError) as caught:
        work()
    assert caught.value.status_code == status, caught.value
    assert re.search(text, str(caught.value)), str(caught.value)
    return caught.value
