"""azure-communication-sms 1.0.0. It writes the date of a repeatable request in a form of its own, which the service
refused from 2021 on; the next release mended it. The refusal is an item with a text, so that a user sees what is wrong."""

import pytest
from sms_support import FROM, Watching, assert_refused, someone
from support import KEPT, installed


def test_the_installed_packages_are_those_of_the_kept_table():
    assert {name: installed(name) for name in KEPT["packages"]} == KEPT["packages"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_date_of_this_release_is_refused_for_each_recipient_in_words(make, number):
    wire = Watching()
    to = [someone() for _ in range(number)]
    given = make(per_retry_policies=[wire]).send(FROM, to, "x")
    assert wire.seen[0][1] == 202
    assert not wire.seen[0][0]["smsRecipients"][0]["repeatabilityFirstSent"].endswith("GMT")
    for item, one in zip(given, to, strict=True):
        assert_refused(item, one, 400, "Invalid DateTime value for repeatability-first-sent.*RFC1123")
