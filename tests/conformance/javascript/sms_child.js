"use strict";
/* What must happen in a process of its own. usage: sms_child.js way NAME | send OPTIONS
 * `way` sends with one credential; `send` says what became of a message of one managed identity. */
const assert = require("node:assert");
const { FROM, assertSent, someone } = require("./sms_support.js");
const { base, claims, managed, scene, sdk, ways } = require("./entra_support.js");

const { SmsClient } = sdk("@azure/communication-sms");
const SCOPE = "https://communication.azure.com//.default";

function send(credential, to) {
  const sms = new SmsClient(base, credential, { retryOptions: { maxRetries: 0 } });
  return sms.send({ from: FROM, to: [to], message: "x" });
}

async function way(name) {
  const { make, who } = ways.find((one) => one.name === name);
  const credential = make();
  const said = claims((await credential.getToken(SCOPE)).token);
  assert.equal(said.oid, who.objectId);
  assert.equal(said.tid, scene.tenant);
  const to = someone();
  assertSent((await send(credential, to))[0], to);
  return { done: true };
}

const outcome = (work) => work.then(() => ({ done: true }),
  (error) => ({ name: error.name, message: error.message, statusCode: error.statusCode, code: error.code }));
const jobs = { way, send: (options) => outcome(send(managed(JSON.parse(options)), someone())) };

const [job, word] = process.argv.slice(2);
jobs[job](word).then((said) => console.log(JSON.stringify(said)), (error) => {
  console.error(error);
  process.exitCode = 1;
});
