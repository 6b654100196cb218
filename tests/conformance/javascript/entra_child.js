"use strict";
/* What must happen in a process of its own. usage: entra_child.js way NAME | ask OPTIONS | call OPTIONS
 * `way` goes the whole way with one credential; `ask` and `call` say what became of one managed identity. */
const assert = require("node:assert");
const { assertDead, assertLives } = require("./support.js");
const { base, claims, managed, scene, sdk, ways } = require("./entra_support.js");

const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const SCOPE = "https://communication.azure.com//.default";
const client = (credential) => new CommunicationIdentityClient(base, credential, { retryOptions: { maxRetries: 0 } });

async function saysWhose(credential, who) {
  const token = await credential.getToken(SCOPE);
  const said = claims(token.token);
  assert.equal(said.aud, "https://communication.azure.com/");
  assert.equal(said.oid, who.objectId);
  assert.equal(said.sub, who.objectId);
  assert.equal(said.tid, scene.tenant);
  assert.equal(said.appid ?? said.azp, who.clientId);
  assert.ok(Math.abs(token.expiresOnTimestamp / 1000 - said.exp) <= 2);
}

async function way(name) {
  const { make, who } = ways.find((one) => one.name === name);
  const credential = make();
  const calls = client(credential);
  await saysWhose(credential, who);
  assert.ok((await calls.createUser()).communicationUserId);
  const made = await calls.createUserAndToken(["chat"]);
  const user = { communicationUserId: made.user.communicationUserId };
  await assertLives(made.token, user.communicationUserId);
  const given = await calls.getToken(user, ["chat", "voip"]);
  assert.equal(claims(given.token).acsScope, "chat,voip");
  await new Promise((resolve) => setTimeout(resolve, 1100)); // tokens count in whole seconds
  await calls.revokeTokens(user);
  await assertDead(given.token);
  await calls.deleteUser(user);
  await assert.rejects(calls.getToken(user, ["chat"]), { statusCode: 404 });
  return { done: true };
}

const outcome = (work) => work.then(() => ({ done: true }),
  (error) => ({ name: error.name, message: error.message, statusCode: error.statusCode, code: error.code }));
const jobs = {
  way,
  ask: (options) => outcome(managed(JSON.parse(options)).getToken(SCOPE)),
  call: (options) => outcome(client(managed(JSON.parse(options))).createUser()),
};

const [job, word] = process.argv.slice(2);
jobs[job](word).then((said) => console.log(JSON.stringify(said)), (error) => {
  console.error(error);
  process.exitCode = 1;
});
