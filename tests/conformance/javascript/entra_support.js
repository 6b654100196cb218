"use strict";
/* What the judges of bearer tokens share: the scene that ../entra/scene.py made, the ways to a credential, and
 * the command line that changes roles while a client runs. */
const dns = require("node:dns");
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");
const { promisify } = require("node:util");
const execute = promisify(require("node:child_process").execFile);
const { claims, sdk, which } = require("./support.js");

const identity = sdk("@azure/identity");
const scene = JSON.parse(fs.readFileSync(process.env.CALLGATE_SCENE, "utf8"));
const base = scene.endpoint.replace(/\/$/, "");
const authorityHost = base;
const nowhere = "dead0000-0000-4000-8000-000000000000";

async function callgate(...words) {
  const done = await execute(scene.program, [...words, "--json", "--data", scene.data]);
  return done.stdout.trim() ? JSON.parse(done.stdout) : undefined;
}

const giveRole = (principal, role) => callgate("role", "assign", principal, role, "--resource", scene.resource);
const takeRole = (principal, role) => callgate("role", "remove", principal, role, "--resource", scene.resource);
const revoke = (app) => callgate("app", "revoke", app);

const CHILD = which.startsWith("sms-") ? "sms_child.js" : "entra_child.js";

/** Runs CHILD in a process of its own, for this SDK keeps managed identities' tokens for a whole process,
 * and reads the environment when it is first used. What the child says; an Error with its words if it failed. */
async function inChild(variables, ...words) {
  const done = await execute(process.execPath, [...process.execArgv.filter((one) => !one.startsWith("--test")),
    path.join(__dirname, CHILD), ...words], { env: { ...process.env, ...variables } });
  return JSON.parse(done.stdout);
}

const appService = ({ IDENTITY_ENDPOINT, IDENTITY_HEADER }) => ({ IDENTITY_ENDPOINT, IDENTITY_HEADER });
const cloudShell = { MSI_ENDPOINT: `${scene.metadata}/msi/token` };
const of2017 = (one) => ({ MSI_ENDPOINT: one.IDENTITY_ENDPOINT, MSI_SECRET: one.IDENTITY_HEADER });
const metadata = { AZURE_POD_IDENTITY_AUTHORITY_HOST: scene.metadata };

/** Of a service principal: tenant "adfs" asks nobody else about our host. */
const principal = (app, more = {}) => ({
  AZURE_AUTHORITY_HOST: authorityHost, AZURE_TENANT_ID: "adfs", AZURE_CLIENT_ID: app.clientId, ...more,
});
const secretly = (app) => principal(app, { AZURE_CLIENT_SECRET: app.secret });
const federated = principal(scene.worker, { AZURE_FEDERATED_TOKEN_FILE: scene.worker.federated });
const alone = { authorityHost, disableInstanceDiscovery: true };

const { worker, user, system, tenant } = scene;
const managed = (options) => new identity.ManagedIdentityCredential(options);
/** Name, whose token it must be, variables, how to make the credential. */
const ways = [
  ["client secret, tenant adfs, environment", worker, secretly(worker), () => new identity.EnvironmentCredential()],
  ["client secret, tenant by id", worker, {},
    () => new identity.ClientSecretCredential(tenant, worker.clientId, worker.secret, alone)],
  ["client certificate, tenant adfs, environment", worker,
    principal(worker, { AZURE_CLIENT_CERTIFICATE_PATH: worker.certificate }), () => new identity.EnvironmentCredential()],
  ["client certificate, tenant by id", worker, {},
    () => new identity.ClientCertificateCredential(tenant, worker.clientId, worker.certificate, alone)],
  ["client certificate with its chain", worker, {},
    () => new identity.ClientCertificateCredential(tenant, worker.clientId, worker.certificate,
      { ...alone, sendCertificateChain: true })],
  ["client assertion", worker, {},
    () => new identity.ClientAssertionCredential(tenant, worker.clientId,
      async () => fs.readFileSync(worker.federated, "utf8"), alone)],
  ["workload identity, environment", worker, federated, () => new identity.WorkloadIdentityCredential()],
  ["workload identity, tenant by id", worker, {},
    () => new identity.WorkloadIdentityCredential({ ...alone, tenantId: tenant, clientId: worker.clientId,
      tokenFilePath: worker.federated })],
  ["managed identity, App Service, system-assigned", system, appService(system), () => managed()],
  ["managed identity, App Service, user-assigned", user, appService(user), () => managed()],
  ["managed identity, App Service, by client id", user, appService(user), () => managed({ clientId: user.clientId })],
  ["managed identity, App Service, by resource id", user, appService(user),
    () => managed({ resourceId: user.resourceId })],
  ["managed identity, App Service, by object id", user, appService(user), () => managed({ objectId: user.objectId })],
  ["managed identity, metadata service, system-assigned", system, metadata, () => managed()],
  ["managed identity, metadata service, by client id", user, metadata, () => managed({ clientId: user.clientId })],
  ["managed identity, metadata service, by resource id", user, metadata,
    () => managed({ resourceId: user.resourceId })],
  ["managed identity, metadata service, by object id", user, metadata, () => managed({ objectId: user.objectId })],
  ["managed identity, Cloud Shell", system, cloudShell, () => managed()],
  ["managed identity, App Service of 2017", system, of2017(system), () => managed()],
  ["default credential of a client secret", worker, secretly(worker), () => new identity.DefaultAzureCredential()],
  ["default credential of a workload identity", worker, federated, () => new identity.DefaultAzureCredential()],
  ["default credential of a managed identity", system, { ...appService(system), AZURE_TOKEN_CREDENTIALS: "prod" },
    () => new identity.DefaultAzureCredential()],
  // Told to use one class alone, this SDK forgets the options of the default credential: the environment names it.
  ["default credential of a managed identity, metadata service", user,
    { ...metadata, AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential", AZURE_CLIENT_ID: user.clientId },
    () => new identity.DefaultAzureCredential()],
].map(([name, who, variables, make]) => ({ name, who, variables, make }));

/** Every name below localhost is this machine, as RFC 6761 wants it; not every resolver knows. */
const agent = new https.Agent({
  lookup: (name, options, done) => dns.lookup(name.endsWith(".localhost") ? "localhost" : name, options, done),
});
const nearby = {
  policy: { name: "nearby", sendRequest: (request, next) => next(Object.assign(request, { agent })) },
  position: "perCall",
};

/** A credential of an application by its secret. */
const credentialOf = (app, secret = app.secret) =>
  new identity.ClientSecretCredential(tenant, app.clientId, secret, alone);

module.exports = {
  alone, appService, authorityHost, base, callgate, claims, credentialOf, giveRole, identity, inChild, managed, metadata, nearby,
  nowhere, revoke, scene, sdk, takeRole, ways,
};
