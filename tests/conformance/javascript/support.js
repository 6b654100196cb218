"use strict";
/* What the JavaScript judges share: the SDK under test, the ways to reach the server, the server's
 * administration, and who-am-I, the one call that takes a user's token here. */
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const path = require("node:path");
const { createRequire } = require("node:module");

const folder = process.env.CALLGATE_SDK_DIR;
const which = process.env.CALLGATE_SDK_WHICH;
const kept = require("../versions.json")[process.env.CALLGATE_SDK_SUITE || "sdk_javascript"][which];
const sdk = createRequire(path.join(folder, "package.json"));

const env = process.env;
const secure = env.CALLGATE_ENDPOINT; // both end in a slash, as Azure prints them
const plain = env.CALLGATE_HTTP_ENDPOINT;

const bare = (endpoint) => endpoint.replace(/\/$/, "");
const connection = (endpoint, key) => `endpoint=${endpoint};accesskey=${key}`;

/** The version that is really installed, not the one that was asked for. */
function installed(name) {
  return JSON.parse(fs.readFileSync(path.join(folder, "node_modules", name, "package.json"))).version;
}

/** Every way to make a client. `make(Client, Credential, options)` returns one. */
const ways = [
  ["https, connection string", secure, (e) => [connection(e, env.CALLGATE_PRIMARY_KEY)]],
  ["https, connection string without slash", secure, (e) => [connection(bare(e), env.CALLGATE_PRIMARY_KEY)]],
  ["https, connection string, secondary key", secure, (e) => [connection(e, env.CALLGATE_SECONDARY_KEY)]],
  ["https, key credential", secure, (e, K) => [bare(e), new K(env.CALLGATE_PRIMARY_KEY)]],
  ["https, key credential with slash", secure, (e, K) => [e, new K(env.CALLGATE_PRIMARY_KEY)]],
  ["https, key credential, secondary key", secure, (e, K) => [e, new K(env.CALLGATE_SECONDARY_KEY)]],
  ["http, connection string", plain, (e) => [connection(e, env.CALLGATE_PRIMARY_KEY)]],
  ["http, key credential", plain, (e, K) => [bare(e), new K(env.CALLGATE_PRIMARY_KEY)]],
  ["http, key credential with slash", plain, (e, K) => [e, new K(env.CALLGATE_PRIMARY_KEY)]],
].map(([name, endpoint, credentials]) => ({
  name,
  make: (Client, Credential, options = {}) =>
    new Client(...credentials(endpoint, Credential), {
      ...(endpoint === plain ? { allowInsecureConnection: true } : {}),
      ...options,
    }),
}));

function exchange(module, options, body) {
  return new Promise((resolve, reject) => {
    const request = module.request({ timeout: 30000, ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text ? JSON.parse(text) : undefined }));
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("no answer")));
    request.end(body);
  });
}

/** A call over the administration socket. */
async function admin(method, target, document) {
  const body = document === undefined ? undefined : JSON.stringify(document);
  const headers = body ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } : {};
  const answer = await exchange(http, { socketPath: env.CALLGATE_ADMIN_SOCKET, method, path: target, headers }, body);
  assert.ok(answer.status < 300, `${method} ${target}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A call that no SDK makes, signed with the primary key by hand. */
function signed(method, target) {
  const { hostname, port } = new URL(plain);
  const date = new Date().toUTCString();
  const hash = crypto.createHash("sha256").digest("base64");
  const mac = crypto.createHmac("sha256", Buffer.from(env.CALLGATE_PRIMARY_KEY, "base64"))
    .update(`${method}\n${target}\n${date};${hostname}:${port};${hash}`).digest("base64");
  return exchange(http, { hostname, port, method, path: target, headers: {
    "x-ms-date": date, "x-ms-content-sha256": hash,
    Authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${mac}`,
  } });
}

/** Whose token this is, by the server's word. */
function whoami(token, endpoint = secure) {
  const url = new URL("admin/whoami", endpoint);
  return exchange(url.protocol === "https:" ? https : http,
    { hostname: url.hostname, port: url.port, path: url.pathname, headers: { Authorization: `Bearer ${token}` } });
}

async function assertLives(token, user, message) {
  const answer = await whoami(token);
  assert.equal(answer.status, 200, message);
  assert.equal(answer.body.principal, user);
}

async function assertDead(token, message) {
  for (const endpoint of [secure, plain]) {
    const answer = await whoami(token, endpoint);
    assert.equal(answer.status, 401, message);
    assert.ok(answer.body.error.code && answer.body.error.message, "a refusal says why");
  }
}

const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

/** Runs `work` while the server's clock is off by `advance` ("-23h50m"); the SDK's stays. */
async function withClock(advance, work) {
  await admin("PUT", "/admin/clock", { advance });
  try {
    return await work();
  } finally {
    await admin("DELETE", "/admin/clock");
  }
}

const setClock = (seconds) => admin("PUT", "/admin/clock", { set: new Date(seconds * 1000).toISOString() });

async function until(condition, what, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    assert.ok(Date.now() < end, `waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

module.exports = {
  admin, assertDead, assertLives, bare, claims, connection, env, installed, kept, plain, sdk, secure, setClock, signed,
  until, ways, which, whoami, withClock,
};
