"""Limits of the system on memory. Here, since a sanitizer's shadow is larger than any limit."""

import resource
import select
import subprocess

import pytest
from callgate_server import START_SECONDS, binary

MIB = 1 << 20


@pytest.mark.parametrize("mib", [16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64])
def test_it_runs_or_tells_in_one_sentence_what_it_lacks(tmp_path, mib):
    """Never a signal, never silence."""
    process = subprocess.Popen(
        [binary(), "serve", "--data", tmp_path / "data", "--https", "localhost:0", "--http", "localhost:0", "--threads", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (mib * MIB, mib * MIB)))
    try:
        assert select.select([process.stdout], [], [], START_SECONDS)[0]
        ready = process.stdout.readline()
    finally:
        process.kill()
        said = process.communicate()[1].splitlines()
    if not ready:
        assert process.returncode == 5 and said[-1].startswith("callgate: "), (process.returncode, said)
