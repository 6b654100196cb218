"use strict";
/* The official client while its connections grow old: it is asked for a new one every few seconds, and makes it while the
 * old one lives. What is said meanwhile arrives once, and in order. */
const assert = require("node:assert");
const test = require("node:test");
const { installed, kept } = require("../javascript/support.js");
const { Browser, user } = require("./browser.js");

const ROUNDS = 3; // connections after the first
const PAUSE_MS = 20;
const browser = new Browser();

test.before(() => browser.open());
test.after(() => browser.close());

test("the package is the one that was asked for", () => {
  for (const [one, version] of Object.entries(kept.packages)) assert.equal(installed(one), version);
});

const connections = async (tab) => (await tab.seen("realTimeNotificationConnected")).length;

/* Talks until every tab has changed its connection often enough, and gives what was said. */
async function talk(speaker, thread, tabs) {
  const said = [];
  while (said.length < 2000 && (await Promise.all(tabs.map(connections))).some((n) => n <= ROUNDS)) {
    said.push(`line ${said.length}`);
    await speaker.call(thread, "sendMessage", { content: said.at(-1) });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return said;
}

test("connections are handed over, and nothing is lost or heard twice", async () => {
  const ann = await browser.tab(await user()), ben = await browser.tab(await user());
  const polling = await browser.tab(await user(), { blocked: true });
  const tabs = [ann, ben, polling];
  const participants = [ben, polling].map(({ who }) => ({ id: { communicationUserId: who.id } }));
  const thread = (await ann.call(null, "createChatThread", { topic: "old" }, { participants })).chatThread.id;
  const said = await talk(ann, thread, tabs);
  for (const tab of tabs) {
    await tab.until("chatMessageReceived", said.length);
    assert.deepEqual((await tab.seen("chatMessageReceived")).map((one) => one.message), said);
    assert.ok((await connections(tab)) > ROUNDS, "it changed its connection");
    assert.deepEqual(await tab.seen("realTimeNotificationDisconnected"), [], "and was never without one");
    assert.deepEqual(tab.errors, []);
  }
});
