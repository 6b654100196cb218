"use strict";
/* The official chat client in a real browser: all its events, over WebSockets and over polled requests, and what it does
 * when its connection or its token ends. */
const assert = require("node:assert");
const test = require("node:test");
const { bare, installed, kept, secure, signed, withClock } = require("../javascript/support.js");
const { Browser, user } = require("./browser.js");

const browser = new Browser();
const TOPIC = 'caf\u00e9 100%41 "quoted" \u{1F600} \\';
const TEXT = 'one\ntwo "three" 50% \u{1F680} \u2028 </script>';
const name = (who) => ({ id: { communicationUserId: who.id } });

test.before(() => browser.open());
test.after(() => browser.close());

test("the package is the one that was asked for", () => {
  for (const [one, version] of Object.entries(kept.packages)) assert.equal(installed(one), version);
});

async function createThread(tab, others, topic = TOPIC) {
  const made = await tab.call(null, "createChatThread", { topic },
    { participants: others.map((who) => ({ ...name(who), displayName: "Somebody \u00e9%41" })) });
  assert.ok(!made.invalidParticipants?.length, JSON.stringify(made));
  return made.chatThread.id;
}

/* Everything that happens to messages, as both participants see it. */
async function messages(ann, ben, thread) {
  const { id } = await ann.call(thread, "sendMessage", { content: TEXT },
    { senderDisplayName: "Ann \u00e9", metadata: { key: 'va"l%20ue' } });
  for (const tab of [ann, ben]) {
    const got = await tab.once("chatMessageReceived");
    assert.equal(got.id, id);
    assert.equal(got.threadId, thread);
    assert.equal(got.message, TEXT);
    assert.equal(got.senderDisplayName, "Ann \u00e9");
    assert.equal(got.sender.communicationUserId, ann.who.id);
    assert.equal(got.recipient.communicationUserId, tab.who.id);
    assert.equal(got.type.toLowerCase(), "text");
    assert.deepEqual(got.metadata, { key: 'va"l%20ue' });
    assert.equal(new Date(got.createdOn).getTime(), Number(id));
    assert.ok(got.version);
  }
  await ann.call(thread, "updateMessage", id, { content: "changed" });
  for (const tab of [ann, ben]) {
    const got = await tab.once("chatMessageEdited");
    assert.equal(got.id, id);
    assert.equal(got.message, "changed");
    assert.ok(new Date(got.editedOn) >= new Date(got.createdOn));
  }
  await ben.call(thread, "sendReadReceipt", { chatMessageId: id });
  const receipt = await ann.once("readReceiptReceived");
  assert.equal(receipt.chatMessageId, id);
  assert.equal(receipt.sender.communicationUserId, ben.who.id);
  assert.ok(Math.abs(new Date(receipt.readOn) - Date.now()) < 60000);
  await ben.call(thread, "sendTypingNotification", { senderDisplayName: "Ben" });
  for (const tab of [ann, ben]) {
    const got = await tab.once("typingIndicatorReceived");
    assert.equal(got.sender.communicationUserId, ben.who.id);
    assert.equal(got.threadId, thread);
    assert.ok(got.receivedOn);
  }
  await ann.call(thread, "deleteMessage", id);
  for (const tab of [ann, ben]) {
    const got = await tab.once("chatMessageDeleted");
    assert.equal(got.id, id);
    assert.ok(new Date(got.deletedOn) >= new Date(got.createdOn));
  }
  assert.deepEqual(await ben.seen("readReceiptReceived"), [], "one's own receipt does not come back");
}

/* Everything that happens to threads. Cat comes and goes. */
async function threads(ann, ben, cat, thread) {
  await ann.call(thread, "updateTopic", `${TOPIC}!`);
  for (const tab of [ann, ben]) {
    const got = await tab.once("chatThreadPropertiesUpdated");
    assert.equal(got.threadId, thread);
    assert.equal(got.properties.topic, `${TOPIC}!`);
    assert.equal(got.updatedBy.id.communicationUserId, ann.who.id);
    assert.ok(got.updatedOn);
  }
  await ann.call(thread, "addParticipants", { participants: [{ ...name(cat.who), displayName: 'Cat "%41"' }] });
  for (const tab of [ann, ben, cat]) {
    const got = await tab.once("participantsAdded");
    assert.deepEqual(got.participantsAdded.map((one) => one.id.communicationUserId), [cat.who.id]);
    assert.equal(got.participantsAdded[0].displayName, 'Cat "%41"');
    assert.equal(got.addedBy.id.communicationUserId, ann.who.id);
  }
  const told = await cat.once("chatThreadCreated");
  assert.equal(told.threadId, thread);
  assert.equal(told.participants.length, 3);
  await ann.call(thread, "removeParticipant", { communicationUserId: cat.who.id });
  for (const tab of [ann, ben, cat]) {
    const got = await tab.once("participantsRemoved");
    assert.deepEqual(got.participantsRemoved.map((one) => one.id.communicationUserId), [cat.who.id]);
    assert.equal(got.removedBy.id.communicationUserId, ann.who.id);
  }
  await ann.call(null, "deleteChatThread", thread);
  for (const tab of [ann, ben]) {
    const got = await tab.once("chatThreadDeleted");
    assert.equal(got.threadId, thread);
    assert.equal(got.deletedBy.id.communicationUserId, ann.who.id);
    assert.ok(got.deletedOn);
  }
  assert.deepEqual(await cat.seen("chatThreadDeleted"), [], "who has left hears nothing more");
}

for (const [way, blocked] of [["WebSocket", false], ["polled requests", true]]) {
  test(`${way}: all events, each once, as they were sent`, async () => {
    const tabs = [];
    for (let i = 0; i < 3; i++) tabs.push(await browser.tab(await user(), { blocked }));
    const [ann, ben, cat] = tabs;
    const thread = await createThread(ann, [ben.who]);
    for (const tab of [ann, ben]) {
      const got = await tab.once("chatThreadCreated");
      assert.equal(got.threadId, thread);
      assert.equal(got.properties.topic, TOPIC);
      assert.equal(got.createdBy.id.communicationUserId, ann.who.id);
      assert.deepEqual(got.participants.map((one) => one.id.communicationUserId).sort(), [ann.who.id, ben.who.id].sort());
      assert.ok(got.participants.some((one) => one.displayName === "Somebody \u00e9%41"));
    }
    await messages(ann, ben, thread);
    await threads(ann, ben, cat, thread);
    for (const tab of tabs) {
      assert.equal(await tab.sockets(), blocked ? 0 : 1);
      assert.deepEqual(tab.errors, []);
      assert.deepEqual(await tab.seen("realTimeNotificationDisconnected"), []);
    }
    const before = (await ann.names()).length;
    await ann.stop();
    await ben.call(null, "createChatThread", { topic: "unheard" }, { participants: [name(ann.who)] });
    await ben.until("chatThreadCreated", 2);
    assert.ok(!(await ann.names()).slice(before).includes("chatThreadCreated"), "a client that has stopped hears nothing");
    for (const tab of tabs) await tab.close();
  });
}

test("a html message says so", async () => {
  const ann = await browser.tab(await user());
  const thread = await createThread(ann, []);
  await ann.call(thread, "sendMessage", { content: "<b>bold</b>" }, { type: "html" });
  const got = await ann.once("chatMessageReceived");
  assert.equal(got.message, "<b>bold</b>");
  assert.equal(got.type, "RichText/Html");
  await ann.close();
});

test("a client whose socket is cut comes back, and hears everything once", async () => {
  const ann = await browser.tab(await user()), ben = await browser.tab(await user());
  const thread = await createThread(ann, [ben.who]);
  await ben.until("chatThreadCreated");
  for (let round = 1; round <= 2; round++) {
    await ben.cut();
    await ben.until("realTimeNotificationDisconnected", round);
    await ben.until("realTimeNotificationConnected", round + 1);
    await ann.call(thread, "sendMessage", { content: `round ${round}` });
    assert.equal((await ben.until("chatMessageReceived", round)).message, `round ${round}`);
  }
  await ann.call(thread, "sendMessage", { content: "last" });
  await ben.until("chatMessageReceived", 3);
  assert.deepEqual((await ben.seen("chatMessageReceived")).map((one) => one.message), ["round 1", "round 2", "last"]);
  for (const tab of [ann, ben]) await tab.close();
});

test("an endpoint with a slash at its end, and one without", async () => {
  const who = await user();
  for (const endpoint of [bare(secure), `${bare(secure)}/`]) {
    const tab = await browser.tab(who, { endpoint });
    const thread = await createThread(tab, []);
    assert.equal((await tab.once("chatThreadCreated")).threadId, thread);
    await tab.close();
  }
});

test("two tabs of one user hear everything, each once", async () => {
  const who = await user();
  const tabs = [await browser.tab(who), await browser.tab(who)];
  const thread = await createThread(tabs[0], []);
  await tabs[1].call(thread, "sendMessage", { content: "for both" });
  for (const tab of tabs) {
    assert.equal((await tab.once("chatMessageReceived")).message, "for both");
    await tab.once("chatThreadCreated");
    await tab.close();
  }
});

test("a token that ends is renewed, and the client comes back", async () => {
  const who = await user(), left = 6;
  const token = await withClock(`-${24 * 3600 - left}s`, () => who.token());
  const tab = await browser.tab(who, { token });
  const thread = await createThread(tab, []);
  await tab.until("realTimeNotificationConnected", 2);
  assert.ok(tab.refreshed >= 1, "a fresh token was asked for");
  await tab.call(thread, "sendMessage", { content: "after" });
  assert.equal((await tab.once("chatMessageReceived")).message, "after");
  await tab.close();
});

test("a revoked token ends the connection at once, for good while the page has no other", async () => {
  const who = await user();
  const tab = await browser.tab(who);
  const revoked = await signed("POST", `/identities/${who.id}/:revokeAccessTokens?api-version=2023-10-01`);
  assert.equal(revoked.status, 204);
  await tab.until("realTimeNotificationDisconnected");
  assert.equal(await tab.sockets(), 0);
  await assert.rejects(createThread(tab, []), /not authorized/);
  assert.equal((await tab.seen("realTimeNotificationConnected")).length, 1);
  await tab.close();
});
