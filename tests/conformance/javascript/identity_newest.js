"use strict";
/* What only the newest release of @azure/communication-identity can do: lifetimes, the Teams
 * exchange, other api-versions, a look at the raw answer. */
const assert = require("node:assert");
const test = require("node:test");
const { sdk, assertLives, claims, setClock, admin, assertDead, ways, whoami } = require("./support.js");

const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const { AzureKeyCredential } = sdk("@azure/core-auth");

/* Every version that the contract accepts and whose shapes are the present ones. */
const VERSIONS = [
  "2021-02-22-preview1", "2021-03-07", "2021-03-31-preview1", "2021-10-31-preview", "2021-11-01", "2022-06-01",
  "2022-10-01", "2023-08-01", "2023-10-01", "2025-03-02-preview", "2025-04-01-preview", "2025-06-30", "2026-07-22",
  "2026-09-23",
];
const APP = "11111111-2222-3333-4444-555555555555";
const USER = "66666666-7777-8888-9999-aaaaaaaaaaaa";

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const entraToken = (exp) =>
  `${base64url({ alg: "RS256", typ: "JWT", kid: "k" })}.${base64url({ appid: APP, oid: USER, exp })}.${"A".repeat(342)}`;

module.exports = ({ client, assertToken, refusal }) => {
  for (const minutes of [60, 61, 90, 720, 1440]) {
    test(`tokenExpiresInMinutes ${minutes} is the token's life`, async () => {
      const made = await client().createUserAndToken(["voip"], { tokenExpiresInMinutes: minutes });
      assertToken(made, made.user.communicationUserId, ["voip"], minutes);
      const again = await client().getToken(made.user, ["chat"], { tokenExpiresInMinutes: minutes });
      assertToken(again, made.user.communicationUserId, ["chat"], minutes);
      await assertLives(again.token, made.user.communicationUserId);
    });
  }

  for (const minutes of [-1, 0, 59, 1441, 100000]) {
    test(`tokenExpiresInMinutes ${minutes} is refused with the number`, async () => {
      const text = `ExpiresInMinutes value ${minutes} is invalid. Value must be within the [60, 1440] interval.`;
      const user = await client().createUser();
      for (const work of [
        () => client().createUserAndToken(["chat"], { tokenExpiresInMinutes: minutes }),
        () => client().getToken(user, ["chat"], { tokenExpiresInMinutes: minutes }),
      ]) {
        const error = await refusal(work, 400, "ValidationError", text);
        assert.equal(error.message, text);
        assert.equal(error.details.error.target, "ExpiresInMinutes");
      }
    });
  }

  test("expiry drill: a token of 60 minutes at +59 and at +60 minutes", async () => {
    const made = await client().createUserAndToken(["chat"], { tokenExpiresInMinutes: 60 });
    const { exp } = claims(made.token);
    try {
      await setClock(exp - 15);
      await assertLives(made.token, made.user.communicationUserId);
      await setClock(exp);
      await assertDead(made.token);
      const fresh = await client().getToken(made.user, ["chat"], { tokenExpiresInMinutes: 60 });
      assert.ok(claims(fresh.token).exp >= exp + 3600);
      assert.equal((await whoami(fresh.token)).status, 200);
    } finally {
      await admin("DELETE", "/admin/clock");
    }
  });

  for (const version of VERSIONS) {
    test(`api-version ${version} does all that it offers`, async () => {
      const identity = client({ apiVersion: version });
      const user = await identity.createUser();
      const token = await identity.getToken(user, ["chat", "voip"]);
      assertToken(token, user.communicationUserId, ["chat", "voip"]);
      await identity.revokeTokens(user);
      await assertDead(token.token);
      const made = await identity.createUserAndToken(["voip"]);
      await identity.deleteUser(made.user);
      await assertDead(made.token);
    });
  }

  for (const version of ["2021-03-07", "2022-06-01"]) {
    test(`api-version ${version} knows no lifetime and ignores it`, async () => {
      const made = await client({ apiVersion: version }).createUserAndToken(["chat"], { tokenExpiresInMinutes: 60 });
      assertToken(made, made.user.communicationUserId, ["chat"], 1440);
    });
  }

  for (const version of ["2023-08-30-preview", "2019-01-01", "1999-12-31-preview"]) {
    test(`api-version ${version} is not supported, and the refusal says which are`, async () => {
      const error = await refusal(() => client({ apiVersion: version }).createUser(), 400, "UnsupportedApiVersion",
        new RegExp(`does not support the API version '${version}'`));
      assert.match(error.response.headers.get("api-supported-versions"), /2023-10-01/);
    });
  }

  test("the raw answer: status, supported versions, media type, client's request id", async () => {
    let raw;
    const made = await client().createUserAndToken(["chat"], {
      onResponse: (response) => (raw = response),
      requestOptions: { customHeaders: { "x-ms-return-client-request-id": "true" } },
    });
    assert.equal(raw.status, 201);
    assert.match(raw.headers.get("api-supported-versions"), /2021-03-07, .*2023-10-01/);
    assert.equal(raw.headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(raw.headers.get("x-ms-client-request-id"), raw.request.headers.get("x-ms-client-request-id"));
    /* Sent for public names only: on localhost it would shut out every plain server of that machine. */
    assert.equal(raw.headers.get("strict-transport-security"), undefined);
    assert.ok(raw.headers.get("ms-cv"));
    assert.match(raw.headers.get("x-processing-time"), /^\d+ms$/);
    assert.match(raw.parsedBody.accessToken.expiresOn.toISOString(), /Z$/);
    assert.match(JSON.parse(raw.bodyAsText).accessToken.expiresOn, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$/);
    assert.equal(JSON.parse(raw.bodyAsText).identity.id, made.user.communicationUserId);
  });

  test("deleteUser and revokeTokens answer 204 without a body", async () => {
    const user = await client().createUser();
    for (const operation of ["revokeTokens", "deleteUser"]) {
      let raw;
      await client()[operation](user, { onResponse: (response) => (raw = response) });
      assert.equal(raw.status, 204);
      assert.equal(raw.headers.get("content-type"), undefined);
      assert.ok(!raw.bodyAsText);
    }
  });

  test("an empty list of scopes makes a user without a token", async () => {
    let raw;
    const onResponse = (response) => (raw = response);
    await client().createUserAndToken([], { onResponse }).catch(() => {}); // the SDK stumbles over the absent token
    assert.equal(raw.status, 201);
    assert.deepEqual(Object.keys(JSON.parse(raw.bodyAsText)), ["identity"]);
  });

  const soon = Math.floor(Date.now() / 1000) + 3600;
  const exchanges = [
    /* what, token, clientId, userObjectId, status, code, message, target */
    ["an empty token", "", APP, USER, 401, "InvalidAccessToken", "Provided access token is not valid."],
    ["no token at all", "not a token", APP, USER, 401, "InvalidAccessToken", "Provided access token is not valid."],
    ["an expired token", entraToken(1600000000), APP, USER, 401, "InvalidAccessToken", "Provided access token is not valid."],
    ["a token that nobody here trusts", entraToken(soon), APP, USER, 401, "InvalidAccessToken", "Provided access token is not valid."],
    ["an empty appId", entraToken(soon), "", USER, 400, "ValidationError", "AppId: The AppId field is required.", "AppId"],
    ["an empty appId before a bad token", "bad", "", USER, 400, "ValidationError", "AppId: The AppId field is required.", "AppId"],
    ["a bad token before an empty userId", "bad", APP, "", 401, "InvalidAccessToken", "Provided access token is not valid."],
  ];
  for (const way of [ways[0], ways[3], ways[6]]) {
    for (const [what, teamsUserAadToken, clientId, userObjectId, status, code, message, target] of exchanges) {
      test(`${way.name}: getTokenForTeamsUser refuses ${what}`, async () => {
        const identity = way.make(CommunicationIdentityClient, AzureKeyCredential);
        const error = await refusal(() => identity.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId }),
          status, code, message);
        assert.equal(error.message, message);
        assert.equal(error.details.error.target, target);
      });
    }
  }

  test("a user's token as a Teams token is refused", async () => {
    const { token } = await client().createUserAndToken(["voip"]);
    await refusal(() => client().getTokenForTeamsUser({ teamsUserAadToken: token, clientId: APP, userObjectId: USER }),
      401, "InvalidAccessToken", "Provided access token is not valid.");
  });

  test("many calls over one client, at once", async () => {
    const identity = client();
    const made = await Promise.all(Array.from({ length: 40 }, () => identity.createUserAndToken(["chat"])));
    assert.equal(new Set(made.map((one) => one.user.communicationUserId)).size, 40);
    await Promise.all(made.map((one) => identity.deleteUser(one.user)));
    await assertDead(made[0].token);
  });
};
