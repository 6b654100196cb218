package judge;

import static judge.SmsSupport.FROM;
import static judge.SmsSupport.assertRefused;
import static judge.SmsSupport.assertSent;
import static judge.SmsSupport.builder;
import static judge.SmsSupport.client;
import static judge.SmsSupport.list;
import static judge.SmsSupport.refused;
import static judge.SmsSupport.report;
import static judge.SmsSupport.someone;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.sms.SmsAsyncClient;
import com.azure.communication.sms.SmsClientBuilder;
import com.azure.communication.sms.models.SmsSendOptions;
import com.azure.communication.sms.models.SmsSendResult;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.http.rest.Response;
import com.azure.core.util.Context;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import judge.Callgate.Way;
import judge.SmsSupport.Watching;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** com.azure:azure-communication-sms, every release, synchronous and asynchronous clients. */
class SmsTest {
    private static final String WRONG = "A".repeat(86) + "==";

    static Stream<Way> ways() {
        return Callgate.ways();
    }

    private static SmsSendOptions reported(String tag) {
        return new SmsSendOptions().setDeliveryReportEnabled(true).setTag(tag);
    }

    @Test
    void theInstalledPackagesAreThoseOfTheKeptTable() throws Exception {
        JsonNode packages = Callgate.kept().get("packages");
        for (Map.Entry<String, JsonNode> row : (Iterable<Map.Entry<String, JsonNode>>) packages::fields) {
            assertEquals(row.getValue().asText(), Callgate.installed(row.getKey().replace("com.azure:", "")));
        }
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void send_toOneGivesAnIdAnd202(Way way) {
        String to = someone();
        assertSent(builder(way).buildClient().send(FROM, to, "Hello"), to);
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void send_toManyGivesAnItemEachInOrderANumberTwiceToo(Way way) {
        List<String> to = new ArrayList<>(List.of(someone(), someone(), someone()));
        to.add(to.get(0));
        Response<Iterable<SmsSendResult>> answer =
            builder(way).buildClient().sendWithResponse(FROM, to, "Hello", reported("all"), Context.NONE);
        assertEquals(202, answer.getStatusCode());
        List<SmsSendResult> given = list(answer.getValue());
        assertEquals(4, given.size());
        for (int i = 0; i < 4; i++) {
            assertSent(given.get(i), to.get(i));
        }
        assertEquals(4, given.stream().map(SmsSendResult::getMessageId).distinct().count());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void send_byTheAsynchronousClient(Way way) {
        SmsAsyncClient client = builder(way).buildAsyncClient();
        String to = someone();
        String other = someone();
        assertSent(client.send(FROM, to, "Hello").block(), to);
        assertSent(client.send(FROM, to, "Hello", reported("t")).block(), to);
        List<SmsSendResult> given = list(client.send(FROM, List.of(to, other), "Hello").block());
        assertSent(given.get(0), to);
        assertSent(given.get(1), other);
    }

    @Test
    void whatGoesOverTheWire() {
        Watching wire = new Watching(0);
        builder().httpClient(wire).buildClient().send(FROM, someone(), "x");
        builder().httpClient(wire).buildClient().send(FROM, someone(), "x", reported("t"));
        assertTrue(wire.urls.get(0).endsWith("/sms?api-version=2021-03-07"), wire.urls.get(0));
        assertTrue(wire.bodies.get(0).path("smsSendOptions").isMissingNode());
        assertEquals("{\"enableDeliveryReport\":true,\"tag\":\"t\"}", wire.bodies.get(1).get("smsSendOptions").toString());
        JsonNode recipient = wire.bodies.get(0).get("smsRecipients").get(0);
        assertTrue(recipient.get("repeatabilityRequestId").asText().matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
        assertTrue(recipient.get("repeatabilityFirstSent").asText().endsWith(" GMT"));
    }

    @Test
    void theRawAnswer() {
        Response<Iterable<SmsSendResult>> answer =
            client().sendWithResponse(FROM, List.of(someone()), "x", null, Context.NONE);
        assertEquals(202, answer.getStatusCode());
        assertTrue(answer.getHeaders().getValue("api-supported-versions").contains("2021-03-07, "));
        assertEquals("application/json; charset=utf-8", answer.getHeaders().getValue("Content-Type"));
    }

    @Test
    void theReportDeliveredWithTagAndNumbers() throws Exception {
        String to = someone();
        JsonNode told = report(client().send(FROM, to, "Hello", reported("t 1")).getMessageId());
        assertEquals("Delivered", told.get("deliveryStatus").asText());
        assertTrue(told.get("deliveryStatusDetails").asText().startsWith("2000"));
        assertEquals("t 1", told.get("tag").asText());
        assertEquals(FROM, told.get("from").asText());
        assertEquals(to, told.get("to").asText());
        assertEquals(1, told.get("deliveryAttempts").size());
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"4004", "4006", "5000", "9999"})
    void aNumberThatStandsForAFailureIsAcceptedAndTheReportSaysSo(String code) throws Exception {
        String to = "+1999555" + code;
        SmsSendResult item = client().send(FROM, to, "x", reported(null));
        assertSent(item, to);
        JsonNode told = report(item.getMessageId());
        assertEquals("Failed", told.get("deliveryStatus").asText());
        assertTrue(told.get("deliveryStatusDetails").asText().startsWith(code));
    }

    @ParameterizedTest(name = "[{0}]")
    @CsvSource({"+19995550400, 400, ' '", "+19995550500, 500, Internal Server Error",
        "+19995550503, 503, ServiceUnavailable"})
    void oneRecipientOfSeveralFailsAndTheOthersAreSentTo(String to, int status, String text) {
        String good = someone();
        List<SmsSendResult> given = list(client().send(FROM, List.of(good, to, good), "x"));
        assertSent(given.get(0), good);
        assertRefused(given.get(1), to, status, text);
        assertSent(given.get(2), good);
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"", "abc", "+123", "14255550101", "+1 425 555 0101", "+112345678901"})
    void aMalformedRecipientIsRefusedAlone(String bad) {
        String good = someone();
        List<SmsSendResult> given = list(client().send(FROM, List.of(bad, good), "x"));
        assertRefused(given.get(0), bad, 400, "Invalid To phone number format.");
        assertSent(given.get(1), good);
        assertRefused(client().send(FROM, bad, "x"), bad, 400, "phone number format");
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"", "abc!", "+123", "1234567", "an id that is too long"})
    void aMalformedSenderIsRefused(String sender) {
        refused(400, "Invalid From phone number format", () -> client().send(sender, someone(), "x"));
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"+14255550100", "12345", "123456", "Contoso", "My Shop 1"})
    void aWellFormedSenderIsTaken(String sender) {
        String to = someone();
        assertSent(client().send(sender, to, "x"), to);
    }

    @Test
    void aTextOf2048CharactersPassesAndOneOf2049DoesNot() {
        String to = someone();
        assertSent(client().send(FROM, to, "\u0436".repeat(2048)), to);
        refused(400, "Message", () -> client().send(FROM, to, "a".repeat(2049)));
    }

    @Test
    void aHundredRecipientsPassAndOneMoreOrNoneDoNot() {
        List<String> to = Stream.generate(SmsSupport::someone).limit(101).toList();
        List<SmsSendResult> given = list(client().send(FROM, to.subList(1, 101), "x"));
        assertEquals(100, given.size());
        for (int i = 0; i < 100; i++) {
            assertSent(given.get(i), to.get(i + 1));
        }
        refused(400, "Max of 100 phone numbers", () -> client().send(FROM, to, "x"));
        refused(400, "SmsRecipients", () -> client().send(FROM, List.of(), "x"));
    }

    @Test
    void after429TheSameIdsAreRepeatedAndPass() {
        Watching wire = new Watching(0);
        String to = "+19995550429";
        assertSent(builder().httpClient(wire).buildClient().send(FROM, to, "x"), to);
        assertEquals(List.of(429, 202), wire.statuses);
        assertEquals(wire.bodies.get(0), wire.bodies.get(1));
    }

    @Test
    void anAnswerThatIsLostTheRepeatedRequestIsOneMessage() throws Exception {
        Watching wire = new Watching(1);
        String to = someone();
        SmsSendResult item = builder().httpClient(wire).buildClient().send(FROM, to, "x", reported("t"));
        assertSent(item, to);
        assertEquals(List.of(202, 202), wire.statuses);
        assertEquals(wire.bodies.get(0), wire.bodies.get(1));
        assertEquals(to, report(item.getMessageId()).get("to").asText());
    }

    @Test
    void manySendsOverOneClient() {
        SmsAsyncClient client = builder().buildAsyncClient();
        List<String> ids = reactor.core.publisher.Flux.range(0, 40)
            .flatMap(i -> client.send(FROM, someone(), "x").map(SmsSendResult::getMessageId)).collectList().block();
        assertEquals(40, ids.stream().distinct().count());
    }

    @Test
    void aWrongKeyIsDenied() {
        refused(401, "Denied by the resource provider.", () -> new SmsClientBuilder().httpClient(Callgate.SDK_HTTP)
            .connectionString(Callgate.connection(Callgate.ENDPOINT, WRONG)).buildClient().send(FROM, someone(), "x"));
        refused(401, "Denied by the resource provider.", () -> new SmsClientBuilder().httpClient(Callgate.SDK_HTTP)
            .endpoint(Callgate.ENDPOINT).credential(new AzureKeyCredential(WRONG)).buildClient().send(FROM, someone(), "x"));
    }

    @Test
    void aUsersOwnTokenAndAStrangersSendNothing() {
        String own = Callgate.builder().buildClient().createUserAndToken(IdentityTest.CHAT).getUserToken().getToken();
        for (String token : List.of(own, "eyJhbGciOiJub25lIn0.e30.")) {
            refused(401, "Denied", () -> new SmsClientBuilder().httpClient(Callgate.SDK_HTTP)
                .endpoint(Callgate.bare(Callgate.ENDPOINT))
                .credential(request -> Mono.just(new AccessToken(token, OffsetDateTime.now().plusHours(1)))).buildClient()
                .send(FROM, someone(), "x"));
        }
    }

    @Test
    void twoMessagesOfTheSameTextAreTwoMessages() {
        String to = someone();
        String first = client().send(FROM, to, "x").getMessageId();
        assertNotEquals(first, client().send(FROM, to, "x").getMessageId());
        assertFalse(first.isEmpty());
    }
}
