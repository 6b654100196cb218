"""Many users of chat at once, who do what comes into their heads: whatever they read, and whatever their feeds are told, is
what a small model says."""

import asyncio
import os
import random
import time
from collections import Counter

from player import World

OPERATIONS = int(os.environ.get("CALLGATE_OPERATIONS", "100000"))
SEED = int(os.environ.get("CALLGATE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
USERS = 12
EVENTS = {"chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "typingIndicatorReceived", "readReceiptReceived",
          "chatThreadCreated", "chatThreadPropertiesUpdated", "chatThreadDeleted", "participantsAdded", "participantsRemoved"}


def test_whatever_users_read_is_what_the_model_says(fresh_server):
    print(f"CALLGATE_SEED={SEED} CALLGATE_OPERATIONS={OPERATIONS}")
    began = time.monotonic()
    world = World(fresh_server(), SEED, USERS)
    asyncio.run(world.play(OPERATIONS))
    print(f"{world.done} operations of {USERS} users in {time.monotonic() - began:.1f} s: {world.counts}")
    told = sum((one.counts for one in world.listeners()), Counter())
    print(f"told over {len(world.listeners())} feeds, which came back {sum(one.returns for one in world.listeners())} times: {told}")
    assert world.done >= OPERATIONS
    assert OPERATIONS < 10000 or told.keys() == EVENTS | {"ready"}, "not everything happened"
