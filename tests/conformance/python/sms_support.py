"""What the judges of text messages share: recipients, what goes over the wire, and reports."""

import itertools
import json
import random
import re
import time
import urllib.parse

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy

FROM = "+14255550100"
ID = re.compile(r"Outgoing_\d{14}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\w*")
_numbers = itertools.count(random.randrange(8000) * 100)


def someone() -> str:
    """A recipient that nobody used before, outside of the simulated ones."""
    return f"+1206{2000000 + next(_numbers)}"


class Watching(SansIOHTTPPolicy):
    """Remembers what was sent and answered. The first `lost` answers look like a service that was not there."""

    def __init__(self, lost: int = 0):
        self.lost, self.seen, self.urls, self.answers, self.texts = lost, [], [], [], []

    def on_response(self, request, response):
        sent, answer = request.http_request, response.http_response
        self.urls.append(sent.url)
        self.seen.append((json.loads(sent.body), answer.status_code))
        self.answers.append(answer)
        self.texts.append(self.read(answer))
        if len(self.seen) <= self.lost:
            answer.status_code = 503

    @staticmethod
    def read(answer):
        try:
            return json.loads(answer.body())
        except (ValueError, TypeError, AttributeError):
            return None


def refused(work, status: int, text: str):
    with pytest.raises(HttpResponseError) as caught:
        work()
    error = caught.value
    assert error.status_code == status, error
    assert re.search(text, str(error)), str(error)
    return error


def assert_sent(item, to: str):
    assert (item.to, item.http_status_code, item.successful) == (to, 202, True), item
    assert item.error_message is None
    assert ID.fullmatch(item.message_id), item.message_id


def assert_refused(item, to: str, status: int, text: str):
    assert (item.to, item.http_status_code, item.successful, item.message_id) == (to, status, False, None), item
    assert re.search(text, item.error_message), item.error_message


def report(server, message: str, seconds: float = 20) -> dict:
    """The delivery report, when there is one: no released client reads it."""
    end = time.monotonic() + seconds
    while True:
        answer = server.signed("GET", f"/deliveryReports/{urllib.parse.quote(message)}?api-version=2026-01-23")
        if answer.status == 200:
            return answer.json()
        assert answer.status == 404, answer
        assert time.monotonic() < end, f"no report of {message}"
        time.sleep(0.1)
