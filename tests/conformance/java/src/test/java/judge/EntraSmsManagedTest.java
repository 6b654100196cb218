package judge;

import static judge.SmsSupport.FROM;
import static judge.SmsSupport.assertSent;
import static judge.SmsSupport.someone;

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The SMS client with a managed identity that the environment of the process names. */
class EntraSmsManagedTest {
    static Stream<Arguments> ways() {
        return Stream.of(
            Arguments.of("managed identity, App Service, system-assigned", new ManagedIdentityCredentialBuilder().build()),
            Arguments.of("default credential of a managed identity", new DefaultAzureCredentialBuilder().build()));
    }

    @ParameterizedTest(name = "[https, bearer token of a {0}]")
    @MethodSource("ways")
    void send_withIt(String name, TokenCredential credential) {
        String to = someone();
        assertSent(EntraSmsTest.client(credential).send(FROM, to, "x"), to);
    }
}
