"use strict";
/* @azure/communication-sms 1.0.0-beta.3: the version of 2020, one recipient and one id. */
const assert = require("node:assert");
const test = require("node:test");
const { connection, installed, kept, sdk, secure, ways } = require("./support.js");
const { FROM, refusal, report, someone } = require("./sms_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const { AzureKeyCredential } = sdk("@azure/core-auth");

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

for (const way of ways) {
  test(`${way.name}: send gives 200 and one id`, async () => {
    const sms = way.make(SmsClient, AzureKeyCredential);
    const given = await sms.send({ from: FROM, to: [someone()], message: "x" }, { enableDeliveryReport: true });
    assert.equal(given._response.status, 200);
    assert.equal(new URL(given._response.request.url).searchParams.get("api-version"), kept.apiVersion);
    assert.equal((await report(given.messageId)).deliveryStatus, "Delivered");
  });
}

const make = () => ways[0].make(SmsClient, AzureKeyCredential);

test("a malformed sender is refused in the shape of 2020", async () => {
  const error = await refusal(() => make().send({ from: "x!", to: [someone()], message: "x" }), 400, /./);
  const said = JSON.parse(error.response.bodyAsText);
  assert.equal(said[0].errorField, "From");
  assert.ok(said[0].errorDescription);
});

test("a malformed recipient and a text that is too long are refused", async () => {
  await refusal(() => make().send({ from: FROM, to: ["+123"], message: "x" }), 400, /./);
  await refusal(() => make().send({ from: FROM, to: [someone()], message: "x".repeat(2049) }), 400, /./);
});

test("a wrong key is refused with 401", async () => {
  const wrong = new SmsClient(connection(secure, Buffer.alloc(64, 7).toString("base64")));
  await refusal(() => wrong.send({ from: FROM, to: [someone()], message: "x" }), 401, /./);
});
