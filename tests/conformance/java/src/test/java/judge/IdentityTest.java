package judge;

import static judge.Callgate.admin;
import static judge.Callgate.assertDead;
import static judge.Callgate.assertLives;
import static judge.Callgate.assertToken;
import static judge.Callgate.bare;
import static judge.Callgate.builder;
import static judge.Callgate.claims;
import static judge.Callgate.clockAt;
import static judge.Callgate.connection;
import static judge.Callgate.withClock;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityAsyncClient;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.communication.identity.CommunicationIdentityServiceVersion;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.communication.identity.models.IdentityErrorResponseException;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpResponse;
import com.azure.core.http.rest.Response;
import com.azure.core.util.Context;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import judge.Callgate.Way;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** com.azure:azure-communication-identity, every release. */
class IdentityTest {
    static final List<CommunicationTokenScope> CHAT = List.of(CommunicationTokenScope.CHAT);
    static final List<CommunicationTokenScope> VOIP = List.of(CommunicationTokenScope.VOIP);
    static final List<CommunicationTokenScope> BOTH = List.of(CommunicationTokenScope.CHAT, CommunicationTokenScope.VOIP);
    static final String RAW_ID =
        "8:acs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    static final String GONE = "Provided identity doesn't exist.";
    static final String DENIED = "Denied by the resource provider.";
    static final String WRONG = "A".repeat(86) + "==";

    static Stream<Way> ways() {
        return Callgate.ways();
    }

    /** A refusal as an application sees it: the answer, and the error that its message quotes. */
    record Refusal(HttpResponse answer, JsonNode error) {
    }

    /* The asynchronous clients throw IdentityErrorResponseException, newer synchronous ones a class of the SDK's inside. */
    static Refusal refused(Executable work, int status, String code, String text) throws Exception {
        HttpResponseException thrown = assertThrows(HttpResponseException.class, work);
        String message = thrown.getMessage();
        assertEquals(status, thrown.getResponse().getStatusCode(), message);
        JsonNode error = Callgate.JSON
            .readTree(message.substring(message.indexOf('{'), message.lastIndexOf('}') + 1)).get("error");
        assertEquals(code, error.get("code").asText());
        assertTrue(error.get("message").asText().contains(text), message);
        if (thrown instanceof IdentityErrorResponseException) {
            assertEquals(code, ((IdentityErrorResponseException) thrown).getValue().getCode());
            assertEquals(error.get("message").asText(), ((IdentityErrorResponseException) thrown).getValue().getMessage());
        }
        return new Refusal(thrown.getResponse(), error);
    }

    @Test
    void theInstalledPackagesAreThoseOfTheKeptTable() throws Exception {
        JsonNode packages = Callgate.kept().get("packages");
        for (Map.Entry<String, JsonNode> row : (Iterable<Map.Entry<String, JsonNode>>) packages::fields) {
            assertEquals(row.getValue().asText(), Callgate.installed(row.getKey().replace("com.azure:", "")));
        }
    }

    @Test
    void sendsTheApiVersionOfTheKeptTable() throws Exception {
        AtomicReference<String> seen = new AtomicReference<>("");
        builder().addPolicy((context, next) -> {
            seen.set(Callgate.urlOf(context.getHttpRequest()));
            return next.process();
        }).buildClient().createUser();
        assertTrue(seen.get().endsWith("api-version=" + Callgate.kept().get("apiVersion").asText()), seen::get);
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void createUser_makesAUserWithARawId(Way way) {
        assertTrue(way.builder().buildClient().createUser().getId().matches(RAW_ID));
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void createUserAndToken_givesBoth(Way way) throws Exception {
        CommunicationUserIdentifierAndToken made = way.builder().buildClient().createUserAndToken(BOTH);
        assertToken(made.getUserToken(), made.getUser().getId(), "chat,voip", 1440);
        assertLives(made.getUserToken().getToken(), made.getUser().getId());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void getToken_givesATokenAndAnotherOneWhenAskedAgain(Way way) throws Exception {
        CommunicationIdentityClient client = way.builder().buildClient();
        CommunicationUserIdentifier user = client.createUser();
        AccessToken first = client.getToken(user, VOIP);
        AccessToken second = client.getToken(user, VOIP);
        assertNotEquals(first.getToken(), second.getToken());
        for (AccessToken token : List.of(first, second)) {
            assertToken(token, user.getId(), "voip", 1440);
            assertLives(token.getToken(), user.getId());
        }
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void revokeTokens_killsTheTokensGivenSoFar(Way way) throws Exception {
        CommunicationIdentityClient client = way.builder().buildClient();
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(CHAT);
        AccessToken other = client.getToken(made.getUser(), VOIP);
        client.revokeTokens(made.getUser());
        assertDead(made.getUserToken().getToken());
        assertDead(other.getToken());
        assertLives(client.getToken(made.getUser(), CHAT).getToken(), made.getUser().getId());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void deleteUser_endsTheUser(Way way) throws Exception {
        CommunicationIdentityClient client = way.builder().buildClient();
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(CHAT);
        client.deleteUser(made.getUser());
        assertDead(made.getUserToken().getToken());
        refused(() -> client.getToken(made.getUser(), CHAT), 404, "IdentityNotFound", GONE);
        client.deleteUser(made.getUser());
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void theAsynchronousClientDoesTheSame(Way way) throws Exception {
        CommunicationIdentityAsyncClient client = way.builder().buildAsyncClient();
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(BOTH).block();
        AccessToken other = client.getToken(made.getUser(), CHAT).block();
        assertLives(other.getToken(), made.getUser().getId());
        client.revokeTokens(made.getUser()).block();
        assertDead(made.getUserToken().getToken());
        client.deleteUser(made.getUser()).block();
        refused(() -> client.getToken(made.getUser(), CHAT).block(), 404, "IdentityNotFound", GONE);
        assertTrue(client.createUser().block().getId().matches(RAW_ID));
    }

    @Test
    void theWithResponseFormsShowStatusAndHeaders() {
        CommunicationIdentityClient client = builder().buildClient();
        Response<CommunicationUserIdentifierAndToken> made = client.createUserAndTokenWithResponse(CHAT, Context.NONE);
        assertEquals(201, made.getStatusCode());
        assertTrue(made.getHeaders().getValue("api-supported-versions").contains("2021-03-07, "));
        assertEquals("application/json; charset=utf-8", made.getHeaders().getValue("Content-Type"));
        CommunicationUserIdentifier user = made.getValue().getUser();
        assertEquals(201, client.createUserWithResponse(Context.NONE).getStatusCode());
        assertEquals(200, client.getTokenWithResponse(user, CHAT, Context.NONE).getStatusCode());
        Response<Void> revoked = client.revokeTokensWithResponse(user, Context.NONE);
        assertEquals(204, revoked.getStatusCode());
        assertNull(revoked.getHeaders().getValue("Content-Type"));
        assertEquals(204, client.deleteUserWithResponse(user, Context.NONE).getStatusCode());
    }

    @Test
    void aWrongKeyIsDenied() throws Exception {
        refused(() -> new CommunicationIdentityClientBuilder().connectionString(connection(Callgate.ENDPOINT, WRONG))
            .buildClient().createUser(), 401, "Denied", DENIED);
        Refusal refusal = refused(() -> new CommunicationIdentityClientBuilder().endpoint(bare(Callgate.ENDPOINT))
            .credential(new AzureKeyCredential(WRONG)).buildClient().createUser(), 401, "Denied", DENIED);
        assertTrue(refusal.answer().getHeaderValue("x-callgate-explain").length() > 10);
    }

    @Test
    void aKeyThatIsUpdatedInPlaceIsTaken() throws Exception {
        AzureKeyCredential credential = new AzureKeyCredential(WRONG);
        CommunicationIdentityClient client = new CommunicationIdentityClientBuilder().endpoint(bare(Callgate.ENDPOINT))
            .credential(credential).buildClient();
        refused(client::createUser, 401, "Denied", DENIED);
        credential.update(Callgate.SECONDARY);
        assertTrue(client.createUser().getId().matches(RAW_ID));
    }

    @Test
    void bearerTokensOfStrangersAndOfUsersAreDenied() throws Exception {
        String own = builder().buildClient().createUserAndToken(CHAT).getUserToken().getToken();
        for (String token : List.of(own, "eyJhbGciOiJub25lIn0.e30.")) {
            CommunicationIdentityClient client = new CommunicationIdentityClientBuilder().endpoint(bare(Callgate.ENDPOINT))
                .credential(request -> Mono.just(new AccessToken(token, OffsetDateTime.now().plusHours(1)))).buildClient();
            refused(client::createUser, 401, "Denied", DENIED);
        }
    }

    @Test
    void plainHttpIsRefusedByTheSdkItself() {
        CommunicationIdentityClient client = new CommunicationIdentityClientBuilder()
            .connectionString(connection(Callgate.HTTP_ENDPOINT, Callgate.primary)).buildClient();
        RuntimeException error = assertThrows(RuntimeException.class, client::createUser);
        assertTrue(error.getMessage().contains("HTTPS"), error.getMessage());
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {
        "never", "nobody", "8:acs:11111111-1111-1111-1111-111111111111_00000001-1111-1111-1111-111111111111"})
    void aUserWhoNeverWasIsNotFound(String id) throws Exception {
        CommunicationIdentityClient client = builder().buildClient();
        String known = client.createUser().getId();
        CommunicationUserIdentifier user = new CommunicationUserIdentifier(
            id.equals("never") ? known.replaceAll("_.*", "_00000000-0000-0000-0000-000000000000") : id);
        refused(() -> client.getToken(user, CHAT), 404, "IdentityNotFound", GONE);
        refused(() -> client.revokeTokens(user), 404, "IdentityNotFound", GONE);
        refused(() -> client.deleteUser(user), 404, "IdentityNotFound", GONE);
    }

    @Test
    void noScopesAreRefusedByTheFieldsName() throws Exception {
        CommunicationIdentityClient client = builder().buildClient();
        CommunicationUserIdentifier user = client.createUser();
        Refusal refusal = refused(() -> client.getToken(user, List.of()), 400, "ValidationError",
            "Scopes: The Scopes field is required.");
        assertEquals("Scopes", refusal.error().get("target").asText());
    }

    @Test
    void anUnknownScopeIsRefusedByName() throws Exception {
        CommunicationIdentityClient client = builder().buildClient();
        CommunicationUserIdentifier user = client.createUser();
        refused(() -> client.getToken(user, List.of(CommunicationTokenScope.fromString("video"))), 400, "ValidationError",
            "video");
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"chat", "voip", "chat.join", "chat.join.limited", "voip.join"})
    void eachScopeIsInTheTokenAndKnownToTheServer(String scope) throws Exception {
        CommunicationUserIdentifierAndToken made =
            builder().buildClient().createUserAndToken(List.of(CommunicationTokenScope.fromString(scope)));
        assertToken(made.getUserToken(), made.getUser().getId(), scope, 1440);
        JsonNode scopes =
            Callgate.JSON.readTree(Callgate.whoami(made.getUserToken().getToken(), Callgate.ENDPOINT).body()).get("scopes");
        assertEquals("[\"" + scope + "\"]", scopes.toString());
    }

    @Test
    void everyServiceVersionOfTheSdkDoesAllThatItOffers() throws Exception {
        assertTrue(Arrays.stream(CommunicationIdentityServiceVersion.values()).findAny().isPresent());
        for (CommunicationIdentityServiceVersion version : CommunicationIdentityServiceVersion.values()) {
            CommunicationIdentityClient client = builder().serviceVersion(version).buildClient();
            CommunicationUserIdentifierAndToken made = client.createUserAndToken(CHAT);
            assertToken(client.getToken(made.getUser(), VOIP), made.getUser().getId(), "voip", 1440);
            client.revokeTokens(made.getUser());
            assertDead(made.getUserToken().getToken());
            client.deleteUser(made.getUser());
        }
    }

    @Test
    void aTokenDiesByTheServersClockAtExp() throws Exception {
        CommunicationUserIdentifierAndToken made = builder().buildClient().createUserAndToken(CHAT);
        String token = made.getUserToken().getToken();
        long exp = claims(token).get("exp").asLong();
        withClock(clockAt(exp - 30), () -> {
            assertLives(token, made.getUser().getId());
            return null;
        });
        withClock(clockAt(exp), () -> {
            assertDead(token);
            return null;
        });
        assertLives(token, made.getUser().getId());
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"-23h51m", "48h"})
    void theKeyGateTakesSignaturesWhileTheClockIsMoved(String advance) throws Exception {
        withClock("{\"advance\":\"" + advance + "\"}", () -> {
            CommunicationUserIdentifierAndToken made = builder().buildClient().createUserAndToken(CHAT);
            assertLives(made.getUserToken().getToken(), made.getUser().getId());
            return null;
        });
    }

    @Test
    void keyRotationDrill() throws Exception {
        CommunicationIdentityClient first = builder().buildClient();
        CommunicationIdentityClient second = new CommunicationIdentityClientBuilder()
            .connectionString(connection(Callgate.ENDPOINT, Callgate.SECONDARY)).buildClient();
        CommunicationUserIdentifierAndToken doomed = first.createUserAndToken(CHAT);
        CommunicationUserIdentifierAndToken safe = second.createUserAndToken(CHAT);
        AccessToken mixed = second.getToken(doomed.getUser(), CHAT);
        Callgate.primary = admin("POST", "/admin/keys/primary:regenerate", "{}").get("key").asText();
        refused(first::createUser, 401, "Denied", DENIED);
        assertDead(doomed.getUserToken().getToken());
        assertLives(safe.getUserToken().getToken(), safe.getUser().getId());
        assertLives(mixed.getToken(), doomed.getUser().getId());
        second.createUser();
        assertInstanceOf(AccessToken.class, builder().buildClient().getToken(doomed.getUser(), CHAT));
    }
}
