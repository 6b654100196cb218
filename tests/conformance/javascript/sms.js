"use strict";
/* @azure/communication-sms: newest, oldest and preview release. Names of tests that begin with a way to reach the
 * server and an operation become lines of the compatibility table. */
const assert = require("node:assert");
const test = require("node:test");
const { bare, connection, installed, kept, plain, sdk, secure, ways, which } = require("./support.js");
const { FROM, assertRefused, assertSent, client, refusal, report, someone, watching } = require("./sms_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const { AzureKeyCredential } = sdk("@azure/core-auth");
const preview = which === "sms-beta";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/* Those whose request has the shape that these releases send; the oldest release has no choice. */
const VERSIONS = which === "sms-oldest" ? [] : [
  "2020-08-20-preview", "2021-03-07", "2022-07-07", "2024-01-02", "2024-02-05", "2024-02-05-preview",
  "2024-12-10-preview", "2025-05-29-preview", "2025-08-01-preview", "2025-09-17", "2026-01-23",
];

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

for (const way of ways) {
  const make = () => way.make(SmsClient, AzureKeyCredential);

  test(`${way.name}: send to one gives an id and 202`, async () => {
    const to = someone();
    const given = await make().send({ from: FROM, to: [to], message: "Hello" });
    assert.equal(given.length, 1);
    assertSent(given[0], to);
  });

  test(`${way.name}: send to many gives an item each, in order, a number twice too`, async () => {
    const to = [someone(), someone(), someone()];
    to.push(to[0]);
    const given = await make().send({ from: FROM, to, message: "Hello" }, { enableDeliveryReport: true, tag: "all" });
    assert.equal(given.length, to.length);
    given.forEach((item, i) => assertSent(item, to[i]));
    assert.equal(new Set(given.map((item) => item.messageId)).size, to.length);
  });
}

test("what goes over the wire: version, ids, options", async () => {
  const httpClient = watching();
  const to = someone();
  await client({ httpClient }).send({ from: FROM, to: [to], message: "x" });
  await client({ httpClient }).send({ from: FROM, to: [to], message: "x" }, { enableDeliveryReport: true, tag: "t" });
  assert.equal(new URL(httpClient.seen[0].url).searchParams.get("api-version"), kept.apiVersion);
  const [first, second] = httpClient.seen.map((one) => one.body);
  assert.deepEqual(first.smsSendOptions, { enableDeliveryReport: false });
  assert.deepEqual(second.smsSendOptions, { enableDeliveryReport: true, tag: "t" });
  assert.match(first.smsRecipients[0].repeatabilityRequestId, UUID);
  assert.match(first.smsRecipients[0].repeatabilityFirstSent, /GMT$/);
});

test("the raw answer: status, versions, media type, result of the repeatable request", async () => {
  const httpClient = watching();
  await client({ httpClient }).send({ from: FROM, to: [someone()], message: "x" });
  const { answer } = httpClient.seen[0];
  assert.equal(answer.status, 202);
  assert.match(answer.headers.get("api-supported-versions"), /2021-03-07, .*2026-01-23/);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  assert.ok(answer.headers.get("ms-cv"));
  assert.match(answer.headers.get("x-processing-time"), /^\d+ms$/);
  assert.equal(JSON.parse(answer.bodyAsText).value[0].repeatabilityResult, "accepted");
});

test("the report: delivered, with tag, numbers, one attempt", async () => {
  const to = someone();
  const [item] = await client().send({ from: FROM, to: [to], message: "Hello" }, { enableDeliveryReport: true, tag: "t 1" });
  const told = await report(item.messageId);
  assert.equal(told.deliveryStatus, "Delivered");
  assert.match(told.deliveryStatusDetails, /^2000/);
  assert.equal(told.messageId, item.messageId);
  assert.equal(told.tag, "t 1");
  assert.equal(told.from, FROM);
  assert.equal(told.to, to);
  assert.equal(told.deliveryAttempts.length, 1);
  assert.equal(told.deliveryAttempts[0].segmentsSucceeded, 1);
});

for (const code of ["4004", "4006", "5000", "9999"]) {
  test(`a number that stands for ${code}: accepted, then the report says so`, async () => {
    const to = `+1999555${code}`;
    const [item] = await client().send({ from: FROM, to: [to], message: "x" }, { enableDeliveryReport: true });
    assertSent(item, to);
    const told = await report(item.messageId);
    assert.equal(told.deliveryStatus, "Failed");
    assert.match(told.deliveryStatusDetails, new RegExp(`^${code}`));
  });
}

test("a long text is in as many parts as its encoding asks for", async () => {
  for (const [message, parts] of [["a".repeat(160), 1], ["a".repeat(161), 2], ["ж".repeat(70), 1], ["ж".repeat(71), 2],
    ["€".repeat(80), 1], ["€".repeat(81), 2], ["a".repeat(2048), 14]]) {
    const [item] = await client().send({ from: FROM, to: [someone()], message }, { enableDeliveryReport: true });
    assert.equal((await report(item.messageId)).deliveryAttempts[0].segmentsSucceeded, parts, message.slice(0, 4));
  }
});

for (const [to, status, text] of [["+19995550400", 400, /./], ["+19995550500", 500, /Internal Server Error/],
  ["+19995550503", 503, /ServiceUnavailable/]]) {
  test(`one recipient of several fails with ${status}: the others are sent to`, async () => {
    const good = someone();
    const given = await client().send({ from: FROM, to: [good, to, good], message: "x" });
    assertSent(given[0], good);
    assertRefused(given[1], to, status, text);
    assertSent(given[2], good);
  });
}

for (const bad of ["", "abc", "+123", "14255550101", "+1 425 555 0101", "+112345678901", "+0425555010", "12345"]) {
  test(`the recipient '${bad}' among others is refused alone`, async () => {
    const good = someone();
    const given = await client().send({ from: FROM, to: [bad, good], message: "x" });
    assertRefused(given[0], bad, 400, /^Invalid To phone number format\.$/);
    assertSent(given[1], good);
  });

  test(`the recipient '${bad}' alone is an item too`, async () => {
    assertRefused((await client().send({ from: FROM, to: [bad], message: "x" }))[0], bad, 400, /phone number format/);
  });
}

for (const from of ["", "abc!", "+123", "1234567", "an id that is too long", "+1 425 555 0100"]) {
  test(`the sender '${from}' is refused`, async () => {
    await refusal(() => client().send({ from, to: [someone()], message: "x" }), 400, /Invalid From phone number format/);
  });
}

for (const from of ["+14255550100", "12345", "123456", "Contoso", "My Shop 1"]) {
  test(`the sender '${from}' is taken`, async () => {
    const to = someone();
    assertSent((await client().send({ from, to: [to], message: "x" }))[0], to);
  });
}

test("2048 characters pass, 2049 do not", async () => {
  const to = someone();
  assertSent((await client().send({ from: FROM, to: [to], message: "ж".repeat(2048) }))[0], to);
  const tooLong = () => client().send({ from: FROM, to: [to], message: "a".repeat(2049) });
  if (which === "sms-oldest") await assert.rejects(tooLong(), /MaxLength/); // it counts by itself
  else await refusal(tooLong, 400, /Message/);
});

test("an empty message passes", async () => {
  const to = someone();
  assertSent((await client().send({ from: FROM, to: [to], message: "" }))[0], to);
});

test("100 recipients pass, 101 and none do not", async () => {
  const to = Array.from({ length: 101 }, someone);
  const given = await client().send({ from: FROM, to: to.slice(1), message: "x" });
  given.forEach((item, i) => assertSent(item, to[i + 1]));
  assert.equal(given.length, 100);
  await refusal(() => client().send({ from: FROM, to, message: "x" }), 400, /Max of 100 phone numbers/);
  await refusal(() => client().send({ from: FROM, to: [], message: "x" }), 400, /SmsRecipients/);
});

test("429 with Retry-After: the SDK waits, repeats the same ids, and passes", async () => {
  const httpClient = watching();
  const to = "+19995550429";
  const began = Date.now();
  const [item] = await client({ httpClient }).send({ from: FROM, to: [to], message: "x" });
  assertSent(item, to);
  assert.deepEqual(httpClient.seen.map((one) => one.answer.status), [429, 202]);
  assert.equal(httpClient.seen[0].answer.headers.get("retry-after"), "1");
  assert.deepEqual(httpClient.seen[0].body, httpClient.seen[1].body);
  assert.ok(Date.now() - began >= 900, "it waited");
});

test("an answer that is lost: the repeated request gets the same id, and is sent once", async () => {
  const httpClient = watching(1);
  const to = [someone(), someone()];
  const given = await client({ httpClient }).send({ from: FROM, to, message: "x" }, { enableDeliveryReport: true });
  assert.equal(httpClient.seen.length, 2);
  assert.deepEqual(httpClient.seen[0].body, httpClient.seen[1].body);
  const first = JSON.parse(httpClient.seen[0].answer.bodyAsText).value;
  assert.deepEqual(given.map((item) => item.messageId), first.map((item) => item.messageId));
  given.forEach((item, i) => assertSent(item, to[i]));
});

test("many sends over one client, at once", async () => {
  const sms = client();
  const given = await Promise.all(Array.from({ length: 40 }, () => sms.send({ from: FROM, to: [someone()], message: "x" })));
  assert.equal(new Set(given.map(([item]) => item.messageId)).size, 40);
});

for (const [name, endpoint, options] of [["https", secure, {}], ["http", plain, { allowInsecureConnection: true }]]) {
  test(`a wrong key over ${name} is Denied, in words`, async () => {
    const key = Buffer.alloc(64, 7).toString("base64");
    const wrong = new SmsClient(connection(endpoint, key), options);
    await refusal(() => wrong.send({ from: FROM, to: [someone()], message: "x" }), 401, /Denied by the resource provider/);
  });
}

test("a bearer token of a stranger is Denied", async () => {
  const stranger = { getToken: async () => ({ token: "eyJhbGciOiJub25lIn0.e30.", expiresOnTimestamp: Date.now() + 3600e3 }) };
  await refusal(() => new SmsClient(bare(secure), stranger).send({ from: FROM, to: [someone()], message: "x" }), 401, /Denied/);
});

for (const apiVersion of VERSIONS) {
  test(`api-version ${apiVersion} sends, and refuses in words`, async () => {
    const to = someone();
    const sms = client({ apiVersion });
    assertSent((await sms.send({ from: FROM, to: [to], message: "x" }, { enableDeliveryReport: true, tag: "t" }))[0], to);
    await refusal(() => sms.send({ from: "x!", to: [to], message: "x" }), 400, /Invalid From phone number format/);
  });
}

const UNKNOWN = ["2021-01-29", "2023-05-14-privatepreview", "2024-01-21-preview", "1999-12-31", "x"];
for (const apiVersion of VERSIONS.length ? UNKNOWN : []) {
  test(`api-version ${apiVersion} is not supported`, async () => {
    const error = await refusal(() => client({ apiVersion }).send({ from: FROM, to: [someone()], message: "x" }), 400, /./);
    assert.match(JSON.stringify(error.details ?? error.body ?? error.message), /ApiVersion/);
  });
}

if (preview) require("./sms_preview.js");
