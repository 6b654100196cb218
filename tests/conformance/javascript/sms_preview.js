"use strict";
/* What only the preview of @azure/communication-sms can do: lists of opt-outs, messages by way of a partner. */
const assert = require("node:assert");
const test = require("node:test");
const { sdk, ways } = require("./support.js");
const { FROM, assertSent, client, refusal, report, someone } = require("./sms_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const { AzureKeyCredential } = sdk("@azure/core-auth");
const BAD = "Invalid recipient phone number format";

const done = (to) => ({ to, httpStatusCode: 200, errorMessage: "" });
const state = (to, isOptedOut) => ({ to, isOptedOut, httpStatusCode: 200, errorMessage: "" });

for (const way of ways) {
  test(`${way.name}: optOutsAdd, optOutsCheck, optOutsRemove`, async () => {
    const { optOuts } = way.make(SmsClient, AzureKeyCredential);
    const [a, b] = [someone(), someone()];
    assert.deepEqual(await optOuts.check(FROM, [a, b]), [state(a, false), state(b, false)]);
    assert.deepEqual(await optOuts.add(FROM, [a]), [done(a)]);
    assert.deepEqual(await optOuts.check(FROM, [a, b, a]), [state(a, true), state(b, false), state(a, true)]);
    assert.deepEqual(await optOuts.remove(FROM, [a]), [done(a)]);
    assert.deepEqual(await optOuts.check(FROM, [a]), [state(a, false)]);
  });
}

test("adding twice and removing what is not there are no errors", async () => {
  const { optOuts } = client();
  const to = someone();
  assert.deepEqual(await optOuts.remove(FROM, [to]), [done(to)]);
  for (let i = 0; i < 2; i += 1) assert.deepEqual(await optOuts.add(FROM, [to, to]), [done(to), done(to)]);
  assert.deepEqual(await optOuts.check(FROM, [to]), [state(to, true)]);
});

test("each sender has a list of its own", async () => {
  const { optOuts } = client();
  const to = someone();
  await optOuts.add(FROM, [to]);
  assert.deepEqual(await optOuts.check("+14255550199", [to]), [state(to, false)]);
});

test("who has opted out is accepted, and the report says 4007, until they are taken off the list", async () => {
  const sms = client();
  const to = someone();
  const send = async () => (await sms.send({ from: FROM, to: [to], message: "x" }, { enableDeliveryReport: true }))[0];
  await sms.optOuts.add(FROM, [to]);
  const blocked = await send();
  assertSent(blocked, to);
  const told = await report(blocked.messageId);
  assert.equal(told.deliveryStatus, "Failed");
  assert.match(told.deliveryStatusDetails, /^4007/);
  await sms.optOuts.remove(FROM, [to]);
  assert.equal((await report((await send()).messageId)).deliveryStatus, "Delivered");
});

for (const operation of ["add", "remove", "check"]) {
  test(`${operation}: a bad number among others is refused alone, all bad ones together`, async () => {
    const { optOuts } = client();
    const to = someone();
    const given = await optOuts[operation](FROM, ["+123", to]);
    assert.equal(given[0].httpStatusCode, 400);
    assert.equal(given[0].errorMessage, BAD);
    assert.equal(given[1].httpStatusCode, 200);
    const error = await refusal(() => optOuts[operation](FROM, ["+123", "abc"]), 400, /./);
    assert.equal(error.code, "InvalidInput");
  });

  test(`${operation}: more than 100 numbers and none are refused`, async () => {
    const { optOuts } = client();
    const to = Array.from({ length: 101 }, someone);
    assert.equal((await optOuts[operation](FROM, to.slice(1))).length, 100);
    await refusal(() => optOuts[operation](FROM, to), 400, /./);
    await refusal(() => optOuts[operation](FROM, []), 400, /./);
  });
}

test("STOP that comes in is an opt-out, seen by the SDK", async () => {
  const sms = client();
  const to = "+19995557867";
  await sms.optOuts.remove("+18335550100", [to]);
  await sms.send({ from: "+18335550100", to: [to], message: "x" });
  const end = Date.now() + 20000;
  while (!(await sms.optOuts.check("+18335550100", [to]))[0].isOptedOut) {
    assert.ok(Date.now() < end, "STOP came in and had no effect");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test("a message by way of a partner is taken, by way of nobody it is not", async () => {
  const to = someone();
  const options = { enableDeliveryReport: true, messagingConnect: { apiKey: "k", partner: "p" } };
  assertSent((await client().send({ from: FROM, to: [to], message: "x" }, options))[0], to);
  options.messagingConnect = { apiKey: "", partner: "" };
  await refusal(() => client().send({ from: FROM, to: [to], message: "x" }, options), 400, /MessagingConnect/);
});
