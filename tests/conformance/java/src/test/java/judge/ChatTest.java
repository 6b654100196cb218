package judge;

import static judge.ChatSupport.UNKNOWN;
import static judge.ChatSupport.id;
import static judge.ChatSupport.identity;
import static judge.ChatSupport.ids;
import static judge.ChatSupport.none;
import static judge.ChatSupport.pages;
import static judge.ChatSupport.person;
import static judge.ChatSupport.recently;
import static judge.ChatSupport.refused;
import static judge.ChatSupport.text;
import static judge.ChatSupport.texts;
import static judge.ChatSupport.threadOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.chat.ChatAsyncClient;
import com.azure.communication.chat.ChatThreadAsyncClient;
import com.azure.communication.chat.ChatThreadClient;
import com.azure.communication.chat.models.AddChatParticipantsResult;
import com.azure.communication.chat.models.ChatError;
import com.azure.communication.chat.models.ChatMessage;
import com.azure.communication.chat.models.ChatMessageReadReceipt;
import com.azure.communication.chat.models.ChatMessageType;
import com.azure.communication.chat.models.ChatParticipant;
import com.azure.communication.chat.models.ChatThreadItem;
import com.azure.communication.chat.models.ChatThreadProperties;
import com.azure.communication.chat.models.CreateChatThreadOptions;
import com.azure.communication.chat.models.CreateChatThreadResult;
import com.azure.communication.chat.models.InvalidParticipantException;
import com.azure.communication.chat.models.ListChatMessagesOptions;
import com.azure.communication.chat.models.ListChatThreadsOptions;
import com.azure.communication.chat.models.ListParticipantsOptions;
import com.azure.communication.chat.models.ListReadReceiptOptions;
import com.azure.communication.chat.models.SendChatMessageOptions;
import com.azure.communication.chat.models.UpdateChatMessageOptions;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.common.PhoneNumberIdentifier;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.core.http.rest.Response;
import com.azure.core.util.Context;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import judge.ChatSupport.Person;
import judge.ChatSupport.Watching;
import judge.ChatSupport.Way;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;

/** com.azure:azure-communication-chat, every release, synchronous and asynchronous clients. */
class ChatTest {
    static final String NEVER_SENT = "1234567890123";

    static Stream<Way> ways() {
        return ChatSupport.ways();
    }

    @Test
    void theInstalledPackagesAreThoseOfTheKeptTable() throws Exception {
        JsonNode packages = Callgate.kept().get("packages");
        for (Map.Entry<String, JsonNode> row : (Iterable<Map.Entry<String, JsonNode>>) packages::fields) {
            assertEquals(row.getValue().asText(), Callgate.installed(row.getKey().replace("com.azure:", "")));
        }
    }

    private static ChatThreadClient at(Way way, Person person, String thread) {
        return person.builder(way.endpoint()).buildClient().getChatThreadClient(thread);
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void createChatThread_withParticipants(Way way) {
        Person ann = person();
        Person ben = person();
        CreateChatThreadOptions options = new CreateChatThreadOptions("Gr\u00fc\u00dfe \ud83c\udf88")
            .addParticipant(ben.as().setDisplayName("Ben"));
        Response<CreateChatThreadResult> answer =
            ann.builder(way.endpoint()).buildClient().createChatThreadWithResponse(options, Context.NONE);
        assertEquals(201, answer.getStatusCode());
        ChatThreadProperties made = answer.getValue().getChatThread();
        assertTrue(none(answer.getValue().getInvalidParticipants()));
        assertTrue(made.getId().matches(ChatSupport.THREAD));
        assertEquals("Gr\u00fc\u00dfe \ud83c\udf88", made.getTopic());
        assertEquals(ann.raw(), id(made.getCreatedBy()));
        recently(made.getCreatedOn());
        assertEquals(2, ben.in(made.getId()).listParticipants().stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void getProperties_andUpdateTopic(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        assertEquals("a thread", thread.getProperties().getTopic());
        assertEquals(204, thread.updateTopicWithResponse("another", Context.NONE).getStatusCode());
        assertEquals("another", thread.getPropertiesWithResponse(Context.NONE).getValue().getTopic());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void updateTopic_isToldToAll(Way way) {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann, ben);
        at(way, ann, thread).updateTopic("another");
        ChatMessage newest = ben.in(thread).listMessages().stream().findFirst().orElseThrow();
        assertEquals(ChatMessageType.TOPIC_UPDATED, newest.getType());
        assertEquals("another", newest.getContent().getTopic());
        assertEquals(ann.raw(), id(newest.getContent().getInitiator()));
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void listChatThreads_inPagesAndSinceATime(Way way) {
        Person ann = person();
        List<String> made = IntStream.range(0, 5).mapToObj(i -> threadOf(ann)).sorted().toList();
        com.azure.communication.chat.ChatClient client = ann.builder(way.endpoint()).buildClient();
        assertEquals(made, client.listChatThreads().stream().map(ChatThreadItem::getId).sorted().toList());
        recently(client.listChatThreads().stream().findFirst().orElseThrow().getLastMessageReceivedOn());
        assertEquals(List.of(2, 2, 1),
            pages(client.listChatThreads(new ListChatThreadsOptions().setMaxPageSize(2), Context.NONE)));
        OffsetDateTime later = OffsetDateTime.now(ZoneOffset.UTC).plusHours(1);
        assertEquals(0, client.listChatThreads(new ListChatThreadsOptions().setStartTime(later), Context.NONE).stream().count());
        assertEquals(5, client.listChatThreads(new ListChatThreadsOptions().setStartTime(later.minusHours(2)), Context.NONE)
            .stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void deleteChatThread_isGoneForAll(Way way) {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann, ben);
        assertEquals(204, ann.builder(way.endpoint()).buildClient().deleteChatThreadWithResponse(thread, Context.NONE)
            .getStatusCode());
        refused(404, "NotFound", () -> ben.in(thread).getProperties());
        assertEquals(0, ben.client().listChatThreads().stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void sendMessage_andGetIt(Way way) {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann, ben);
        String made = at(way, ann, thread).sendMessage(text("x < y & \"z\" \ud83c\udf88").setSenderDisplayName("Ann")).getId();
        ChatMessage told = ben.in(thread).getMessage(made);
        assertEquals("x < y & \"z\" \ud83c\udf88", told.getContent().getMessage());
        assertEquals(ChatMessageType.TEXT, told.getType());
        assertEquals("Ann", told.getSenderDisplayName());
        assertEquals(ann.raw(), id(told.getSender()));
        assertEquals(made, told.getVersion());
        assertEquals(Long.parseLong(made) / 1000, told.getCreatedOn().toEpochSecond());
        assertNull(told.getEditedOn());
        assertNull(told.getDeletedOn());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void getMessage_inHtml(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        SendChatMessageOptions html = new SendChatMessageOptions().setType(ChatMessageType.HTML)
            .setContent("<p>a <b>b</b></p><script>alert(1)</script>");
        ChatMessage told = thread.getMessage(thread.sendMessage(html).getId());
        assertEquals(ChatMessageType.HTML, told.getType());
        assertTrue(told.getContent().getMessage().contains("<b>b</b>"));
        assertFalse(told.getContent().getMessage().contains("alert"));
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void listMessages_inPages(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        List<String> made = IntStream.range(0, 23).mapToObj(i -> thread.sendMessage(text("" + i)).getId()).toList();
        assertEquals(List.of(10, 10, 5), pages(thread.listMessages()));
        assertEquals(List.of(9, 9, 7), pages(thread.listMessages(new ListChatMessagesOptions().setMaxPageSize(9), Context.NONE)));
        List<String> listed = ids(thread.listMessages(new ListChatMessagesOptions().setMaxPageSize(3), Context.NONE));
        assertEquals(25, listed.size());
        assertEquals(made, IntStream.rangeClosed(1, 23).mapToObj(i -> listed.get(23 - i)).toList());
        OffsetDateTime later = OffsetDateTime.now(ZoneOffset.UTC).plusHours(1);
        assertEquals(0, thread.listMessages(new ListChatMessagesOptions().setStartTime(later), Context.NONE).stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void updateMessage_bringsItToTheHead(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        String first = thread.sendMessage(text("1")).getId();
        thread.sendMessage(text("2"));
        thread.updateMessage(first, new UpdateChatMessageOptions().setContent("1 again"));
        ChatMessage head = thread.listMessages().stream().findFirst().orElseThrow();
        assertEquals(first, head.getId());
        assertEquals("1 again", head.getContent().getMessage());
        recently(head.getEditedOn());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void deleteMessage_leavesWhatItWas(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        String made = thread.sendMessage(text("x").setSenderDisplayName("Ann")).getId();
        thread.deleteMessage(made);
        assertEquals(204, thread.deleteMessageWithResponse(made, Context.NONE).getStatusCode());
        ChatMessage told = thread.getMessage(made);
        assertTrue(told.getContent().getMessage().isEmpty());
        assertEquals("Ann", told.getSenderDisplayName());
        recently(told.getDeletedOn());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void addParticipants_withAndWithoutHistory(Way way) {
        Person ann = person();
        Person ben = person();
        Person cal = person();
        String thread = threadOf(ann);
        OffsetDateTime since = OffsetDateTime.now(ZoneOffset.UTC).plusDays(1).withNano(0);
        AddChatParticipantsResult added = at(way, ann, thread).addParticipants(
            List.of(ben.as().setDisplayName("Ben").setShareHistoryTime(since), cal.as()));
        assertTrue(none(added.getInvalidParticipants()));
        List<ChatParticipant> listed = ann.in(thread).listParticipants().stream().toList();
        ChatParticipant his = listed.stream().filter(one -> id(one.getCommunicationIdentifier()).equals(ben.raw())).findFirst()
            .orElseThrow();
        assertEquals(3, listed.size());
        assertEquals("Ben", his.getDisplayName());
        assertEquals(since.toInstant(), his.getShareHistoryTime().toInstant());
        assertEquals(0, ben.in(thread).listMessages().stream().count());
        assertEquals(3, cal.in(thread).listMessages().stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void addParticipant_one(Way way) {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann);
        at(way, ann, thread).addParticipant(ben.as());
        at(way, ann, thread).addParticipant(ben.as());
        assertEquals(2, ben.in(thread).listParticipants().stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void listParticipants_inPagesWithSkip(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann, person(), person(), person()));
        assertEquals(List.of(3, 1), pages(thread.listParticipants(new ListParticipantsOptions().setMaxPageSize(3), Context.NONE)));
        assertEquals(2, thread.listParticipants(new ListParticipantsOptions().setSkip(2), Context.NONE).stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void removeParticipant_whoStillReadsWhatWasSaid(Way way) {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann, ben);
        ChatThreadClient hers = at(way, ann, thread);
        ChatThreadClient his = ben.in(thread);
        String made = hers.sendMessage(text("before")).getId();
        hers.removeParticipant(ben.user());
        hers.sendMessage(text("after"));
        assertEquals(List.of("before"), texts(his));
        assertEquals(1, ben.client().listChatThreads().stream().count());
        refused(403, "Forbidden", () -> his.sendMessage(text("x")));
        refused(403, "Forbidden", () -> his.listParticipants().stream().count());
        refused(403, "Forbidden", his::sendTypingNotification);
        refused(403, "Forbidden", () -> his.sendReadReceipt(made));
        refused(403, "Forbidden", () -> his.listReadReceipts().stream().count());
        refused(404, "NotFound", () -> hers.removeParticipant(ben.user()));
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void sendTypingNotification(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        thread.sendTypingNotification();
        assertEquals(200, thread.sendTypingNotificationWithResponse(Context.NONE).getStatusCode());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void sendReadReceipt_ofTheNewest(Way way) {
        Person ann = person();
        ChatThreadClient thread = at(way, ann, threadOf(ann));
        String first = thread.sendMessage(text("1")).getId();
        String second = thread.sendMessage(text("2")).getId();
        thread.sendReadReceipt(second);
        assertEquals(200, thread.sendReadReceiptWithResponse(first, Context.NONE).getStatusCode());
        ChatMessageReadReceipt receipt = thread.listReadReceipts().stream().findFirst().orElseThrow();
        assertEquals(second, receipt.getChatMessageId());
        assertEquals(ann.raw(), id(receipt.getSender()));
        recently(receipt.getReadOn());
        refused(404, "NotFound", () -> thread.sendReadReceipt(NEVER_SENT));
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void listReadReceipts_inPagesWithSkip(Way way) {
        Person[] others = {person(), person()};
        Person ann = person();
        String thread = threadOf(ann, others);
        String made = ann.in(thread).sendMessage(text("x")).getId();
        ann.in(thread).sendReadReceipt(made);
        Stream.of(others).forEach(one -> one.in(thread).sendReadReceipt(made));
        ChatThreadClient hers = at(way, ann, thread);
        assertEquals(3, hers.listReadReceipts().stream().count());
        assertEquals(List.of(2, 1), pages(hers.listReadReceipts(new ListReadReceiptOptions().setMaxPageSize(2), Context.NONE)));
        assertEquals(1, hers.listReadReceipts(new ListReadReceiptOptions().setSkip(2), Context.NONE).stream().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void sendMessage_byTheAsynchronousClient(Way way) {
        Person ann = person();
        Person ben = person();
        ChatAsyncClient client = ann.builder(way.endpoint()).buildAsyncClient();
        String id = client.createChatThread(new CreateChatThreadOptions("t").addParticipant(ben.as())).block().getChatThread().getId();
        ChatThreadAsyncClient thread = client.getChatThreadClient(id);
        List<String> made = Flux.range(0, 40).flatMap(i -> thread.sendMessage(text("" + i)).map(sent -> sent.getId()))
            .collectList().block();
        assertEquals(40, made.stream().distinct().count());
        assertEquals(42, thread.listMessages().collectList().block().size());
        thread.updateMessage(made.get(0), new UpdateChatMessageOptions().setContent("y")).block();
        assertEquals("y", thread.getMessage(made.get(0)).block().getContent().getMessage());
        thread.deleteMessage(made.get(1)).block();
        thread.sendReadReceipt(made.get(2)).block();
        assertEquals(1, thread.listReadReceipts().collectList().block().size());
        thread.sendTypingNotification().block();
        thread.removeParticipant(ben.user()).block();
        assertEquals(1, thread.listParticipants().collectList().block().size());
        client.deleteChatThread(id).block();
        assertEquals(0, client.listChatThreads().collectList().block().size());
    }

    @Test
    void whatGoesOverTheWire() throws Exception {
        Watching wire = new Watching();
        Person ann = person();
        com.azure.communication.chat.ChatClient client =
            ann.builder(Callgate.bare(Callgate.ENDPOINT)).httpClient(wire).buildClient();
        String thread = client.createChatThread(new CreateChatThreadOptions("t").setIdempotencyToken("once")).getChatThread().getId();
        client.getChatThreadClient(thread).updateTopic("u");
        String version = "api-version=" + Callgate.kept().get("apiVersion").asText();
        assertTrue(wire.asked.get(0).getUrl().toString().contains(version), wire.asked.get(0).getUrl()::toString);
        assertEquals("once", wire.asked.get(0).getHeaders().getValue("repeatability-request-id"));
        assertEquals("application/merge-patch+json", wire.asked.get(1).getHeaders().getValue("Content-Type"));
    }

    @Test
    void theSameIdempotencyTokenGivesTheSameThread() {
        Person ann = person();
        Person ben = person();
        String token = UUID.randomUUID().toString();
        CreateChatThreadOptions options = new CreateChatThreadOptions("t").setIdempotencyToken(token);
        String first = ann.client().createChatThread(options).getChatThread().getId();
        assertEquals(first, ann.client().createChatThread(options.addParticipant(ben.as())).getChatThread().getId());
        assertNotEquals(first, ben.client().createChatThread(options).getChatThread().getId());
        assertNotEquals(first, ann.client().createChatThread(new CreateChatThreadOptions("t")).getChatThread().getId());
        assertEquals(1, ann.in(first).listParticipants().stream().count());
    }

    @Test
    void whoCannotBeAParticipantIsNamed() {
        Person ann = person();
        Person ben = person();
        Person gone = person();
        identity().deleteUser(gone.user());
        String foreign = "8:acs:11111111-1111-1111-1111-111111111111_" + ben.raw().split("_")[1];
        List<ChatParticipant> people = List.of(ben.as(),
            new ChatParticipant().setCommunicationIdentifier(new CommunicationUserIdentifier(foreign)), gone.as(),
            new ChatParticipant().setCommunicationIdentifier(new PhoneNumberIdentifier("+14255550123")));
        CreateChatThreadResult made = ann.client().createChatThread(new CreateChatThreadOptions("t").setParticipants(people));
        assertEquals(List.of("403", "404", "400"), made.getInvalidParticipants().stream().map(ChatError::getCode).toList());
        assertEquals(List.of(foreign, gone.raw()),
            made.getInvalidParticipants().stream().map(ChatError::getTarget).limit(2).toList());
        ChatThreadClient thread = ann.in(made.getChatThread().getId());
        assertEquals(2, thread.listParticipants().stream().count());
        assertEquals(3, thread.addParticipants(people).getInvalidParticipants().size());
        assertThrows(InvalidParticipantException.class, () -> thread.addParticipant(gone.as()));
    }

    private static List<Consumer<ChatThreadClient>> operations(String made, Person other) {
        return List.of(ChatThreadClient::getProperties, one -> one.updateTopic("x"), one -> one.sendMessage(text("x")),
            one -> one.getMessage(made), one -> one.listMessages().stream().count(),
            one -> one.updateMessage(made, new UpdateChatMessageOptions().setContent("x")), one -> one.deleteMessage(made),
            one -> one.addParticipants(List.of(other.as())), one -> one.listParticipants().stream().count(),
            one -> one.removeParticipant(other.user()), ChatThreadClient::sendTypingNotification,
            one -> one.sendReadReceipt(made), one -> one.listReadReceipts().stream().count());
    }

    @Test
    void aStrangerIsRefusedAndAnUnknownThreadIsNotFound() {
        Person ann = person();
        Person mallory = person();
        String thread = threadOf(ann);
        String made = ann.in(thread).sendMessage(text("x")).getId();
        for (Consumer<ChatThreadClient> work : operations(made, ann)) {
            refused(403, "Forbidden", () -> work.accept(mallory.in(thread)));
            refused(404, "NotFound", () -> work.accept(mallory.in(UNKNOWN)));
        }
        refused(403, "Forbidden", () -> mallory.client().deleteChatThread(thread));
        refused(404, "NotFound", () -> mallory.client().deleteChatThread(UNKNOWN));
    }

    @Test
    void anothersMessageIsNotOnesOwn() {
        Person ann = person();
        Person ben = person();
        String thread = threadOf(ann, ben);
        String made = ann.in(thread).sendMessage(text("x")).getId();
        String system = ids(ann.in(thread).listMessages()).get(2);
        for (String one : List.of(made, system)) {
            refused(403, "Forbidden", () -> ben.in(thread).updateMessage(one, new UpdateChatMessageOptions().setContent("y")));
            refused(403, "Forbidden", () -> ben.in(thread).deleteMessage(one));
        }
    }

    @Test
    void whatIsWrongInARequest() {
        Person ann = person();
        ChatThreadClient thread = ann.in(threadOf(ann));
        refused(400, "BadRequest", () -> ann.client().createChatThread(new CreateChatThreadOptions("")));
        refused(400, "BadRequest", () -> thread.sendMessage(text("")));
        refused(400, "BadRequest", () -> thread.sendMessage(text("x").setType(ChatMessageType.TOPIC_UPDATED)));
        refused(413, "", () -> thread.sendMessage(text("x".repeat(28673))));
        assertFalse(thread.sendMessage(text("x".repeat(28672))).getId().isEmpty());
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"chat.join", "chat.join.limited"})
    void aTokenForGuestsOpensWhatItShould(String scope) {
        Person ann = person();
        Person ben = person();
        Person guest = person(CommunicationTokenScope.fromString(scope));
        String thread = threadOf(ann, guest);
        ChatThreadClient his = guest.in(thread);
        refused(403, "Forbidden", () -> guest.client().createChatThread(new CreateChatThreadOptions("x")));
        refused(403, "Forbidden", () -> his.updateTopic("x"));
        refused(403, "Forbidden", () -> guest.client().deleteChatThread(thread));
        if (scope.equals("chat.join")) {
            his.addParticipants(List.of(ben.as()));
            his.removeParticipant(ben.user());
        } else {
            refused(403, "Forbidden", () -> his.addParticipants(List.of(ben.as())));
            refused(403, "Forbidden", () -> his.removeParticipant(ann.user()));
        }
        String made = his.sendMessage(text("x")).getId();
        his.updateMessage(made, new UpdateChatMessageOptions().setContent("y"));
        his.sendReadReceipt(made);
        assertEquals("y", his.getMessage(made).getContent().getMessage());
        assertEquals("a thread", his.getProperties().getTopic());
        his.deleteMessage(made);
    }

    @Test
    void aTokenForCallsAndADeadOneOpenNothing() {
        Person caller = person(CommunicationTokenScope.VOIP);
        refused(403, "Forbidden", () -> caller.client().createChatThread(new CreateChatThreadOptions("x")));
        refused(403, "Forbidden", () -> caller.client().listChatThreads().stream().count());
        Person ann = person();
        String thread = threadOf(ann);
        identity().revokeTokens(ann.user());
        refused(401, "Unauthorized", () -> ann.in(thread).sendMessage(text("x")));
    }
}
