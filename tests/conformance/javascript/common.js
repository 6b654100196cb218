"use strict";
/* @azure/communication-common with our tokens and ids: the credential that refreshes itself, and
 * identifiers. The server's clock is set back so that exp lies near the SDK's now. */
const assert = require("node:assert");
const test = require("node:test");
const {
  assertDead, assertLives, bare, claims, sdk, secure, until, ways, which, withClock,
} = require("./support.js");

const common = sdk("@azure/communication-common");
const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const { AzureKeyCredential } = sdk("@azure/core-auth");
const { AzureCommunicationTokenCredential } = common;
const newest = which === "newest";

const client = () => ways[0].make(CommunicationIdentityClient, AzureKeyCredential);

/** A user whose token has about `left` seconds to live by the SDK's clock. */
async function almostOver(left) {
  return withClock(`-${24 * 3600 - left}s`, () => client().createUserAndToken(["chat"]));
}

/** A refresher that counts how often it was asked. */
function refresherOf(user) {
  const asked = async () => {
    asked.times += 1;
    return (await client().getToken(user, ["chat"])).token;
  };
  asked.times = 0;
  return asked;
}

test("a static credential hands out the token with its expiry", async () => {
  const made = await client().createUserAndToken(["chat"]);
  const credential = new AzureCommunicationTokenCredential(made.token);
  const given = await credential.getToken();
  assert.equal(given.token, made.token);
  assert.equal(given.expiresOnTimestamp, claims(made.token).exp * 1000);
  credential.dispose();
});

test("a refresher is asked for the first token, once", async () => {
  const user = await client().createUser();
  const tokenRefresher = refresherOf(user);
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher });
  const first = await credential.getToken();
  const second = await credential.getToken();
  assert.equal(first.token, second.token);
  assert.equal(tokenRefresher.times, 1);
  await assertLives(first.token, user.communicationUserId);
  credential.dispose();
});

test("a token with a day to live is not refreshed", async () => {
  const made = await client().createUserAndToken(["chat"]);
  const tokenRefresher = refresherOf(made.user);
  const credential = new AzureCommunicationTokenCredential({ token: made.token, tokenRefresher, refreshProactively: true });
  assert.equal((await credential.getToken()).token, made.token);
  assert.equal(tokenRefresher.times, 0);
  credential.dispose();
});

test("a token that is over is replaced on demand", async () => {
  const made = await almostOver(-5);
  await assertDead(made.token);
  const tokenRefresher = refresherOf(made.user);
  const credential = new AzureCommunicationTokenCredential({ token: made.token, tokenRefresher });
  const fresh = await credential.getToken();
  assert.notEqual(fresh.token, made.token);
  assert.equal(tokenRefresher.times, 1);
  await assertLives(fresh.token, made.user.communicationUserId);
  credential.dispose();
});

test("refreshProactively asks ten minutes before exp", async () => {
  const made = await almostOver(612);
  const tokenRefresher = refresherOf(made.user);
  const credential = new AzureCommunicationTokenCredential({ token: made.token, tokenRefresher, refreshProactively: true });
  try {
    const asked = claims(made.token).exp - 600;
    await until(() => tokenRefresher.times === 1, "the refresher is asked", 60);
    const late = Date.now() / 1000 - asked;
    assert.ok(late > -2 && late < 30, `asked ${late} s late: neither early nor after half of the ten minutes`);
    const given = await credential.getToken();
    assert.ok(claims(given.token).exp >= claims(made.token).exp);
    assert.equal(tokenRefresher.times, 1);
  } finally {
    credential.dispose();
  }
});

test("inside the last ten minutes it asks after half of what is left", async () => {
  const made = await almostOver(20);
  const tokenRefresher = refresherOf(made.user);
  const credential = new AzureCommunicationTokenCredential({ token: made.token, tokenRefresher, refreshProactively: true });
  try {
    await until(() => tokenRefresher.times === 1, "the refresher is asked", 60);
    assert.ok(claims(made.token).exp > Date.now() / 1000, "while the token still lives");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const given = await credential.getToken();
    assert.notEqual(given.token, made.token);
    assert.ok(claims(given.token).exp > claims(made.token).exp);
    await assertLives(given.token, made.user.communicationUserId);
  } finally {
    credential.dispose();
  }
});

test("a token given again later expires later", async () => {
  const user = await client().createUser();
  const first = claims((await client().getToken(user, ["chat"])).token).exp;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.ok(claims((await client().getToken(user, ["chat"])).token).exp > first);
});

test("a refresher whose user is gone fails with the server's words", async () => {
  const user = await client().createUser();
  await client().deleteUser(user);
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher: refresherOf(user) });
  await assert.rejects(credential.getToken(), /Provided identity doesn't exist\./);
  credential.dispose();
});

test("a user's id is a communication user to the SDK", async () => {
  const { communicationUserId } = await client().createUser();
  const identifier = { communicationUserId };
  assert.ok(common.isCommunicationUserIdentifier(identifier));
  assert.equal(common.getIdentifierKind(identifier).kind, "communicationUser");
  const wire = common.serializeCommunicationIdentifier(identifier);
  assert.equal(wire.communicationUser.id, communicationUserId);
  const back = common.deserializeCommunicationIdentifier({ rawId: communicationUserId, ...wire });
  assert.equal(back.kind, "communicationUser");
  assert.equal(back.communicationUserId, communicationUserId);
  if (newest) {
    const parsed = common.createIdentifierFromRawId(communicationUserId);
    assert.deepEqual(parsed, { kind: "communicationUser", communicationUserId });
    assert.equal(common.getIdentifierRawId(parsed), communicationUserId);
  }
});

test("our connection strings are understood", () => {
  const text = process.env.COMMUNICATION_SERVICES_CONNECTION_STRING;
  const parsed = common.parseConnectionString(text);
  assert.equal(bare(parsed.endpoint), bare(secure));
  assert.ok(text.endsWith(parsed.credential.key));
});

if (newest) {
  test("a refresher that hands out an expired token is caught by the SDK", async () => {
    const made = await almostOver(-5);
    const credential = new AzureCommunicationTokenCredential({ tokenRefresher: async () => made.token });
    await assert.rejects(credential.getToken(), { message: "The token returned from the tokenRefresher is expired." });
    credential.dispose();
  });

  for (const [what, scope] of [
    ["Entra", "https://communication.azure.com/clients/VoIP"],
    ["Teams", "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"],
  ]) {
    for (const [form, resourceEndpoint] of [["with", secure], ["without", bare(secure)]]) {
      test(`${what} token exchange, endpoint ${form} slash: 401 where no issuer is configured`, async () => {
        const tokenCredential = {
          getToken: async () => ({ token: "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", expiresOnTimestamp: Date.now() + 3600e3 }),
        };
        const credential = new AzureCommunicationTokenCredential({ resourceEndpoint, tokenCredential, scopes: [scope] });
        await assert.rejects(credential.getToken(), (error) => {
          assert.match(error.message, /^Service request failed\. Status: 401, Body: \{"error":\{"code":"/);
          return true;
        });
        credential.dispose();
      });
    }
  }
}
