"""Waiting for what comes about by itself."""

import time

DEADLINE_SECONDS = 30


def until(what, seconds: float = DEADLINE_SECONDS):
    """Asks until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
