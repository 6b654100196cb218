package judge;

import static judge.EntraScene.BASE;
import static judge.EntraScene.SCENE;
import static judge.EntraScene.callgate;
import static judge.EntraScene.of;
import static judge.EntraScene.secretOf;
import static judge.SmsSupport.FROM;
import static judge.SmsSupport.assertSent;
import static judge.SmsSupport.refused;
import static judge.SmsSupport.someone;

import com.azure.communication.sms.SmsClient;
import com.azure.communication.sms.SmsClientBuilder;
import com.azure.core.credential.TokenCredential;
import com.azure.core.http.policy.ExponentialBackoffOptions;
import com.azure.core.http.policy.RetryOptions;
import com.azure.identity.ClientCertificateCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The SMS client with service principals, and what roles open. */
class EntraSmsTest {
    static SmsClient client(TokenCredential credential) {
        return new SmsClientBuilder().httpClient(Callgate.SDK_HTTP).endpoint(BASE).credential(credential)
            .retryOptions(new RetryOptions(new ExponentialBackoffOptions().setMaxRetries(0))).buildClient();
    }

    static Stream<Arguments> ways() {
        return Stream.of(Arguments.of("client secret, tenant by id", secretOf("worker")),
            Arguments.of("client certificate, tenant by id",
                new ClientCertificateCredentialBuilder().authorityHost(BASE).tenantId(EntraScene.TENANT)
                    .clientId(of("worker", "clientId")).pemCertificate(of("worker", "certificate"))
                    .disableInstanceDiscovery().build()),
            Arguments.of("workload identity, tenant by id",
                new WorkloadIdentityCredentialBuilder().authorityHost(BASE).tenantId(EntraScene.TENANT)
                    .clientId(of("worker", "clientId")).tokenFilePath(of("worker", "federated"))
                    .disableInstanceDiscovery().build()));
    }

    @ParameterizedTest(name = "[https, bearer token of a {0}]")
    @MethodSource("ways")
    void send_withIt(String name, TokenCredential credential) {
        String to = someone();
        assertSent(client(credential).send(FROM, to, "x"), to);
    }

    @Test
    void withoutARoleForItAMessageIsRefused() {
        refused(403, "Forbidden", () -> client(secretOf("outsider")).send(FROM, someone(), "x"));
        refused(403, "Forbidden", () -> client(secretOf("reader")).send(FROM, someone(), "x"));
    }

    @Test
    void theRoleOfASenderCountsFromTheNextRequestOnAndSoDoesItsEnd() throws Exception {
        SmsClient client = client(secretOf("changing"));
        String resource = SCENE.get("resource").asText();
        String to = someone();
        refused(403, "Forbidden", () -> client.send(FROM, to, "x"));
        callgate("role", "assign", "changing", "Callgate SMS Sender", "--resource", resource);
        assertSent(client.send(FROM, to, "x"), to);
        callgate("role", "remove", "changing", "Callgate SMS Sender", "--resource", resource);
        refused(403, "Forbidden", () -> client.send(FROM, to, "x"));
    }
}
