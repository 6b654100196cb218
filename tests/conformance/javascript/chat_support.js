"use strict";
/* What the judges of chat share: people with tokens of the identity SDK, their clients, and refusals. */
const assert = require("node:assert");
const { bare, sdk, secure, ways, which } = require("./support.js");

const chat = sdk("@azure/communication-chat");
const { AzureCommunicationTokenCredential } = sdk("@azure/communication-common");
const { CommunicationIdentityClient } = sdk("@azure/communication-identity");
const { AzureKeyCredential } = sdk("@azure/core-auth");

const oldest = which === "chat-oldest";
const newest = which === "chat-newest";
const THREAD = /^19:[A-Za-z0-9_-]{43}1@thread\.v2$/;
const EPOCH = new Date(0).getTime();

const identity = () => ways[0].make(CommunicationIdentityClient, AzureKeyCredential);

/** The endpoint as people write it; chat takes bearer tokens alone, and those over https alone. */
const ENDPOINTS = [
  ["https, bearer token of a user", bare(secure)],
  ["https, bearer token of a user, endpoint with slash", secure],
];

/** A user, how chat names him, and a client of his. */
class Person {
  constructor(user, token) {
    this.user = user;
    this.raw = user.communicationUserId;
    this.token = token;
    this.client = this.at(bare(secure));
  }

  at(endpoint, options) {
    return new chat.ChatClient(endpoint, new AzureCommunicationTokenCredential(this.token), options);
  }

  /** His view of a thread. */
  in(thread, options) {
    return (options ? this.at(bare(secure), options) : this.client).getChatThreadClient(thread.threadId ?? thread);
  }

  as(more = {}) {
    return { id: this.user, ...more };
  }
}

async function person(scopes = ["chat"]) {
  const made = await identity().createUserAndToken(scopes);
  return new Person(made.user, made.token);
}

const people = (n) => Promise.all(Array.from({ length: n }, () => person()));

/** A thread that `owner` made, with these in it. */
async function threadOf(owner, others = [], topic = "a thread") {
  const made = await owner.client.createChatThread({ topic }, { participants: others.map((one) => one.as()) });
  assert.equal(made.invalidParticipants, undefined);
  return owner.in(made.chatThread.id);
}

async function all(iterator) {
  const found = [];
  for await (const one of iterator) found.push(one);
  return found;
}

/** Sizes of the pages of a list, and all that was on them. */
async function pages(iterator) {
  const sizes = [], found = [];
  for await (const page of iterator.byPage()) {
    sizes.push(page.length);
    found.push(...page);
  }
  return { sizes, found };
}

async function refusal(work, status, code) {
  const error = await work.then(() => assert.fail("it should have been refused"), (thrown) => thrown);
  assert.equal(error.statusCode, status, error.stack);
  if (code && !oldest) assert.equal(error.code, code, error.message);
  else if (code) assert.equal(error.code ?? JSON.parse(error.message).error.code, code); // some show the body as it is
  assert.ok(error.message);
  return error;
}

/** Remembers what went out and came back, before the SDK reads it. */
function watching() {
  const seen = [];
  const ordinary = oldest ? new (sdk("@azure/core-http").DefaultHttpClient)()
    : sdk("@azure/core-rest-pipeline").createDefaultHttpClient();
  return {
    seen,
    sendRequest: async (request) => {
      const answer = await ordinary.sendRequest(request);
      seen.push({ url: request.url, method: request.method, headers: request.headers, body: request.body, answer });
      return answer;
    },
  };
}

module.exports = {
  ENDPOINTS, EPOCH, Person, THREAD, all, chat, identity, newest, oldest, pages, people, person, refusal, threadOf, watching,
};
