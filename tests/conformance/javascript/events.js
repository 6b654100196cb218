"use strict";
/* The official Event Grid library reads what webhooks get: validations, text messages, delivery reports, in both
 * schemas, alone and in batches. It throws for an event that is not to its form. */
const assert = require("node:assert");
const crypto = require("node:crypto");
const http = require("node:http");
const { after, before, test } = require("node:test");
const { admin, env, installed, kept, plain, sdk, until } = require("./support");

const { EventGridDeserializer, isSystemEvent } = sdk("@azure/eventgrid");
const SENDER = "+18005550100";
const ECHO = "+19995553246"; // accepted, delivered, and the same text comes back
const TYPES = {
  received: "Microsoft.Communication.SMSReceived",
  report: "Microsoft.Communication.SMSDeliveryReportReceived",
  validation: "Microsoft.EventGrid.SubscriptionValidationEvent",
  deleted: "Microsoft.EventGrid.SubscriptionDeletedEvent",
};

const got = [];
const reader = new EventGridDeserializer();
let receiver;

/** A receiver as one writes it with the library. */
async function receive(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (request.method === "OPTIONS") {
    response.setHeader("WebHook-Allowed-Origin", request.headers["webhook-request-origin"]);
    response.end();
    return;
  }
  const body = Buffer.concat(parts).toString();
  const cloud = request.headers["content-type"].startsWith("application/cloudevents");
  const events = await (cloud ? reader.deserializeCloudEvents(body) : reader.deserializeEventGridEvents(body));
  let answer = {};
  for (const event of events) {
    got.push({ path: request.url, body, event });
    if (isSystemEvent(TYPES.validation, event)) answer = { validationResponse: event.data.validationCode };
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(answer));
}

before(async () => {
  receiver = http.createServer((request, response) =>
    receive(request, response).catch((error) => {
      got.push({ path: request.url, error });
      response.statusCode = 500;
      response.end();
    }));
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});
after(() => {
  receiver.closeAllConnections();
  receiver.close();
});

const of = (name) => got.filter((item) => item.path === `/${name}`);

async function subscribe(name, members = {}) {
  const path = `/admin/events/subscriptions/${name}`;
  await admin("PUT", path, { endpoint: `http://localhost:${receiver.address().port}/${name}`, ...members });
  for (let i = 0; i < 200; i++) {
    const { provisioningState, lastError } = await admin("GET", path);
    if (provisioningState === "Succeeded") return;
    assert.notEqual(provisioningState, "Failed", lastError);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${name} was not validated: ${JSON.stringify(got)}`);
}

function send(to, tag) {
  const url = new URL("sms?api-version=2026-01-23", plain);
  const body = JSON.stringify({
    from: SENDER, smsRecipients: [{ to }], message: "Hellö", smsSendOptions: { enableDeliveryReport: true, tag },
  });
  const date = new Date().toUTCString();
  const hash = crypto.createHash("sha256").update(body).digest("base64");
  const text = `POST\n${url.pathname}${url.search}\n${date};${url.host};${hash}`;
  const mac = crypto.createHmac("sha256", Buffer.from(env.CALLGATE_PRIMARY_KEY, "base64")).update(text);
  return fetch(url, {
    method: "POST", body,
    headers: {
      "content-type": "application/json", "x-ms-date": date, "x-ms-content-sha256": hash,
      authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${mac.digest("base64")}`,
    },
  }).then(async (response) => {
    assert.equal(response.status, 202);
    return (await response.json()).value[0].messageId;
  });
}

async function eventOf(name, type) {
  await until(() => of(name).some(({ event, error }) => error || isSystemEvent(type, event)), `${type} at ${name}`);
  for (const { error } of of(name)) assert.ifError(error);
  return of(name).find(({ event }) => isSystemEvent(type, event)).event;
}

test("the library is the one that is judged by", () => {
  for (const [name, version] of Object.entries(kept.packages)) assert.equal(installed(name), version);
});

test("a validation in the Event Grid schema is a system event", async () => {
  await subscribe("validated");
  const event = await eventOf("validated", TYPES.validation);
  assert.match(event.data.validationCode, /^[0-9a-f-]{36}$/);
  assert.match(event.data.validationUrl, /^https:\/\/localhost:\d+\/events\/validate\?token=[0-9a-f]{32}$/);
});

for (const [schema, batch] of [["EventGridSchema", 1], ["EventGridSchema", 10], ["CloudEventSchemaV1_0", 1],
  ["CloudEventSchemaV1_0", 10]]) {
  const name = `${schema.toLowerCase().replace("_", "-")}-${batch}`;

  test(`reports and messages in ${schema}, ${batch} a request`, async () => {
    await subscribe(name, { schema, maxEventsPerBatch: batch });
    const id = await send(ECHO, "a tag");
    const report = await eventOf(name, TYPES.report);
    assert.equal(report.id, id);
    assert.equal(report.subject, `/phonenumber/${SENDER.slice(1)}`);
    assert.equal(report.data.messageId, id);
    assert.equal(report.data.from, SENDER.slice(1));
    assert.equal(report.data.to, ECHO);
    assert.equal(report.data.deliveryStatus, "Delivered");
    assert.equal(report.data.tag, "a tag");
    assert.ok(report.data.receivedTimestamp);
    const [attempt] = report.data.deliveryAttempts;
    assert.equal(attempt.segmentsSucceeded, 1);
    assert.equal(attempt.segmentsFailed, 0);
    const received = await eventOf(name, TYPES.received);
    assert.equal(received.data.message, "Hellö");
    assert.equal(received.data.from, ECHO.slice(1));
    assert.equal(received.data.to, SENDER.slice(1));
    const when = received.eventTime ?? received.time;
    assert.ok(when instanceof Date && Math.abs(when - Date.now()) < 60000, "a time of the library's own type");
    assert.match(received.topic ?? received.source, /\/providers\/Microsoft\.Communication\//i);
    await admin("DELETE", `/admin/events/subscriptions/${name}`);
  });
}

const CHAT = ["ChatMessageReceived", "ChatMessageEdited", "ChatMessageDeleted", "ChatThreadCreatedWithUser",
  "ChatThreadWithUserDeleted", "ChatThreadPropertiesUpdatedPerUser", "ChatParticipantAddedToThreadWithUser",
  "ChatParticipantRemovedFromThreadWithUser", "ChatMessageReceivedInThread", "ChatMessageEditedInThread",
  "ChatMessageDeletedInThread", "ChatThreadCreated", "ChatThreadDeleted", "ChatThreadPropertiesUpdated",
  "ChatThreadParticipantAdded", "ChatThreadParticipantRemoved"].map((name) => `Microsoft.Communication.${name}`);

async function person() {
  const { id } = await admin("POST", "/admin/users", {});
  const { token } = await admin("POST", `/admin/users/${encodeURIComponent(id)}:issueToken`, { scopes: ["chat"] });
  return { id, token, communicationIdentifier: { communicationUser: { id } } };
}

async function chat(who, method, path, body) {
  const response = await fetch(new URL(`chat/threads${path}?api-version=2025-03-15`, plain), {
    method, body: body && JSON.stringify(body),
    headers: {
      authorization: `Bearer ${who.token}`,
      "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
    },
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  const text = await response.text();
  return text && JSON.parse(text);
}

for (const schema of ["EventGridSchema", "CloudEventSchemaV1_0"]) {
  test(`every type of chat in ${schema}`, async () => {
    const name = `chat-${schema.toLowerCase().replace("_", "-")}`;
    await subscribe(name, { schema, maxEventsPerBatch: 100 });
    const [anna, ben, cleo] = [await person(), await person(), await person()];
    const people = (...them) => ({ participants: them.map(({ communicationIdentifier }) => ({ communicationIdentifier })) });
    const { chatThread } = await chat(anna, "POST", "", { topic: "Lunch", ...people(ben) });
    const at = `/${encodeURIComponent(chatThread.id)}`;
    const { id } = await chat(anna, "POST", `${at}/messages`, { content: "hello", metadata: { k: "v" } });
    await chat(anna, "PATCH", `${at}/messages/${id}`, { content: "hello again" });
    await chat(anna, "DELETE", `${at}/messages/${id}`);
    await chat(anna, "PATCH", at, { topic: "Dinner" });
    await chat(anna, "POST", `${at}/participants/:add`, people(cleo));
    await chat(anna, "POST", `${at}/participants/:remove`, cleo.communicationIdentifier);
    await chat(anna, "DELETE", at);
    const events = {};
    for (const type of CHAT) events[type] = await eventOf(name, type);
    for (const event of Object.values(events)) {
      assert.equal(event.data.threadId, chatThread.id);
      assert.ok(event.subject.startsWith(`thread/${chatThread.id}/`));
    }
    const { data } = events["Microsoft.Communication.ChatMessageReceived"];
    assert.equal(data.messageBody, "hello");
    assert.equal(data.messageId, id);
    assert.equal(data.version, Number(id));
    assert.equal(data.recipientId, ben.id);
    assert.equal(new Date(data.composeTime).getTime(), Number(id));
    assert.deepEqual({ ...data.metadata }, { k: "v" });
    const created = events["Microsoft.Communication.ChatThreadCreatedWithUser"].data;
    assert.deepEqual(created.participants.map((one) => one.participantCommunicationIdentifier.rawId).sort(),
      [anna.id, ben.id].sort());
    await admin("DELETE", `/admin/events/subscriptions/${name}`);
  });
}

test("the end of a subscription is a system event", async () => {
  await subscribe("ended");
  await admin("DELETE", "/admin/events/subscriptions/ended");
  const event = await eventOf("ended", TYPES.deleted);
  assert.match(event.data.eventSubscriptionId, /\/eventSubscriptions\/ended$/);
});
