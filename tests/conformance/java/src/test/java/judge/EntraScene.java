package judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.policy.ExponentialBackoffOptions;
import com.azure.core.http.policy.RetryOptions;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.function.Executable;

/** What the judges of bearer tokens share: the scene that ../entra/scene.py made, and the whole way of a credential. */
final class EntraScene {
    static final String SCOPE = "https://communication.azure.com//.default";
    static final String NOWHERE = "dead0000-0000-4000-8000-000000000000";
    static final JsonNode SCENE = read();
    static final String BASE = Callgate.bare(SCENE.get("endpoint").asText());
    static final String TENANT = SCENE.get("tenant").asText();

    private EntraScene() {
    }

    private static JsonNode read() {
        try {
            return Callgate.JSON.readTree(Path.of(System.getenv("CALLGATE_SCENE")).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String of(String who, String member) {
        return SCENE.get(who).get(member).asText();
    }

    /** Runs the command line beside the server. */
    static void callgate(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(SCENE.get("program").asText()));
        command.addAll(List.of(words));
        command.addAll(List.of("--json", "--data", SCENE.get("data").asText()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
    }

    static TokenCredential secretOf(String who, String secret) {
        return secretOf(TENANT, of(who, "clientId"), secret);
    }

    static TokenCredential secretOf(String tenant, String client, String secret) {
        return new ClientSecretCredentialBuilder().authorityHost(BASE).tenantId(tenant).clientId(client)
            .clientSecret(secret).disableInstanceDiscovery().build();
    }

    static TokenCredential secretOf(String who) {
        return secretOf(who, of(who, "secret"));
    }

    static CommunicationIdentityClient client(TokenCredential credential) {
        return new CommunicationIdentityClientBuilder().endpoint(BASE).credential(credential)
            .retryOptions(new RetryOptions(new ExponentialBackoffOptions().setMaxRetries(0))).buildClient();
    }

    static String token(TokenCredential credential, String scope) {
        return credential.getTokenSync(new TokenRequestContext().addScopes(scope)).getToken();
    }

    /** One credential, through to a user that is made, gets a token, loses it and goes. */
    static void goesTheWholeWay(TokenCredential credential, String who) throws Exception {
        JsonNode said = Callgate.claims(token(credential, SCOPE));
        assertEquals("https://communication.azure.com/", said.get("aud").asText());
        assertEquals(of(who, "objectId"), said.get("oid").asText());
        assertEquals(TENANT, said.get("tid").asText());
        CommunicationIdentityClient client = client(credential);
        CommunicationUserIdentifier user = client.createUser();
        String token = client.getToken(user, IdentityTest.CHAT).getToken();
        Callgate.assertLives(token, user.getId());
        Thread.sleep(1100); // tokens count in whole seconds
        client.revokeTokens(user);
        Callgate.assertDead(token);
        client.deleteUser(user);
        refused(404, () -> client.getToken(user, IdentityTest.CHAT));
    }

    static void refused(int status, Executable call) {
        HttpResponseException error = assertThrows(HttpResponseException.class, call);
        assertEquals(status, error.getResponse().getStatusCode(), error::getMessage);
    }

    /** Any error of the issuer or of an identity endpoint that says so. */
    static void failsWith(String words, Executable call) {
        Throwable error = assertThrows(RuntimeException.class, call);
        StringBuilder all = new StringBuilder();
        for (Throwable one = error; one != null; one = one.getCause()) {
            all.append(one).append('\n');
        }
        assertTrue(all.toString().contains(words), all::toString);
    }

    static void getsNoToken(TokenCredential credential) {
        RuntimeException error = assertThrows(RuntimeException.class, () -> token(credential, SCOPE));
        assertNotNull(error.getMessage());
        assertFalse(error.getMessage().isEmpty());
    }
}
