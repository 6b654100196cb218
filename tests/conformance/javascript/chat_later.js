"use strict";
/* What the first release of chat does not have: metadata of messages and threads, retention, api-versions. */
const assert = require("node:assert");
const test = require("node:test");
const { bare, kept, secure } = require("./support.js");
const { all, newest, people, person, refusal, threadOf, watching } = require("./chat_support.js");

const VERSIONS = ["2021-03-07", "2021-04-05-preview6", "2021-09-07", "2021-09-27", "2023-04-01-preview", "2023-07-01-preview",
  "2023-11-07", "2023-11-15-preview", "2024-03-07", "2024-03-15-preview", "2025-03-15"];

test("metadata of a message: kept, changed by name, taken away", async () => {
  const ann = await person();
  const thread = await threadOf(ann);
  const { id } = await thread.sendMessage({ content: "x" }, { metadata: { tags: "a", mode: "b" } });
  assert.deepEqual((await thread.getMessage(id)).metadata, { tags: "a", mode: "b" });
  await thread.updateMessage(id, { metadata: { tags: "c", mode: "" } });
  const edited = await thread.getMessage(id);
  assert.deepEqual([edited.metadata, edited.content.message], [{ tags: "c" }, "x"]);
  await thread.deleteMessage(id);
  assert.equal((await thread.getMessage(id)).metadata, undefined);
});

test("a typing notification with a name", async () => {
  const ann = await person();
  assert.equal(await (await threadOf(ann)).sendTypingNotification({ senderDisplayName: "Ann" }), true);
});

for (const apiVersion of VERSIONS) {
  test(`api-version ${apiVersion}: a whole conversation`, async () => {
    const [ann, ben] = await people(2);
    const httpClient = watching();
    const options = { apiVersion, httpClient };
    const made = await ann.at(bare(secure), options).createChatThread({ topic: "t" }, { participants: [ben.as()] });
    const thread = ann.in(made.chatThread.id, options);
    for (let i = 0; i < 3; i++) await thread.sendMessage({ content: `${i}` });
    assert.equal((await all(thread.listMessages({ maxPageSize: 2 }))).length, 5);
    await thread.removeParticipant(ben.user);
    await refusal(ben.in(made.chatThread.id, options).sendMessage({ content: "x" }), 403, "Forbidden");
    await ann.at(bare(secure), options).deleteChatThread(made.chatThread.id);
    for (const { url } of httpClient.seen) assert.equal(new URL(url).searchParams.get("api-version"), apiVersion);
  });
}

for (const apiVersion of ["2020-09-21-preview2", "2021-10-01-preview7", "2022-04-21-preview8", "1999-12-31", "x"]) {
  test(`api-version ${apiVersion} is not supported`, async () => {
    const ann = await person();
    const error = await refusal(ann.at(bare(secure), { apiVersion }).createChatThread({ topic: "t" }), 400);
    assert.match(`${error.code} ${error.message}`, /ApiVersion/);
  });
}

test("an answer of 503 with Retry-After is waited for by the SDK, and the message is there", async () => {
  const ann = await person();
  const thread = await threadOf(ann);
  const inner = watching();
  let left = 1;
  const httpClient = {
    sendRequest: async (request) => {
      const answer = await inner.sendRequest(request);
      if (left-- > 0) answer.status = 503;
      return answer;
    },
  };
  const { id } = await ann.in(thread, { httpClient, retryOptions: { retryDelayInMs: 10 } }).sendMessage({ content: "x" });
  assert.equal(inner.seen.length, 2, "asked twice");
  const texts = (await all(thread.listMessages())).filter((one) => one.type === "text");
  assert.deepEqual(texts.length, 2, "a message has no id of its own: it is not told from a second one");
  assert.ok(texts.some((one) => one.id === id));
});

if (newest) {
  test("metadata and retention of a thread, metadata of a participant", async () => {
    const [ann, ben] = await people(2);
    const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: 60 };
    const made = await ann.client.createChatThread({ topic: "t" }, {
      metadata: { type: "primary", second: "2" }, retentionPolicy, participants: [ben.as({ metadata: { role: "guest" } })] });
    assert.deepEqual(made.chatThread.metadata, { type: "primary", second: "2" });
    assert.deepEqual(made.chatThread.retentionPolicy, retentionPolicy);
    const thread = ann.in(made.chatThread.id);
    await thread.updateProperties({ metadata: { type: "secondary" } });
    const changed = await thread.getProperties();
    assert.deepEqual([changed.metadata, changed.topic], [{ type: "secondary", second: "2" }, "t"]);
    assert.deepEqual(changed.retentionPolicy, retentionPolicy);
    await thread.updateProperties({ topic: "u", retentionPolicy: { kind: "none" } });
    const last = await thread.getProperties();
    assert.equal(last.topic, "u");
    assert.ok(last.retentionPolicy === undefined || last.retentionPolicy.kind === "none");
    const his = (await all(thread.listParticipants())).find((one) => one.id.communicationUserId === ben.raw);
    assert.deepEqual(his.metadata, { role: "guest" });
  });

  for (const days of [29, 91, 0, -1]) {
    test(`a retention of ${days} days is refused`, async () => {
      const ann = await person();
      const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: days };
      await refusal(ann.client.createChatThread({ topic: "t" }, { retentionPolicy }), 400, "BadRequest");
    });
  }

  test("metadata that is too long is refused", async () => {
    const ann = await person();
    await refusal(ann.client.createChatThread({ topic: "t" }, { metadata: { a: "x".repeat(1100) } }), 400, "BadRequest");
    assert.ok(kept);
  });
}
