"use strict";
/* Two people talk through the official user interface library, each in a page of his own. What counts is what they see:
 * nothing here listens to the client, and what a person would do is done by mouse and keyboard. */
const assert = require("node:assert");
const test = require("node:test");
const { installed, kept, sdk, secure } = require("../javascript/support.js");
const { Browser, Page, SECONDS, user } = require("./browser.js");

const TOPIC = 'caf\u00e9 100%41 "quoted" \u{1F600}';
const SIZE = { width: 760, height: 900 };
const MESSAGE = '[data-testid="chat-composite-message"]';
const SEND_BOX = '[data-ui-id="sendbox-textfield"]';
const STEP_MS = 5000; // of one step of a menu
const TRIES = 4;
const STATUS = '[data-ui-id="chat-composite-message-status-icon"]';
const ELSEWHERE = /^https:\/\/[^/]*\.(cdn\.office\.net|sharepointonline\.com)\//; // fonts: the page does without
const pictures = process.env.CALLGATE_PICTURES;
const browser = new Browser();

/* A page with the composite: composite_page.js. */
class Talk extends Page {
  constructor(page, who) {
    super(page, who);
    this.refused = [];
    page.on("console", (line) => {
      if (line.type() === "error" && !ELSEWHERE.test(line.location().url)) this.errors.push(line.text());
    });
    page.on("response", (answer) => {
      if (answer.url().startsWith(secure) && answer.status() >= 400)
        this.refused.push(`${answer.request().method()} ${answer.url()}: ${answer.status()}`);
    });
  }

  static async open(who, thread) {
    const talk = await browser.load(Talk, who);
    await talk.page.setViewport(SIZE);
    await (await talk.page.createCDPSession()).send("Emulation.setFocusEmulationEnabled", { enabled: true });
    await talk.page.evaluate((options) => window.judge.start(options), {
      endpoint: secure, token: await who.token(), userId: who.id, displayName: who.name, threadId: thread,
    });
    await talk.page.waitForSelector(SEND_BOX, { timeout: SECONDS * 1000 });
    return talk;
  }

  /** Waits until it stands on the page: in the header, among the messages, or below. */
  async reads(text) {
    await this.waits((wanted) => window.judge.text().includes(wanted), text);
  }

  async readsNoMore(text) {
    await this.waits((unwanted) => !window.judge.text().includes(unwanted), text);
  }

  async waits(condition, wanted) {
    try {
      return await this.page.waitForFunction(condition, { timeout: SECONDS * 1000, polling: 50 }, wanted);
    } catch {
      const seen = await this.page.evaluate(() => document.body.innerText);
      assert.fail(`${this.who.name} waited for "${wanted}" in vain, and reads:\n${seen}\n${this.errors.join("\n")}`);
    }
  }

  /** The messages as they stand there: all that is written in each. */
  messages() {
    return this.page.$$eval(MESSAGE, (all) => all.map((one) => one.innerText));
  }

  /** Those that hold the text. */
  async count(text) {
    return (await this.messages()).filter((one) => one.includes(text)).length;
  }

  async types(text) {
    await this.page.bringToFront();
    await this.page.click(SEND_BOX);
    await this.page.keyboard.type(text);
  }

  async says(text) {
    await this.types(text);
    await this.page.keyboard.press("Enter");
  }

  /** Has one's own message do something by its menu, until it is seen to be done. A menu closes when the list is
   * drawn anew, and that may come between any two steps: then it is opened again. */
  async choose(text, action, done, wanted) {
    for (let tries = 1; ; tries++) {
      try {
        await this.clickMenu(text, action);
        await this.page.waitForFunction(done, { timeout: STEP_MS, polling: 50 }, wanted);
        return;
      } catch (error) {
        if (tries === TRIES) throw error;
      }
    }
  }

  async clickMenu(text, action) {
    await this.page.bringToFront();
    const message = (await this.page.$$(MESSAGE))[(await this.messages()).findIndex((one) => one.includes(text))];
    await (await message.$('[data-testid="message-timestamp"]')).click();
    const icon = '[data-testid="chat-composite-message-action-icon"]';
    await (await message.waitForSelector(icon, { visible: true, timeout: STEP_MS })).click();
    const item = `[data-testid="chat-composite-message-contextual-menu-${action}-action"]`; // each message has one, hidden
    const shown = (one) => [...document.querySelectorAll(one)].find((each) => each.checkVisibility({ visibilityProperty: true }));
    const found = await this.page.waitForFunction(shown, { timeout: STEP_MS, polling: 50 }, item);
    await found.evaluate((one) => one.click()); // by the mouse it might be missed: it still moves
  }

  /** The last of one's own messages is marked as seen. Menus that are open close when that happens. */
  async isSeen() {
    await this.waits((icon) => [...document.querySelectorAll(icon)].at(-1)?.ariaLabel.includes("seen"), STATUS);
  }

  async edits(text, instead) {
    const box = '[data-ui-id="edit-box"]';
    await this.isSeen();
    await this.choose(text, "edit", (one) => document.querySelector(one), box);
    await this.page.click(box, { clickCount: 3 });
    await this.page.keyboard.type(instead);
    await this.page.keyboard.press("Enter");
  }

  async deletes(text) {
    await this.isSeen();
    await this.choose(text, "remove", (gone) => !window.judge.text().includes(gone), text);
  }

  async picture(what) {
    await this.page.bringToFront();
    await this.page.screenshot({ path: `${pictures}.${what.replace(/\W+/g, "_")}.${this.who.name}.png` });
  }

  judge(method, ...args) {
    return this.page.evaluate((name, all) => window.judge[name](...all), method, args);
  }
}

const person = async (name) => Object.assign(await user(), { name });
let ann, ben, thread;

/* Of what both see, one after the other: a page behind another draws nothing. */
async function picture(what) {
  for (const one of [ann, ben]) await one?.picture(what);
}

/* A test after whose failure there are pictures of what they saw. */
function scene(name, work) {
  test(name, async () => {
    try {
      await work();
    } catch (error) {
      await picture(`failed ${name}`);
      throw error;
    }
  });
}

async function meet() {
  const { ChatClient } = sdk("@azure/communication-chat");
  const { AzureCommunicationTokenCredential } = sdk("@azure/communication-common");
  const people = [await person("Ann"), await person("Ben")];
  const client = new ChatClient(secure, new AzureCommunicationTokenCredential(await people[0].token()));
  const participants = people.map(({ id, name }) => ({ id: { communicationUserId: id }, displayName: name }));
  thread = (await client.createChatThread({ topic: TOPIC }, { participants })).chatThread.id;
  [ann, ben] = await Promise.all(people.map((one) => Talk.open(one, thread)));
}

test.before(async () => {
  await browser.open();
  await meet();
});
test.after(async () => {
  await picture("end");
  await browser.close();
});

test("the packages are those that were asked for", () => {
  for (const [one, version] of Object.entries(kept.packages)) assert.equal(installed(one), version);
});

scene("the topic stands above", async () => {
  for (const one of [ann, ben]) await one.reads(TOPIC);
});

scene("each reads what the other says, once, and who said it", async () => {
  await ann.says('Are you hungry? 50% \u{1F600} <b>"now"</b>');
  await ben.reads('Are you hungry? 50% \u{1F600} <b>"now"</b>');
  await ben.says("Starving.");
  await ann.reads("Starving.");
  for (const one of [ann, ben])
    for (const text of ["Are you hungry?", "Starving."]) assert.equal(await one.count(text), 1, text);
  assert.match((await ben.messages()).find((one) => one.includes("hungry")), /Ann/);
  assert.match((await ann.messages()).find((one) => one.includes("Starving")), /Ben/);
});

scene("a message that was read is marked so", async () => {
  await ann.says("Noon?");
  await ben.reads("Noon?");
  await ann.isSeen();
});

scene("who types is named to the other, and no more when it is sent", async () => {
  await ben.types("Yes, wh");
  await ann.reads("Ben is typing");
  await ben.page.keyboard.type("ere?");
  await ben.page.keyboard.press("Enter");
  await ann.reads("Yes, where?");
  await ann.readsNoMore("is typing");
});

scene("a changed message is changed for both, and says so", async () => {
  await ann.says("At Lois");
  await ben.reads("At Lois");
  await ann.edits("At Lois", "At Luigi");
  for (const one of [ann, ben]) {
    const changed = (each) => [...document.querySelectorAll(each)].some((it) => /Edited[^]*At Luigi/.test(it.innerText));
    await one.waits(changed, MESSAGE);
    assert.equal(await one.count("At Lois"), 0);
  }
});

scene("a deleted message is gone for both", async () => {
  await ben.says("No, that is too dear");
  await ann.reads("too dear");
  await ben.deletes("too dear");
  for (const one of [ben, ann]) await one.readsNoMore("too dear");
});

scene("a new topic stands above", async () => {
  await ann.judge("setTopic", `${TOPIC} at noon`);
  for (const one of [ann, ben]) await one.reads(`${TOPIC} at noon`);
});

scene("who comes is announced, and who leaves", async () => {
  const cat = await person("Cat");
  await ann.judge("addParticipant", thread, cat.id, cat.name);
  for (const one of [ann, ben]) await one.reads("Cat joined the chat");
  await ann.judge("removeParticipant", cat.id);
  for (const one of [ann, ben]) await one.reads("Cat left the chat");
});

scene("a page whose connection breaks reads on", async () => {
  const registered = ben.page.waitForResponse((answer) => answer.url().endsWith("/v3/registrations") && answer.ok());
  await ben.cut();
  await registered;
  await ann.says("Still there?");
  await ben.reads("Still there?");
  assert.equal(await ben.count("Still there?"), 1);
});

scene("a page that is opened anew has it all", async () => {
  const again = await Talk.open(ben.who, thread);
  for (const text of ["Starving.", "At Luigi", "Still there?", "Cat joined the chat", `${TOPIC} at noon`])
    await again.reads(text);
  assert.equal(await again.count("too dear"), 0);
  assert.equal(again.errors.length + again.refused.length, 0, [...again.errors, ...again.refused].join("\n"));
  await again.close();
});

test("nothing was refused, and no page complained", () => {
  for (const one of [ann, ben]) assert.deepEqual([...one.refused, ...one.errors], []);
});
