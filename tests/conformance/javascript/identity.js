"use strict";
/* @azure/communication-identity, newest and oldest release. Names of tests that begin with a way to
 * reach the server and an operation become lines of the compatibility table. */
const assert = require("node:assert");
const test = require("node:test");
const {
  admin, assertDead, assertLives, bare, claims, connection, env, installed, kept, plain, sdk, secure, setClock, ways,
  which, whoami, withClock,
} = require("./support.js");

const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const { AzureKeyCredential } = sdk("@azure/core-auth");
const newest = which === "newest";
const DAY = 24 * 3600;
const RAW_ID = /^8:acs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const client = (options) => ways[0].make(CommunicationIdentityClient, AzureKeyCredential, options);

function assertToken(token, user, scopes, minutes = 1440) {
  const said = claims(token.token);
  assert.ok(token.expiresOn instanceof Date);
  assert.ok(Math.abs(token.expiresOn.getTime() / 1000 - said.exp) <= 1, "expiresOn and exp are one instant");
  assert.equal(said.exp - said.iat, minutes * 60);
  assert.equal(said.acsScope, scopes.join(","));
  assert.equal(`8:${said.skypeid}`, user);
}

async function refusal(work, status, code, message) {
  let error;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error, "it should have been refused");
  assert.equal(error.statusCode, status, error.message);
  /* The oldest release hands on the status and the body, without reading them into code and message. */
  const inner = error.code === code ? error : ((error.details || {}).error || error.body?.error || error);
  assert.equal(inner.code, code);
  if (message instanceof RegExp) assert.match(inner.message, message);
  else assert.equal(inner.message, message);
  return error;
}

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

test("sends the api-version of the kept table", async () => {
  let seen;
  const answered = await new Promise((resolve, reject) => {
    const server = require("node:http").createServer((request, response) => {
      seen = new URL(request.url, "http://localhost").searchParams.get("api-version");
      response.writeHead(201, { "Content-Type": "application/json" }).end('{"identity":{"id":"8:acs:a_b"}}');
    });
    server.listen(0, "localhost", async () => {
      const own = new CommunicationIdentityClient(
        connection(`http://localhost:${server.address().port}/`, env.CALLGATE_PRIMARY_KEY), { allowInsecureConnection: true });
      own.createUser().then(resolve, reject).finally(() => server.close());
    });
  });
  assert.equal(answered.communicationUserId, "8:acs:a_b");
  assert.equal(seen, kept.apiVersion);
});

for (const way of ways) {
  const make = () => way.make(CommunicationIdentityClient, AzureKeyCredential);

  test(`${way.name}: createUser makes a user with a raw id`, async () => {
    const user = await make().createUser();
    assert.match(user.communicationUserId, RAW_ID);
  });

  test(`${way.name}: createUserAndToken gives both`, async () => {
    const made = await make().createUserAndToken(["chat", "voip"]);
    assert.match(made.user.communicationUserId, RAW_ID);
    assertToken(made, made.user.communicationUserId, ["chat", "voip"]);
    await assertLives(made.token, made.user.communicationUserId);
  });

  test(`${way.name}: getToken gives a token, and another one when asked again`, async () => {
    const identity = make();
    const user = await identity.createUser();
    const first = await identity.getToken(user, ["voip"]);
    const second = await identity.getToken(user, ["voip"]);
    assertToken(first, user.communicationUserId, ["voip"]);
    assertToken(second, user.communicationUserId, ["voip"]);
    assert.notEqual(first.token, second.token);
    await assertLives(first.token, user.communicationUserId);
    await assertLives(second.token, user.communicationUserId);
  });

  test(`${way.name}: revokeTokens kills the tokens given so far`, async () => {
    const identity = make();
    const made = await identity.createUserAndToken(["chat"]);
    const other = await identity.getToken(made.user, ["voip"]);
    await identity.revokeTokens(made.user);
    await assertDead(made.token);
    await assertDead(other.token);
    const later = await identity.getToken(made.user, ["chat"]);
    await assertLives(later.token, made.user.communicationUserId, "a token given in the same second lives");
  });

  test(`${way.name}: deleteUser ends the user`, async () => {
    const identity = make();
    const made = await identity.createUserAndToken(["chat"]);
    await identity.deleteUser(made.user);
    await assertDead(made.token);
    await refusal(() => identity.getToken(made.user, ["chat"]), 404, "IdentityNotFound",
      "Provided identity doesn't exist.");
    await identity.deleteUser(made.user); // again: no error
  });
}

for (const [name, endpoint, options] of [["https", secure, {}], ["http", plain, { allowInsecureConnection: true }]]) {
  test(`a wrong key over ${name} is Denied`, async () => {
    const key = Buffer.alloc(64, 7).toString("base64");
    const error = await refusal(
      () => new CommunicationIdentityClient(connection(endpoint, key), options).createUser(),
      401, "Denied", "Denied by the resource provider.");
    if (newest) {
      assert.equal(error.code, "Denied");
      assert.equal(error.message, "Denied by the resource provider.");
      assert.match(error.response.headers.get("x-callgate-explain"), /./);
    }
  });
}

test("a bearer token of a stranger is Denied", async () => {
  const stranger = { getToken: async () => ({ token: "eyJhbGciOiJub25lIn0.e30.", expiresOnTimestamp: Date.now() + 3600e3 }) };
  await refusal(() => new CommunicationIdentityClient(bare(secure), stranger).createUser(),
    401, "Denied", "Denied by the resource provider.");
});

test("a user's own token does not administer users", async () => {
  const { token } = await client().createUserAndToken(["chat"]);
  const user = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3600e3 }) };
  await refusal(() => new CommunicationIdentityClient(bare(secure), user).createUser(),
    401, "Denied", "Denied by the resource provider.");
});

test("a user who never was is not found", async () => {
  const user = await client().createUser();
  const never = { communicationUserId: user.communicationUserId.replace(/_.*/, "_00000000-0000-0000-0000-000000000000") };
  for (const work of [(c) => c.getToken(never, ["chat"]), (c) => c.revokeTokens(never), (c) => c.deleteUser(never)]) {
    await refusal(() => work(client()), 404, "IdentityNotFound", "Provided identity doesn't exist.");
  }
});

test("a user of another resource, or of none, is not found", async () => {
  for (const id of ["8:acs:11111111-1111-1111-1111-111111111111_00000001-1111-1111-1111-111111111111", "nobody", "8:acs:"]) {
    await refusal(() => client().getToken({ communicationUserId: id }, ["chat"]), 404, "IdentityNotFound",
      "Provided identity doesn't exist.");
  }
});

test("no scopes: refused by the field's name", async () => {
  const user = await client().createUser();
  await refusal(() => client().getToken(user, []), 400, "ValidationError", "Scopes: The Scopes field is required.");
});

test("an unknown scope is refused by name", async () => {
  const user = await client().createUser();
  await refusal(() => client().getToken(user, ["video"]), 400, "ValidationError", /video/);
});

test("scopes are taken in any case and given back in lower case, once each", async () => {
  const made = await client().createUserAndToken(["VoIP", "chat", "voip"]);
  assertToken(made, made.user.communicationUserId, ["voip", "chat"]);
});

for (const scope of ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"]) {
  test(`scope ${scope} is in the token, and known to the server`, async () => {
    const made = await client().createUserAndToken([scope]);
    assertToken(made, made.user.communicationUserId, [scope]);
    assert.deepEqual((await whoami(made.token)).body.scopes, [scope]);
  });
}

test("an aborted call ends with AbortError", async () => {
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(client().createUser({ abortSignal: stop.signal }), { name: "AbortError" });
});

test("request options: time limit and headers of one's own are harmless", async () => {
  const user = await client().createUser({
    requestOptions: { timeout: 20000, customHeaders: { "x-custom": "text with blanks, and; signs" } },
  });
  assert.match(user.communicationUserId, RAW_ID);
});

test("a token dies by the server's clock at exp, not a moment before", async () => {
  const made = await client().createUserAndToken(["chat"]);
  const { exp } = claims(made.token);
  try {
    await setClock(exp - 30);
    await assertLives(made.token, made.user.communicationUserId);
    await setClock(exp);
    await assertDead(made.token);
  } finally {
    await admin("DELETE", "/admin/clock");
  }
  await assertLives(made.token, made.user.communicationUserId, "and lives again when the clock is put back");
});

test("the key gate still takes the SDK's signatures while the clock is moved", async () => {
  for (const advance of ["-23h51m", "48h"]) {
    await withClock(advance, async () => {
      const made = await client().createUserAndToken(["chat"]);
      assertToken(made, made.user.communicationUserId, ["chat"]);
      await assertLives(made.token, made.user.communicationUserId);
    });
  }
});

test("key rotation drill: the other key, and what it gave, live on", async () => {
  const first = new CommunicationIdentityClient(connection(secure, env.CALLGATE_PRIMARY_KEY));
  const second = new CommunicationIdentityClient(connection(secure, env.CALLGATE_SECONDARY_KEY));
  const doomed = await first.createUserAndToken(["chat"]);
  const safe = await second.createUserAndToken(["chat"]);
  const mixed = await second.getToken(doomed.user, ["chat"]);

  const { key } = await admin("POST", "/admin/keys/primary:regenerate", {});
  env.CALLGATE_PRIMARY_KEY = key;

  await refusal(() => first.createUser(), 401, "Denied", "Denied by the resource provider.");
  await assertDead(doomed.token, "given by a call that the old key signed");
  await assertLives(safe.token, safe.user.communicationUserId);
  await assertLives(mixed.token, doomed.user.communicationUserId);
  await second.createUser();
  await new CommunicationIdentityClient(connection(secure, key)).getToken(doomed.user, ["chat"]);
});

if (newest) require("./identity_newest.js")({ client, assertToken, refusal });
