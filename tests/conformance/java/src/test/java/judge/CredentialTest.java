package judge;

import static judge.Callgate.assertDead;
import static judge.Callgate.assertLives;
import static judge.Callgate.builder;
import static judge.Callgate.claims;
import static judge.Callgate.withClock;
import static judge.IdentityTest.CHAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.common.CommunicationTokenCredential;
import com.azure.communication.common.CommunicationTokenRefreshOptions;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.core.credential.AccessToken;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** The credential that refreshes itself, with our tokens. The server's clock is set back, so that exp lies near the SDK's now. */
class CredentialTest {
    private final CommunicationIdentityClient client = builder().buildClient();
    private final AtomicInteger asked = new AtomicInteger();

    private CommunicationUserIdentifierAndToken almostOver(int left) throws Exception {
        return withClock("{\"advance\":\"-" + (24 * 3600 - left) + "s\"}", () -> client.createUserAndToken(CHAT));
    }

    private CommunicationTokenRefreshOptions refreshing(CommunicationUserIdentifier user, boolean proactively, String token) {
        return new CommunicationTokenRefreshOptions(() -> Mono.fromCallable(() -> {
            String fresh = client.getToken(user, CHAT).getToken();
            asked.incrementAndGet();
            return fresh;
        }), proactively, token);
    }

    private void waitUntilAsked() throws InterruptedException {
        for (int i = 0; i < 1200 && asked.get() == 0; i++) {
            Thread.sleep(50);
        }
        assertEquals(1, asked.get());
    }

    @Test
    void aStaticCredentialHandsOutTheTokenWithItsExpiry() throws Exception {
        String token = client.createUserAndToken(CHAT).getUserToken().getToken();
        try (CommunicationTokenCredential credential = new CommunicationTokenCredential(token)) {
            AccessToken given = credential.getToken().block();
            assertEquals(token, given.getToken());
            assertEquals(claims(token).get("exp").asLong(), given.getExpiresAt().toEpochSecond());
        }
    }

    @Test
    void aTokenWithADayToLiveIsNotRefreshed() throws Exception {
        CommunicationUserIdentifierAndToken made = client.createUserAndToken(CHAT);
        String token = made.getUserToken().getToken();
        try (CommunicationTokenCredential credential =
                 new CommunicationTokenCredential(refreshing(made.getUser(), true, token))) {
            assertEquals(token, credential.getToken().block().getToken());
            assertEquals(0, asked.get());
        }
    }

    @Test
    void aTokenThatIsOverIsReplacedOnDemand() throws Exception {
        CommunicationUserIdentifierAndToken made = almostOver(-5);
        String token = made.getUserToken().getToken();
        assertDead(token);
        try (CommunicationTokenCredential credential =
                 new CommunicationTokenCredential(refreshing(made.getUser(), false, token))) {
            String fresh = credential.getToken().block().getToken();
            assertNotEquals(token, fresh);
            assertEquals(fresh, credential.getToken().block().getToken());
            assertEquals(1, asked.get());
            assertLives(fresh, made.getUser().getId());
        }
    }

    @Test
    void refreshProactivelyAsksTenMinutesBeforeExp() throws Exception {
        CommunicationUserIdentifierAndToken made = almostOver(612);
        String token = made.getUserToken().getToken();
        long exp = claims(token).get("exp").asLong();
        try (CommunicationTokenCredential credential =
                 new CommunicationTokenCredential(refreshing(made.getUser(), true, token))) {
            waitUntilAsked();
            double late = System.currentTimeMillis() / 1000.0 - (exp - 600);
            assertTrue(late > -3 && late < 30, () -> "asked " + late + " s late");
            Thread.sleep(500);
            String fresh = credential.getToken().block().getToken();
            assertTrue(claims(fresh).get("exp").asLong() > exp);
            assertLives(fresh, made.getUser().getId());
        }
    }

    @Test
    void aRefresherWhoseUserIsGoneFailsWithTheServersWords() throws Exception {
        CommunicationUserIdentifierAndToken made = almostOver(-5);
        client.deleteUser(made.getUser());
        try (CommunicationTokenCredential credential =
                 new CommunicationTokenCredential(refreshing(made.getUser(), false, made.getUserToken().getToken()))) {
            Throwable error = assertThrows(RuntimeException.class, () -> credential.getToken().block());
            assertTrue(error.toString().contains("Provided identity doesn't exist."), error::toString);
        }
    }
}
