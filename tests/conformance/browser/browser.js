"use strict";
/* A headless Chromium with pages that hold a chat client each, on an origin that is not the server's. */
const assert = require("node:assert");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { admin, sdk, secure } = require("../javascript/support.js");

const folder = process.env.CALLGATE_SDK_DIR;
const bundle = fs.readFileSync(path.join(folder, "page.js"));
const PAGE = '<!doctype html><meta charset="utf-8"><title>judge</title><script src="/page.js"></script>';
const SECONDS = 20;
const here = `localhost:${new URL(secure).port}`;
const hosts = (process.env.CALLGATE_HOSTS || "").split(" ").filter(Boolean).map((host) => `MAP ${host} ${here}`);

/* Before the page's own scripts: sockets are remembered, so that a test can cut them; with `blocked` none opens. */
function watchSockets(blocked) {
  const Real = window.WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(url, ...rest) {
      super(blocked ? "wss://localhost:1/" : url, ...rest);
      window.sockets.push(this);
    }
  };
}

async function user(scopes = ["chat"]) {
  const { id } = await admin("POST", "/admin/users", {});
  return { id, token: async () => (await admin("POST", `/admin/users/${id}:issueToken`, { scopes })).token };
}

class Browser {
  async open() {
    this.files = http.createServer((request, response) => {
      const script = request.url === "/page.js";
      response.writeHead(200, { "Content-Type": script ? "text/javascript" : "text/html" }).end(script ? bundle : PAGE);
    });
    await new Promise((resolve) => this.files.listen(0, "127.0.0.1", resolve));
    this.chromium = await sdk("puppeteer-core").launch({
      protocolTimeout: 3 * SECONDS * 1000,
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      args: ["--no-sandbox", "--ignore-certificate-errors", "--disable-gpu", "--disable-dev-shm-usage",
        ...(hosts.length ? [`--host-resolver-rules=${hosts.join(", ")}`] : [])],
    });
  }

  async close() {
    await this.chromium?.close();
    this.files?.close();
  }

  /** The page in a tab of its own, for `who`; the rest is its kind's, a Page. */
  async load(Kind, who, { blocked = false, refresh } = {}) {
    const page = await this.chromium.newPage();
    const tab = new Kind(page, who);
    page.on("pageerror", (error) => tab.errors.push(String(error)));
    await page.evaluateOnNewDocument(watchSockets, blocked);
    await page.exposeFunction("freshToken", async () => {
      tab.refreshed++;
      return refresh ? refresh() : who.token();
    });
    await page.goto(`http://127.0.0.1:${this.files.address().port}/`);
    return tab;
  }

  /** A tab of its own with a client of `who`, connected. */
  async tab(who, { endpoint = secure, token, ...options } = {}) {
    const tab = await this.load(Tab, who, options);
    await tab.page.evaluate((...args) => window.judge.start(...args), endpoint, token ?? (await who.token()));
    await tab.until("realTimeNotificationConnected");
    return tab;
  }
}

/* What every page has. */
class Page {
  constructor(page, who) {
    Object.assign(this, { page, who, errors: [], refreshed: 0 });
  }

  sockets() {
    return this.page.evaluate(() => window.sockets.filter((one) => one.readyState === 1).length);
  }

  /** The connection breaks under the client. */
  cut() {
    return this.page.evaluate(() => window.sockets.forEach((one) => one.close()));
  }

  close() {
    return this.page.close();
  }
}

/* A page with the bare client: page.js. */
class Tab extends Page {
  call(thread, method, ...args) {
    return this.page.evaluate((...all) => window.judge.call(...all), thread, method, ...args);
  }

  seen(name) {
    return this.page.evaluate((wanted) => window.judge.seen.filter((one) => one.name === wanted).map((one) => one.event),
      name);
  }

  names() {
    return this.page.evaluate(() => window.judge.seen.map((one) => one.name));
  }

  /** Waits for the `times`-th event of that name, and gives it. */
  async until(name, times = 1) {
    try {
      await this.page.waitForFunction((wanted, n) => window.judge.seen.filter((one) => one.name === wanted).length >= n,
        { timeout: SECONDS * 1000, polling: 20 }, name, times);
    } catch {
      assert.fail(`no ${name} (${times}) in ${SECONDS} s; seen: ${await this.names()}; errors: ${this.errors}`);
    }
    return (await this.seen(name))[times - 1];
  }

  async once(name) {
    const event = await this.until(name);
    assert.equal((await this.seen(name)).length, 1, `${name} came once`);
    return event;
  }

  forget() {
    return this.page.evaluate(() => void (window.judge.seen.length = 0));
  }

  stop() {
    return this.page.evaluate(() => window.judge.stop());
  }
}

module.exports = { Browser, Page, SECONDS, user };
