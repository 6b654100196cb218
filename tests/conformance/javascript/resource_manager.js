"use strict";
/* The clients of the resource manager: resources, roles and user-assigned identities, by their official packages. */
const assert = require("node:assert");
const fs = require("node:fs");
const test = require("node:test");
const { randomUUID } = require("node:crypto");
const { alone, base, claims, credentialOf, identity, nearby, scene, sdk } = require("./entra_support.js");

const { CommunicationServiceManagementClient } = sdk("@azure/arm-communication");
const { AuthorizationManagementClient } = sdk("@azure/arm-authorization");
const { ManagedServiceIdentityClient } = sdk("@azure/arm-msi");
const { CommunicationIdentityClient } = sdk("@azure/communication-identity");

const { subscription, group } = scene;
const options = { endpoint: base };
const communication = (app, more = {}) =>
  new CommunicationServiceManagementClient(credentialOf(app), subscription, { ...options, ...more });
const owner = communication(scene.owner);
const resources = owner.communicationServices;
const NEW = { location: "Global", dataLocation: "Europe" };

const all = async (pages) => {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
};
const unique = (stem) => `${stem}-${randomUUID().slice(0, 8)}`;

async function withResource(work) {
  const name = unique("judge");
  const made = await resources.beginCreateOrUpdateAndWait(group, name, NEW);
  try {
    return await work(name, made);
  } finally {
    await resources.beginDeleteAndWait(group, name);
  }
}

test("a name is free, then taken", async () => {
  const ask = (name) => resources.checkNameAvailability({ name, type: "Microsoft.Communication/CommunicationServices" });
  assert.equal((await ask(unique("free"))).nameAvailable, true);
  await withResource(async (name) => {
    const taken = await ask(name);
    assert.equal(taken.nameAvailable, false);
    assert.equal(taken.reason, "AlreadyExists");
  });
});

test("create gives the resource at once", async () => {
  await withResource(async (name, made) => {
    assert.equal(made.name, name);
    assert.equal(made.provisioningState, "Succeeded");
    assert.equal(made.dataLocation, "Europe");
    assert.match(made.immutableResourceId, /^[0-9a-f-]{36}$/);
    assert.ok(made.hostName.startsWith(`${name}.`));
    assert.equal(made.id.toLowerCase(),
      `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Communication/CommunicationServices/${name}`
        .toLowerCase());
  });
});

test("get finds what create made, in any case of its name", async () => {
  await withResource(async (name, made) => {
    assert.equal((await resources.get(group, name.toUpperCase())).immutableResourceId, made.immutableResourceId);
  });
});

test("create again keeps the resource", async () => {
  await withResource(async (name, made) => {
    const again = await resources.beginCreateOrUpdateAndWait(group, name, { ...NEW, tags: { team: "judges" } });
    assert.equal(again.immutableResourceId, made.immutableResourceId);
    assert.deepEqual(again.tags, { team: "judges" });
  });
});

test("lists by group and by subscription hold the resource", async () => {
  await withResource(async (name) => {
    assert.ok((await all(resources.listByResourceGroup(group))).some((one) => one.name === name));
    const everywhere = await all(resources.listBySubscription());
    assert.ok(everywhere.some((one) => one.name === name));
    assert.ok(everywhere.some((one) => one.name === scene.resource));
  });
});

test("update changes the tags and nothing else", async () => {
  await withResource(async (name, made) => {
    const changed = await resources.update(group, name, { tags: { stage: "test" } });
    assert.deepEqual(changed.tags, { stage: "test" });
    assert.equal(changed.immutableResourceId, made.immutableResourceId);
    assert.deepEqual((await resources.get(group, name)).tags, { stage: "test" });
  });
});

test("a system-assigned identity of the resource has a principal, and goes again", async () => {
  await withResource(async (name) => {
    const given = await resources.update(group, name, { identity: { type: "SystemAssigned" } });
    assert.match(given.identity.principalId, /^[0-9a-f-]{36}$/);
    assert.equal(given.identity.tenantId, scene.tenant);
    const gone = await resources.update(group, name, { identity: { type: "None" } });
    assert.equal(gone.identity?.principalId, undefined);
  });
});

const dataPlane = (connectionString) =>
  new CommunicationIdentityClient(connectionString, { additionalPolicies: [nearby] });

test("listKeys gives keys that open the data plane", async () => {
  await withResource(async (name, made) => {
    const keys = await resources.listKeys(group, name);
    for (const one of [keys.primaryConnectionString, keys.secondaryConnectionString]) {
      const user = await dataPlane(one).createUser();
      assert.ok(user.communicationUserId.includes(made.immutableResourceId));
    }
  });
});

test("regenerateKey replaces one key at once and leaves the other", async () => {
  await withResource(async (name) => {
    const before = await resources.listKeys(group, name);
    const renewed = await resources.regenerateKey(group, name, { keyType: "Primary" });
    assert.notEqual(renewed.primaryKey, before.primaryKey);
    assert.equal(renewed.secondaryKey, undefined);
    await assert.rejects(dataPlane(before.primaryConnectionString).createUser(), { statusCode: 401 });
    await dataPlane(before.secondaryConnectionString).createUser();
    await dataPlane(renewed.primaryConnectionString).createUser();
  });
});

test("a token opens the data plane of the new resource too", async () => {
  await withResource(async (name, made) => {
    const calls = new CommunicationIdentityClient(`https://${made.hostName}`, credentialOf(scene.owner),
      { additionalPolicies: [nearby] });
    assert.ok((await calls.createUser()).communicationUserId.includes(made.immutableResourceId));
  });
});

test("delete ends the resource; a second delete finds nothing and is no error", async () => {
  const name = unique("gone");
  await resources.beginCreateOrUpdateAndWait(group, name, NEW);
  await resources.beginDeleteAndWait(group, name);
  await assert.rejects(resources.get(group, name), { statusCode: 404, code: "ResourceNotFound" });
  await resources.beginDeleteAndWait(group, name);
});

test("the operations of the provider are listed", async () => {
  const names = (await all(owner.operations.list())).map((one) => one.name.toLowerCase());
  assert.ok(names.includes("microsoft.communication/communicationservices/write"));
});

test("a reader sees the resource but not its keys, and changes nothing", async () => {
  const reader = communication(scene.reader).communicationServices;
  assert.equal((await reader.get(group, scene.resource)).name, scene.resource);
  const refused = { statusCode: 403, code: "AuthorizationFailed" };
  await assert.rejects(reader.listKeys(group, scene.resource), refused);
  await assert.rejects(reader.update(group, scene.resource, { tags: { a: "b" } }), refused);
  await assert.rejects(reader.beginDeleteAndWait(group, scene.resource), refused);
});

test("an application without a role sees nothing", async () => {
  const outsider = communication(scene.outsider).communicationServices;
  await assert.rejects(outsider.get(group, scene.resource), { statusCode: 403, code: "AuthorizationFailed" });
  assert.deepEqual(await all(outsider.listBySubscription()).catch((error) => error.statusCode === 403 && []), []);
});

test("a token for the data plane opens no management API", async () => {
  const misled = communication(scene.owner, { credentialScopes: "https://communication.azure.com//.default" });
  await assert.rejects(misled.communicationServices.get(group, scene.resource), { statusCode: 401 });
});

test("the audience of Azure's own management API is taken too", async () => {
  const usual = communication(scene.owner, { credentialScopes: "https://management.azure.com/.default" });
  assert.equal((await usual.communicationServices.get(group, scene.resource)).name, scene.resource);
});

const authorization = (app) => new AuthorizationManagementClient(credentialOf(app), subscription, options);
const contributor = async () => {
  const found = await all(authorization(scene.owner).roleDefinitions.list(scene.resourceId,
    { filter: "roleName eq 'Contributor'" }));
  assert.equal(found.length, 1);
  assert.equal(found[0].roleName, "Contributor");
  assert.equal(found[0].name, "b24988ac-6180-42a0-ab88-20f7382dd24c");
  return found[0].id;
};

test("a role assignment opens the data plane at once, and its end closes it", async () => {
  const { roleAssignments } = authorization(scene.owner);
  const calls = new CommunicationIdentityClient(base, credentialOf(scene.outsider));
  await assert.rejects(calls.createUser(), { statusCode: 403 });
  const name = randomUUID();
  const content = { roleDefinitionId: await contributor(), principalId: scene.outsider.objectId,
    principalType: "ServicePrincipal" };
  const made = await roleAssignments.create(scene.resourceId, name, content);
  assert.equal(made.name, name);
  assert.equal(made.principalId, scene.outsider.objectId);
  await calls.createUser();
  assert.equal((await roleAssignments.get(scene.resourceId, name)).id, made.id);
  const filter = `principalId eq '${scene.outsider.objectId}'`;
  assert.deepEqual((await all(roleAssignments.listForScope(scene.resourceId, { filter }))).map((one) => one.name), [name]);
  await assert.rejects(roleAssignments.create(scene.resourceId, randomUUID(), content),
    { statusCode: 409, code: "RoleAssignmentExists" });
  await roleAssignments.delete(scene.resourceId, name);
  await assert.rejects(calls.createUser(), { statusCode: 403 });
  await roleAssignments.delete(scene.resourceId, name);
});

test("a contributor may not give roles", async () => {
  const content = { roleDefinitionId: await contributor(), principalId: scene.outsider.objectId };
  await assert.rejects(authorization(scene.worker).roleAssignments.create(scene.resourceId, randomUUID(), content),
    { statusCode: 403, code: "AuthorizationFailed" });
});

const identities = () => new ManagedServiceIdentityClient(credentialOf(scene.owner), subscription, options);

test("a user-assigned identity is made, listed, tagged and deleted", async () => {
  const { userAssignedIdentities } = identities();
  const name = unique("identity");
  const made = await userAssignedIdentities.createOrUpdate(group, name, { location: "global" });
  assert.match(made.clientId, /^[0-9a-f-]{36}$/);
  assert.match(made.principalId, /^[0-9a-f-]{36}$/);
  assert.equal(made.tenantId, scene.tenant);
  assert.equal((await userAssignedIdentities.get(group, name)).clientId, made.clientId);
  assert.ok((await all(userAssignedIdentities.listByResourceGroup(group))).some((one) => one.name === name));
  assert.ok((await all(userAssignedIdentities.listBySubscription())).some((one) => one.name === name));
  assert.deepEqual((await userAssignedIdentities.update(group, name, { location: "global", tags: { a: "b" } })).tags,
    { a: "b" });
  await userAssignedIdentities.delete(group, name);
  await assert.rejects(userAssignedIdentities.get(group, name), { statusCode: 404 });
  await userAssignedIdentities.delete(group, name);
});

test("a federated credential lets a foreign token stand for a user-assigned identity", async () => {
  const { federatedIdentityCredentials, userAssignedIdentities } = identities();
  const name = unique("federated");
  const made = await userAssignedIdentities.createOrUpdate(group, name, { location: "global" });
  const token = fs.readFileSync(scene.worker.federated, "utf8");
  const { iss, sub } = claims(token);
  const content = { issuer: iss, subject: sub, audiences: ["api://AzureADTokenExchange"] };
  const kept = await federatedIdentityCredentials.createOrUpdate(group, name, "of-subject", content);
  assert.equal(kept.issuer, iss);
  assert.deepEqual((await all(federatedIdentityCredentials.list(group, name))).map((one) => one.name), ["of-subject"]);
  const credential = new identity.ClientAssertionCredential(scene.tenant, made.clientId, async () => token, alone);
  const given = await credential.getToken("https://communication.azure.com//.default");
  assert.equal(claims(given.token).oid, made.principalId);
  await federatedIdentityCredentials.delete(group, name, "of-subject");
  const later = new identity.ClientAssertionCredential(scene.tenant, made.clientId, async () => token, alone);
  await assert.rejects(later.getToken("https://communication.azure.com//.default"), /70021/);
  await userAssignedIdentities.delete(group, name);
});
