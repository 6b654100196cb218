package judge;

import static judge.EntraScene.BASE;
import static judge.EntraScene.NOWHERE;
import static judge.EntraScene.SCOPE;
import static judge.EntraScene.TENANT;
import static judge.EntraScene.callgate;
import static judge.EntraScene.client;
import static judge.EntraScene.failsWith;
import static judge.EntraScene.getsNoToken;
import static judge.EntraScene.goesTheWholeWay;
import static judge.EntraScene.of;
import static judge.EntraScene.refused;
import static judge.EntraScene.secretOf;
import static judge.EntraScene.token;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.core.credential.TokenCredential;
import com.azure.core.util.Configuration;
import com.azure.core.util.ConfigurationBuilder;
import com.azure.identity.ClientAssertionCredentialBuilder;
import com.azure.identity.ClientCertificateCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.EnvironmentCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** com.azure:azure-identity: service principals by secret, certificate and federated token; roles and revocation. */
class EntraPrincipalTest {
    /** One way to a credential of the worker. */
    record Way(String name, Supplier<TokenCredential> credential) {
        @Override
        public String toString() {
            return "https, bearer token of a " + name;
        }
    }

    /** What the environment would say. */
    private static Configuration environment(String... more) {
        ConfigurationBuilder builder = new ConfigurationBuilder().putProperty("AZURE_AUTHORITY_HOST", BASE)
            .putProperty("AZURE_TENANT_ID", "adfs").putProperty("AZURE_CLIENT_ID", of("worker", "clientId"));
        for (int i = 0; i < more.length; i += 2) {
            builder.putProperty(more[i], more[i + 1]);
        }
        return builder.build();
    }

    private static ClientCertificateCredentialBuilder certificate(String tenant, String who) {
        return new ClientCertificateCredentialBuilder().authorityHost(BASE).tenantId(tenant)
            .clientId(of(who, "clientId")).pemCertificate(of("worker", "certificate")).disableInstanceDiscovery();
    }

    private static WorkloadIdentityCredentialBuilder workload(String tenant, String who) {
        return new WorkloadIdentityCredentialBuilder().authorityHost(BASE).tenantId(tenant)
            .clientId(of(who, "clientId")).tokenFilePath(of("worker", "federated")).disableInstanceDiscovery();
    }

    private static String assertion() {
        try {
            return Files.readString(Path.of(of("worker", "federated")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<Way> ways() {
        Configuration secretly = environment("AZURE_CLIENT_SECRET", of("worker", "secret"));
        Configuration certified = environment("AZURE_CLIENT_CERTIFICATE_PATH", of("worker", "certificate"));
        return Stream.of(
            new Way("client secret, tenant adfs, environment",
                () -> new EnvironmentCredentialBuilder().authorityHost(BASE).configuration(secretly).build()),
            new Way("client secret, tenant by id", () -> secretOf("worker")),
            new Way("client certificate, tenant adfs, environment",
                () -> new EnvironmentCredentialBuilder().authorityHost(BASE).configuration(certified).build()),
            new Way("client certificate, tenant by id", () -> certificate(TENANT, "worker").build()),
            new Way("client certificate, tenant adfs", () -> certificate("adfs", "worker").build()),
            new Way("client certificate with its chain",
                () -> certificate(TENANT, "worker").sendCertificateChain(true).build()),
            new Way("client assertion", () -> new ClientAssertionCredentialBuilder().authorityHost(BASE).tenantId(TENANT)
                .clientId(of("worker", "clientId")).clientAssertion(EntraPrincipalTest::assertion)
                .disableInstanceDiscovery().build()),
            new Way("workload identity, tenant by id", () -> workload(TENANT, "worker").build()),
            new Way("workload identity, tenant adfs", () -> workload("adfs", "worker").build()),
            new Way("default credential of a client secret",
                () -> new DefaultAzureCredentialBuilder().authorityHost(BASE).configuration(secretly).build()));
    }

    @ParameterizedTest(name = "{0}: createUser, getToken, revokeTokens, deleteUser")
    @MethodSource("ways")
    void createUserAndTheRest(Way way) throws Exception {
        goesTheWholeWay(way.credential().get(), "worker");
    }

    @Test
    void theInstalledPackagesAreThoseOfTheKeptTable() throws IOException {
        for (Iterator<Map.Entry<String, JsonNode>> it = Callgate.kept().get("packages").fields(); it.hasNext();) {
            Map.Entry<String, JsonNode> one = it.next();
            assertEquals(one.getValue().asText(), Callgate.installed(one.getKey().replace("com.azure:", "")));
        }
    }

    @Test
    void aWrongSecretIsRefused() {
        failsWith("7000215", () -> token(secretOf("worker", "wrong"), SCOPE));
    }

    @Test
    void anExpiredSecretIsRefused() {
        failsWith("7000222", () -> token(secretOf("worker", of("worker", "expiredSecret")), SCOPE));
    }

    @Test
    void anUnknownApplicationIsRefused() {
        failsWith("700016", () -> token(secretOf(TENANT, NOWHERE, "x"), SCOPE));
    }

    @Test
    void anUnknownTenantIsRefused() {
        getsNoToken(secretOf(NOWHERE, of("worker", "clientId"), of("worker", "secret")));
    }

    @Test
    void aScopeThatIsNotOursIsRefused() {
        failsWith("500011", () -> token(secretOf("worker"), "https://vault.azure.net/.default"));
    }

    @Test
    void aCertificateThatNobodyRegisteredIsRefused() {
        failsWith("700027", () -> token(certificate(TENANT, "outsider").build(), SCOPE));
    }

    @Test
    void anotherApplicationCannotUseTheFederatedToken() {
        failsWith("70021", () -> token(workload(TENANT, "outsider").build(), SCOPE));
    }

    @Test
    void withoutARoleEveryCallIsRefused() {
        refused(403, () -> client(secretOf("outsider")).createUser());
    }

    @Test
    void aReaderMayNotUseTheDataPlane() {
        refused(403, () -> client(secretOf("reader")).createUser());
    }

    @Test
    void aRoleCountsFromTheNextRequestOnAndSoDoesItsEnd() throws Exception {
        CommunicationIdentityClient client = client(secretOf("changing"));
        String resource = EntraScene.SCENE.get("resource").asText();
        refused(403, client::createUser);
        callgate("role", "assign", "changing", "Contributor", "--resource", resource);
        CommunicationUserIdentifier user = client.createUser();
        callgate("role", "remove", "changing", "Contributor", "--resource", resource);
        refused(403, () -> client.deleteUser(user));
    }

    @Test
    void aRevokedTokenIsReplacedBehindTheCallersBack() throws Exception {
        TokenCredential inner = secretOf("challenged");
        List<String> claims = Collections.synchronizedList(new ArrayList<>());
        CommunicationIdentityClient client = client(asked -> {
            if (asked.getClaims() != null) {
                claims.add(asked.getClaims());
            }
            return inner.getToken(asked);
        });
        assertNotNull(client.createUser());
        Thread.sleep(1100); // tokens count in whole seconds
        callgate("app", "revoke", "challenged");
        assertNotNull(client.createUser());
        assertEquals(1, claims.size());
        assertTrue(claims.get(0).contains("nbf"), claims.get(0));
    }

    @Test
    void overPlainHttpTheSdkSendsNoToken() {
        failsWith("HTTPS", () -> new CommunicationIdentityClientBuilder().endpoint(Callgate.HTTP_ENDPOINT)
            .credential(secretOf("worker")).buildClient().createUser());
    }
}
