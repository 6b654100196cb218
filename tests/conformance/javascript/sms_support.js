"use strict";
/* What the judges of text messages share: clients that show what went over the wire, and reports. */
const assert = require("node:assert");
const { sdk, signed, ways, which } = require("./support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const { AzureKeyCredential } = sdk("@azure/core-auth");
const FROM = "+14255550100";
const ID = /^Outgoing_\d{14}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const REPORTS = "2026-01-23"; // the version whose reports no released client reads

let counter = Math.floor(Math.random() * 8000) * 100;
/** A recipient that nobody used before, outside of the simulated ones. */
const someone = () => `+1206${2000000 + (counter += 1)}`;

const client = (options) => ways[0].make(SmsClient, AzureKeyCredential, options);

/** The transport of this release's own pipeline. */
function ordinary() {
  if (which === "sms-oldest") return new (sdk("@azure/core-http").DefaultHttpClient)();
  return sdk("@azure/core-rest-pipeline").createDefaultHttpClient();
}

/** A transport that remembers. The first `lost` answers never reach the client. */
function watching(lost = 0) {
  const inner = ordinary();
  const seen = [];
  return {
    seen,
    sendRequest: async (request) => {
      const body = JSON.parse(request.body);
      const answer = await inner.sendRequest(request);
      seen.push({ body, date: request.headers.get("x-ms-date") ?? request.headers.get("date"), url: request.url, answer });
      if (seen.length <= lost) throw Object.assign(new Error("lost"), { name: "RestError", code: "ECONNRESET" });
      return answer;
    },
  };
}

async function refusal(work, status, text) {
  const error = await work().then(() => assert.fail("it should have been refused"), (thrown) => thrown);
  assert.equal(error.statusCode, status, error.message);
  assert.match(error.message, text);
  return error;
}

/** The delivery report, when there is one. */
async function report(id, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await signed("GET", `/deliveryReports/${id}?api-version=${REPORTS}`);
    if (answer.status === 200) return answer.body;
    assert.equal(answer.status, 404);
    assert.ok(Date.now() < end, `no report of ${id}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function assertSent(item, to) {
  assert.equal(item.to, to);
  assert.equal(item.httpStatusCode, 202);
  assert.equal(item.successful, true);
  assert.ok(item.errorMessage === undefined || item.errorMessage === null);
  assert.match(item.messageId, ID);
}

function assertRefused(item, to, status, text) {
  assert.equal(item.to, to);
  assert.equal(item.httpStatusCode, status);
  assert.equal(item.successful, false);
  assert.equal(item.messageId, undefined);
  assert.match(item.errorMessage, text);
}

module.exports = { FROM, assertRefused, assertSent, client, refusal, report, someone, watching };
