"""What a thread of chat should be: a small model without a clock. Ids and times come from the server; the model knows
between which bounds they must lie, and from the first sight on what they are. Written from the contract, not from
our C."""

import time
from dataclasses import dataclass, field

from chat_link import identifier

NEVER = 1 << 62  # more messages than any thread will have


def seconds(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


class When:
    """Milliseconds that the server chose: bounds, until they are seen."""

    def __init__(self, low: int, high: int):
        self.low, self.high = low, high

    @property
    def known(self) -> bool:
        return self.low == self.high

    def see(self, ms: int, what: str):
        assert self.low <= ms <= self.high, f"{what} is {ms}, should be within {self.low}..{self.high}"
        self.low = self.high = ms

    def see_text(self, text: str, what: str):
        """Whole seconds of it."""
        assert seconds(self.low) <= text <= seconds(self.high), f"{what} is {text}, not {seconds(self.low)}"

    def after(self, low: int, high: int) -> "When":
        """The next one of a clock that never stands still."""
        return When(max(low, self.low + 1), max(high, self.high + 1))


@dataclass
class Member:
    user: str
    name: str | None = None
    share_ms: int = 0
    share_from: int = 0  # index of the first message that he sees
    metadata: dict = field(default_factory=dict)
    joined: int = 0       # those of one number came together, in any order until it is seen
    left_at: int = NEVER  # index of the first message that he does not see any more
    topic: str | None = None  # the thread's when he left

    def told(self) -> dict:
        told = {"communicationIdentifier": identifier(self.user), "shareHistoryTime": seconds(self.share_ms)}
        if self.name:
            told["displayName"] = self.name
        if self.metadata:
            told["metadata"] = self.metadata
        return told


@dataclass
class Message:
    type: str
    seq: int
    sender: str
    id: When
    version: When
    name: str | None = None
    content: dict = field(default_factory=dict)
    metadata: dict = field(default_factory=dict)
    edited: When | None = None
    deleted: When | None = None

    @property
    def by_user(self) -> bool:
        return self.type in ("text", "html")

    @property
    def own_id(self) -> str:
        return str(self.id.low)

    def check(self, told: dict):
        """All of what was told of it, and nothing besides."""
        wanted = {"type": self.type, "sequenceId": str(self.seq), "content": self.content}
        if self.by_user:
            wanted["senderCommunicationIdentifier"] = identifier(self.sender)
        if self.name:
            wanted["senderDisplayName"] = self.name
        if self.metadata and not self.deleted:
            wanted["metadata"] = self.metadata
        times = {"id", "version", "createdOn"} | ({"deletedOn"} if self.deleted else {"editedOn"} if self.edited else set())
        assert told.keys() == wanted.keys() | times, f"members {sorted(told)}, wanted {sorted(wanted.keys() | times)}"
        for name, value in wanted.items():
            assert ordered(told[name]) == ordered(value), f"{name} is {told[name]!r}, should be {value!r}"
        self.id.see(int(told["id"]), "id")
        self.version.see(int(told["version"]), "version")
        assert told["createdOn"] == seconds(self.id.low), told
        if self.deleted or self.edited:
            (self.deleted or self.edited).see_text(told["deletedOn" if self.deleted else "editedOn"], "time of the change")


def ordered(content):
    """Those who came together came in no order."""
    if isinstance(content, dict) and "participants" in content:
        people = sorted(content["participants"], key=lambda one: one["communicationIdentifier"]["rawId"])
        return {**content, "participants": people}
    return content


def merged(old: dict, patch: dict) -> dict:
    """Null and the empty text take a name away."""
    return {name: value for name, value in {**old, **patch}.items() if value}


class Thread:
    def __init__(self, thread_id: str, creator: str, topic: str, created: When):
        self.id, self.creator, self.topic, self.created = thread_id, creator, topic, created
        self.metadata, self.days = {}, 0
        self.members, self.former = {}, {}  # user → Member, in order of joining
        self.messages, self.receipts = [], {}
        self.seq, self.batches, self.deleted = 0, 0, False

    # -- what happens --

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def add(self, kind: str, sender: str, said, **more) -> Message:
        """A new message, made while `said` was on its way."""
        at = self.messages[-1].id.after(said.low, said.high) if self.messages else When(said.low, said.high)
        self.messages.append(Message(kind, self.next_seq(), sender, at, When(at.low, at.high), **more))
        return self.messages[-1]

    def system(self, kind: str, actor: str, said, **content) -> Message:
        return self.add(kind, actor, said, content={**content, "initiatorCommunicationIdentifier": identifier(actor)})

    def join(self, people: list[Member], actor: str, said) -> list[Member]:
        """Those of them who were not in yet; one message about all of them."""
        new = {one.user: one for one in reversed(people) if one.user not in self.members}
        new = [new[user] for user in dict.fromkeys(one.user for one in people) if user in new]
        self.batches += 1
        for one in new:
            one.joined, one.left_at = self.batches, NEVER
            self.members[one.user] = one
            self.former.pop(one.user, None)
        if new:
            self.system("participantAdded", actor, said, participants=[one.told() for one in new])
        return new

    def leave(self, user: str, actor: str, said) -> Member:
        one = self.members.pop(user)
        one.left_at, one.topic = len(self.messages), self.topic
        self.former[user] = one
        self.system("participantRemoved", actor, said, participants=[one.told()])
        return one

    def rename(self, topic: str, actor: str, said):
        self.topic = topic
        self.system("topicUpdated", actor, said, topic=topic)

    def change(self, message: Message, said):
        message.seq = self.next_seq()
        message.version = message.version.after(said.low, said.high)

    def edit(self, message: Message, said, text: str | None, metadata: dict | None):
        self.change(message, said)
        message.edited = When(message.version.low, message.version.high)
        if text is not None:
            message.content = {"message": text}
        if metadata is not None:
            message.metadata = merged(message.metadata, metadata)

    def erase(self, message: Message, said):
        self.change(message, said)
        message.deleted = When(message.version.low, message.version.high)
        message.content, message.metadata = {"message": ""}, {}

    def read(self, user: str, message: Message, said) -> bool:
        """The newest that he has read counts; whether this is it."""
        at, old = self.messages.index(message), self.receipts.get(user)
        newer = old is None or at > old[0]
        if newer:
            self.receipts[user] = (at, When(said.low, said.high))
        return newer

    # -- what is seen --

    def seen_by(self, user: str) -> list[Message]:
        one = self.members.get(user) or self.former[user]
        return self.messages[one.share_from:one.left_at] if one.share_from < NEVER else []

    def latest_first(self, user: str, start: Message | None = None) -> list[Message]:
        shown = self.seen_by(user)
        if start is not None:
            first = self.messages.index(start)
            shown = [one for one in shown if self.messages.index(one) >= first]
        return sorted(shown, key=lambda one: -one.seq)

    def check_properties(self, told: dict):
        wanted = {"id": self.id, "topic": self.topic, "createdByCommunicationIdentifier": identifier(self.creator)}
        if self.metadata:
            wanted["metadata"] = self.metadata
        if self.days:
            wanted["retentionPolicy"] = {"kind": "threadCreationDate", "deleteThreadAfterDays": self.days}
        assert {name: value for name, value in told.items() if name != "createdOn"} == wanted, f"{told}, wanted {wanted}"
        self.created.see_text(told["createdOn"], "createdOn")

    def check_item(self, told: dict, user: str):
        """As the list of a user's threads shows it: to one who left, nothing that came later."""
        assert told.keys() == {"id", "topic", "lastMessageReceivedOn"}, told
        topic = self.topic if user in self.members else self.former[user].topic
        assert told["topic"] == topic, f"topic {told['topic']!r}, should be {topic!r}"
        if user in self.members:
            self.messages[-1].id.see_text(told["lastMessageReceivedOn"], "lastMessageReceivedOn")
        else:
            left = self.former[user].left_at
            until = When(self.messages[left - 1].id.low, self.messages[left].id.high)
            until.see_text(told["lastMessageReceivedOn"], "lastMessageReceivedOn")

    def check_made(self, told: dict, user: str):
        """As its creator is told of it who asks for it again: of one who left, what others can't change, and the topic."""
        if user in self.members:
            return self.check_properties(told)
        wanted = {"id": self.id, "topic": self.former[user].topic, "createdByCommunicationIdentifier": identifier(self.creator)}
        assert {name: value for name, value in told.items() if name != "createdOn"} == wanted, f"{told}, wanted {wanted}"

    def check_members(self, told: list):
        """In order of joining; who came together stands in any order, and then always in that one."""
        names = [one["communicationIdentifier"]["rawId"] for one in told]
        assert len(set(names)) == len(names) and set(names) == set(self.members), f"{names}, wanted {list(self.members)}"
        for one in told:
            member = self.members[one["communicationIdentifier"]["rawId"]]
            assert one == member.told(), f"{one}, wanted {member.told()}"
        order = [self.members[name].joined for name in names]
        assert order == sorted(order), f"not in order of joining: {names}"
        for place, name in enumerate(names):
            self.members[name].joined = place
        self.batches = len(names)

    def check_receipts(self, told: list):
        wanted = dict(self.receipts)
        assert len(told) == len(wanted), f"{told}, wanted those of {list(wanted)}"
        for one in told:
            assert one.keys() == {"senderCommunicationIdentifier", "chatMessageId", "readOn"}, one
            at, when = wanted.pop(one["senderCommunicationIdentifier"]["rawId"])
            assert one["chatMessageId"] == self.messages[at].own_id, one
            when.see_text(one["readOn"], "readOn")
