"use strict";
/* @azure/identity, every credential class that needs no person, through to calls of the Identity SDK. */
const assert = require("node:assert");
const test = require("node:test");
const { installed, kept } = require("./support.js");
const {
  alone, appService, base, claims, credentialOf, giveRole, identity, inChild, metadata, nowhere, revoke, scene, sdk,
  takeRole, ways,
} = require("./entra_support.js");

const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const SCOPE = "https://communication.azure.com//.default";
const SECOND = 1100; // tokens count in whole seconds

const client = (credential) => new CommunicationIdentityClient(base, credential, { retryOptions: { maxRetries: 0 } });
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("the installed packages are those of the kept table", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

for (const way of ways) {
  test(`https, bearer token of a ${way.name}: createUser, getToken, revokeTokens, deleteUser`, async () => {
    assert.deepEqual(await inChild(way.variables, "way", way.name), { done: true });
  });
}

test("a wrong secret is refused with what to do", async () => {
  const error = await credentialOf(scene.worker, "wrong").getToken(SCOPE).catch((e) => e);
  assert.equal(error.name, "AuthenticationRequiredError");
  assert.match(error.message, /invalid_client.*7000215/s);
});

test("an expired secret is refused as such", async () => {
  await assert.rejects(credentialOf(scene.worker, scene.worker.expiredSecret).getToken(SCOPE), /7000222/);
});

test("an unknown application is refused", async () => {
  await assert.rejects(credentialOf({ clientId: nowhere, secret: "x" }).getToken(SCOPE), /700016/);
});

test("an unknown tenant is refused", async () => {
  const unknown = new identity.ClientSecretCredential(nowhere, scene.worker.clientId, scene.worker.secret, alone);
  await assert.rejects(unknown.getToken(SCOPE));
});

test("a certificate that nobody registered is refused", async () => {
  const { clientId } = scene.outsider;
  const unknown = new identity.ClientCertificateCredential(scene.tenant, clientId, scene.worker.certificate, alone);
  await assert.rejects(unknown.getToken(SCOPE), /700027/);
});

test("another application cannot use the federated token", async () => {
  const { outsider, tenant, worker } = scene;
  const unknown = new identity.WorkloadIdentityCredential(
    { ...alone, tenantId: tenant, clientId: outsider.clientId, tokenFilePath: worker.federated });
  await assert.rejects(unknown.getToken(SCOPE), /70021/);
});

for (const [form, variables] of [["App Service", appService(scene.user)], ["metadata service", metadata]]) {
  test(`${form}: an unknown identity is unavailable, so that a chain goes on`, async () => {
    const said = await inChild(variables, "ask", JSON.stringify({ clientId: nowhere }));
    assert.equal(said.name, "CredentialUnavailableError", said.message);
  });
}

test("App Service: a wrong header is refused", async () => {
  const said = await inChild({ ...appService(scene.user), IDENTITY_HEADER: "0".repeat(64) }, "ask", "{}");
  assert.match(said.name, /Error$/);
});

test("a scope that is not ours is refused", async () => {
  await assert.rejects(credentialOf(scene.worker).getToken("https://vault.azure.net/.default"), /500011/);
});

test("without a role every call is refused with 403", async () => {
  const calls = client(credentialOf(scene.outsider));
  await assert.rejects(calls.createUser(), { statusCode: 403, code: "Forbidden" });
});

test("a managed identity without a role is refused with 403", async () => {
  assert.equal((await inChild(appService(scene.idle), "call", "{}")).statusCode, 403);
});

test("a reader may not use the data plane", async () => {
  await assert.rejects(client(credentialOf(scene.reader)).createUser(), { statusCode: 403 });
});

test("a token for the management API opens no data plane", async () => {
  const scoped = credentialOf(scene.worker);
  const misled = { getToken: (_, options) => scoped.getToken("https://management.azure.com/.default", options) };
  await assert.rejects(client(misled).createUser(), { statusCode: 401 });
});

test("a role counts from the next request on, and so does its end", async () => {
  const calls = client(credentialOf(scene.changing));
  await assert.rejects(calls.createUser(), { statusCode: 403 });
  await giveRole(scene.changing.name, "Contributor");
  const user = await calls.createUser();
  await takeRole(scene.changing.name, "Contributor");
  await assert.rejects(calls.deleteUser(user), { statusCode: 403 });
});

test("a revoked token is replaced behind the caller's back: the SDK answers the claims challenge", async () => {
  const asked = [];
  const inner = credentialOf(scene.challenged);
  const watching = {
    getToken: async (scopes, options) => {
      const token = await inner.getToken(scopes, options);
      asked.push({ claims: options?.claims, token: token.token });
      return token;
    },
  };
  const calls = client(watching);
  await calls.createUser();
  await wait(SECOND);
  await revoke(scene.challenged.name);
  await calls.createUser();
  assert.equal(asked.length, 2);
  assert.ok(JSON.parse(asked[1].claims).access_token.nbf.value, "the challenge came with the claims to ask for");
  assert.notEqual(asked[1].token, asked[0].token);
  assert.ok(claims(asked[1].token).iat >= Number(JSON.parse(asked[1].claims).access_token.nbf.value));
});

test("over plain HTTP the SDK sends no token", async () => {
  const plain = new CommunicationIdentityClient(process.env.CALLGATE_HTTP_ENDPOINT, credentialOf(scene.worker),
    { allowInsecureConnection: true });
  await assert.rejects(plain.createUser(), /not permitted for non-TLS/);
});
