"use strict";
/* @azure/communication-administration 1.0.0-beta.3, which the trusted-service tutorial once used:
 * the version of 2020, with its own shapes and its own way to revoke. */
const assert = require("node:assert");
const test = require("node:test");
const { assertDead, assertLives, claims, installed, kept, sdk, ways, connection, secure } = require("./support.js");

const { CommunicationIdentityClient } = sdk("@azure/communication-administration");
const { AzureKeyCredential } = sdk("@azure/core-auth");

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

test("sends the api-version of the kept table", async () => {
  const user = await ways[0].make(CommunicationIdentityClient, AzureKeyCredential).createUser();
  assert.equal(new URL(user._response.request.url).searchParams.get("api-version"), kept.apiVersion);
  assert.equal(user._response.status, 200);
});

for (const way of ways) {
  const make = () => way.make(CommunicationIdentityClient, AzureKeyCredential);

  test(`${way.name}: createUser makes a user`, async () => {
    assert.match((await make().createUser()).communicationUserId, /^8:acs:.+_.+/);
  });

  test(`${way.name}: issueToken gives a token`, async () => {
    const identity = make();
    const user = await identity.createUser();
    const given = await identity.issueToken(user, ["chat", "voip"]);
    assert.equal(given.user.communicationUserId, user.communicationUserId);
    assert.equal(claims(given.token).acsScope, "chat,voip");
    assert.ok(Math.abs(given.expiresOn.getTime() / 1000 - claims(given.token).exp) <= 1);
    await assertLives(given.token, user.communicationUserId);
  });

  test(`${way.name}: revokeTokens kills the tokens given before now`, async () => {
    const identity = make();
    const user = await identity.createUser();
    const given = await identity.issueToken(user, ["chat"]);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // tokens count in whole seconds
    await identity.revokeTokens(user);
    await assertDead(given.token);
  });

  test(`${way.name}: deleteUser ends the user`, async () => {
    const identity = make();
    const user = await identity.createUser();
    const given = await identity.issueToken(user, ["chat"]);
    await identity.deleteUser(user);
    await assertDead(given.token);
    await assert.rejects(identity.issueToken(user, ["chat"]), { statusCode: 404 });
  });
}

test("revokeTokens from a moment in the past leaves later tokens alive", async () => {
  const identity = ways[0].make(CommunicationIdentityClient, AzureKeyCredential);
  const user = await identity.createUser();
  const given = await identity.issueToken(user, ["chat"]);
  await identity.revokeTokens(user, new Date(Date.now() - 60000));
  await assertLives(given.token, user.communicationUserId);
});

test("the scope of 2020 for telephony is taken", async () => {
  const identity = ways[0].make(CommunicationIdentityClient, AzureKeyCredential);
  const user = await identity.createUser();
  const given = await identity.issueToken(user, ["pstn"]);
  assert.equal(claims(given.token).acsScope, "voip");
});

test("a wrong key is refused with 401", async () => {
  const wrong = connection(secure, Buffer.alloc(64, 7).toString("base64"));
  await assert.rejects(new CommunicationIdentityClient(wrong).createUser(), { statusCode: 401 });
});
