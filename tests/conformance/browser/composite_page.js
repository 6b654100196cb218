"use strict";
/* What a web page has: the chat composite of the official user interface library, as its manual puts it into a page. All
 * that the composite has no button for, its adapter and the chat client do here. */
import { createElement, useMemo } from "react";
import { createRoot } from "react-dom/client";
import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { ChatComposite, useAzureCommunicationChatAdapter } from "@azure/communication-react";

let adapter, client;

function Talk({ endpoint, token, userId, displayName, threadId }) {
  const credential = useMemo(() => new AzureCommunicationTokenCredential({
    token, refreshProactively: false, tokenRefresher: () => window.freshToken(),
  }), [token]);
  const user = useMemo(() => ({ communicationUserId: userId }), [userId]);
  adapter = useAzureCommunicationChatAdapter({ endpoint, credential, userId: user, displayName, threadId });
  return adapter ? createElement(ChatComposite, { adapter }) : null;
}

window.judge = {
  start(options) {
    const { endpoint, token } = options;
    client = new ChatClient(endpoint, new AzureCommunicationTokenCredential(token));
    const room = document.createElement("div");
    room.style.height = "96vh";
    document.body.append(room);
    createRoot(room).render(createElement(Talk, options));
  },

  /** What stands on the page, without what is only read aloud. */
  text() {
    const page = document.body.cloneNode(true);
    for (const one of page.querySelectorAll("[aria-live], script")) one.remove();
    return page.textContent;
  },

  setTopic: (topic) => adapter.setTopic(topic),

  removeParticipant: (id) => adapter.removeParticipant(id),

  async addParticipant(thread, id, displayName) {
    const participants = [{ id: { communicationUserId: id }, displayName }];
    await client.getChatThreadClient(thread).addParticipants({ participants });
  },
};
