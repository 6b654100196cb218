"use strict";
/* What a web page has: the chat SDK as a bundle, told from outside what to do. Events are kept as the SDK gave them. */
import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

const EVENTS = [
  "chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "typingIndicatorReceived", "readReceiptReceived",
  "chatThreadCreated", "chatThreadPropertiesUpdated", "chatThreadDeleted", "participantsAdded", "participantsRemoved",
  "realTimeNotificationConnected", "realTimeNotificationDisconnected",
];

let client;
const seen = [];

window.judge = {
  seen,

  /** Makes the client; `freshToken` is the page's way to get one from its back end. */
  async start(endpoint, token) {
    const credential = new AzureCommunicationTokenCredential({
      token, refreshProactively: false, tokenRefresher: () => window.freshToken(),
    });
    client = new ChatClient(endpoint, credential);
    await client.startRealtimeNotifications();
    for (const name of EVENTS)
      client.on(name, (event) => seen.push({ name, event: JSON.parse(JSON.stringify(event ?? null)) }));
  },

  stop: () => client.stopRealtimeNotifications(),

  /** Calls of REST: of the client, or of a thread's client. */
  async call(thread, method, ...args) {
    const answer = await (thread ? client.getChatThreadClient(thread) : client)[method](...args);
    return JSON.parse(JSON.stringify(answer ?? null));
  },
};
