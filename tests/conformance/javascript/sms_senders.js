"use strict";
/* @azure/communication-sms beside a server that knows no sender yet (sms.senders = list): the commonest complaint about
 * the cloud is a 401 without a word. */
const assert = require("node:assert");
const test = require("node:test");
const { sdk, ways, which } = require("./support.js");
const { FROM, refusal, someone } = require("./sms_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const { AzureKeyCredential } = sdk("@azure/core-auth");

for (const way of ways) {
  for (const from of [FROM, "12345", "Contoso"]) {
    test(`${way.name}: send from '${from}', which is not the resource's, is 401 with a text`, async () => {
      const sms = way.make(SmsClient, AzureKeyCredential);
      const error = await refusal(() => sms.send({ from, to: [someone()], message: "x" }), 401, /.{10}/);
      const inner = error.code === "Unauthorized" ? error : (error.details?.error ?? error.body?.error ?? error);
      assert.equal(inner.code, "Unauthorized");
    });
  }
}

test("a malformed sender is told from one that is not the resource's", async () => {
  const sms = ways[0].make(SmsClient, AzureKeyCredential);
  await refusal(() => sms.send({ from: "x!", to: [someone()], message: "x" }), 400, /Invalid From phone number format/);
});

if (which === "sms-beta") {
  for (const operation of ["add", "remove", "check"]) {
    test(`opt-outs of such a sender: ${operation} is 401 with a text`, async () => {
      const { optOuts } = ways[0].make(SmsClient, AzureKeyCredential);
      const error = await refusal(() => optOuts[operation](FROM, [someone()]), 401, /.{10}/);
      assert.equal(error.code, "Unauthorized");
    });
  }
}
