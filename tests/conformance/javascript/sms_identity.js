"use strict";
/* The SMS SDK with @azure/identity: managed identities and service principals, and what roles open. */
const assert = require("node:assert");
const test = require("node:test");
const { installed, kept, sdk, which } = require("./support.js");
const { FROM, assertSent, refusal, someone } = require("./sms_support.js");
const { base, credentialOf, giveRole, inChild, metadata, revoke, scene, takeRole, ways } = require("./entra_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const client = (credential) => new SmsClient(base, credential, { retryOptions: { maxRetries: 0 } });
const send = (credential, to = someone()) => client(credential).send({ from: FROM, to: [to], message: "x" });
/* The credential classes themselves have a suite of their own: here one of each kind. */
const KINDS = [
  "client secret, tenant by id", "client certificate, tenant adfs, environment", "workload identity, environment",
  "managed identity, App Service, system-assigned", "managed identity, App Service, by client id",
  "managed identity, metadata service, system-assigned", "default credential of a managed identity",
];

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

for (const way of ways.filter((one) => KINDS.includes(one.name))) {
  test(`https, bearer token of a ${way.name}: send`, async () => {
    assert.deepEqual(await inChild(way.variables, "way", way.name), { done: true });
  });
}

test("without a role a message is refused with 403", async () => {
  await refusal(() => send(credentialOf(scene.outsider)), 403, /./);
});

test("a managed identity without a role is refused with 403", async () => {
  assert.equal((await inChild(metadata, "send", JSON.stringify({ clientId: scene.idle.clientId }))).statusCode, 403);
});

test("a reader of the management API sends nothing", async () => {
  await refusal(() => send(credentialOf(scene.reader)), 403, /./);
});

test("the role of a sender counts from the next request on, and so does its end", async () => {
  const credential = credentialOf(scene.changing);
  await refusal(() => send(credential), 403, /./);
  await giveRole(scene.changing.name, "Callgate SMS Sender");
  const to = someone();
  assertSent((await send(credential, to))[0], to);
  await takeRole(scene.changing.name, "Callgate SMS Sender");
  await refusal(() => send(credential), 403, /./);
});

test("the role of a reader of data does not send", async () => {
  await giveRole(scene.outsider.name, "Callgate Reader");
  try {
    await refusal(() => send(credentialOf(scene.outsider)), 403, /./);
  } finally {
    await takeRole(scene.outsider.name, "Callgate Reader");
  }
});

if (which === "sms-beta") {
  test("opt-outs: a sender adds, checks and removes; a reader only checks", async () => {
    const to = someone();
    const of = (app) => client(credentialOf(app)).optOuts;
    await giveRole(scene.outsider.name, "Callgate Reader");
    try {
      await of(scene.worker).add(FROM, [to]);
      assert.equal((await of(scene.outsider).check(FROM, [to]))[0].isOptedOut, true);
      await refusal(() => of(scene.outsider).add(FROM, [to]), 403, /./);
      await refusal(() => of(scene.outsider).remove(FROM, [to]), 403, /./);
      await of(scene.worker).remove(FROM, [to]);
    } finally {
      await takeRole(scene.outsider.name, "Callgate Reader");
    }
  });
}

if (which !== "sms-oldest") {
  test("a revoked token is replaced behind the caller's back", async () => {
    const sms = client(credentialOf(scene.challenged));
    const once = () => sms.send({ from: FROM, to: [someone()], message: "x" });
    await once();
    await new Promise((resolve) => setTimeout(resolve, 1100)); // tokens count in whole seconds
    await revoke(scene.challenged.name);
    await once();
  });
}
