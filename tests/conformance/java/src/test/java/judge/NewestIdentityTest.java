package judge;

import static judge.Callgate.assertDead;
import static judge.Callgate.assertLives;
import static judge.Callgate.assertToken;
import static judge.Callgate.builder;
import static judge.Callgate.claims;
import static judge.Callgate.clockAt;
import static judge.Callgate.withClock;
import static judge.IdentityTest.CHAT;
import static judge.IdentityTest.VOIP;
import static judge.IdentityTest.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.common.CommunicationIdentifier;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.communication.identity.models.GetTokenForTeamsUserOptions;
import com.azure.core.credential.AccessToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.stream.Stream;
import judge.Callgate.Way;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What only the newest release can do: lifetimes, the Teams exchange, raw ids. */
class NewestIdentityTest {
    private static final String APP = "11111111-2222-3333-4444-555555555555";
    private static final String USER = "66666666-7777-8888-9999-aaaaaaaaaaaa";
    private static final String INVALID = "Provided access token is not valid.";
    private static final String NO_APP = "AppId: The AppId field is required.";

    private static String part(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String entraToken(long exp) {
        return part("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k\"}") + "."
            + part("{\"appid\":\"" + APP + "\",\"oid\":\"" + USER + "\",\"exp\":" + exp + "}") + "." + "A".repeat(342);
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(ints = {60, 61, 90, 720, 1440})
    void aLifetimeIsTheTokensLife(int minutes) throws Exception {
        CommunicationIdentityClient client = builder().buildClient();
        Duration life = Duration.ofMinutes(minutes);
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(VOIP, life);
        assertToken(made.getUserToken(), made.getUser().getId(), "voip", minutes);
        AccessToken again = client.getToken(made.getUser(), CHAT, life);
        assertToken(again, made.getUser().getId(), "chat", minutes);
        assertLives(again.getToken(), made.getUser().getId());
    }

    @ParameterizedTest(name = "[{0}]")
    @ValueSource(ints = {59, 1441, 100000})
    void aLifetimeOutOfRangeIsRefusedWithTheNumber(int minutes) throws Exception {
        String text = "ExpiresInMinutes value " + minutes + " is invalid. Value must be within the [60, 1440] interval.";
        CommunicationIdentityClient client = builder().buildClient();
        CommunicationUserIdentifier user = client.createUser();
        Duration life = Duration.ofMinutes(minutes);
        refused(() -> client.createUserAndToken(CHAT, life), 400, "ValidationError", text);
        JsonNode error = refused(() -> client.getToken(user, CHAT, life), 400, "ValidationError", text).error();
        assertEquals("ExpiresInMinutes", error.get("target").asText());
    }

    @Test
    void expiryDrill() throws Exception {
        CommunicationIdentityClient client = builder().buildClient();
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(CHAT, Duration.ofHours(1));
        String token = made.getUserToken().getToken();
        long exp = claims(token).get("exp").asLong();
        withClock(clockAt(exp - 15), () -> {
            assertLives(token, made.getUser().getId());
            return null;
        });
        withClock(clockAt(exp), () -> {
            assertDead(token);
            String fresh = client.getToken(made.getUser(), CHAT, Duration.ofHours(1)).getToken();
            assertTrue(claims(fresh).get("exp").asLong() >= exp + 3600);
            assertLives(fresh, made.getUser().getId());
            return null;
        });
    }

    static Stream<Arguments> exchanges() {
        long soon = 4000000000L;
        Object[][] rows = {
            {"an empty token", "", APP, USER, 401, "InvalidAccessToken", INVALID, null},
            {"no token at all", "not a token", APP, USER, 401, "InvalidAccessToken", INVALID, null},
            {"an expired token", entraToken(1600000000L), APP, USER, 401, "InvalidAccessToken", INVALID, null},
            {"a token that nobody here trusts", entraToken(soon), APP, USER, 401, "InvalidAccessToken", INVALID, null},
            {"an empty appId", entraToken(soon), "", USER, 400, "ValidationError", NO_APP, "AppId"},
            {"an empty appId before a bad token", "bad", "", USER, 400, "ValidationError", NO_APP, "AppId"},
            {"a bad token before an empty userId", "bad", APP, "", 401, "InvalidAccessToken", INVALID, null},
        };
        return Callgate.ways().filter(way -> way.name().matches("https, (connection string|key credential)"))
            .flatMap(way -> Stream.of(rows).map(row -> Arguments.of(way, row[0], row)));
    }

    @ParameterizedTest(name = "[{0}] {1}")
    @MethodSource("exchanges")
    void getTokenForTeamsUser_refuses(Way way, String what, Object[] row) throws Exception {
        CommunicationIdentityClient client = way.builder().buildClient();
        GetTokenForTeamsUserOptions options =
            new GetTokenForTeamsUserOptions((String) row[1], (String) row[2], (String) row[3]);
        JsonNode error =
            refused(() -> client.getTokenForTeamsUser(options), (int) row[4], (String) row[5], (String) row[6]).error();
        assertEquals(row[6], error.get("message").asText());
        assertEquals(row[7], error.has("target") ? error.get("target").asText() : null);
    }

    @Test
    void aUsersIdIsACommunicationUserToTheSdk() {
        String id = builder().buildClient().createUser().getId();
        CommunicationIdentifier parsed = CommunicationIdentifier.fromRawId(id);
        assertEquals(id, assertInstanceOf(CommunicationUserIdentifier.class, parsed).getId());
        assertEquals(id, parsed.getRawId());
    }
}
