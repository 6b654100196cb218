package judge;

import static judge.EntraScene.goesTheWholeWay;
import static judge.EntraScene.of;

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The metadata service, on the host that a variable names: the system-assigned identity, and one by each of its names. */
class EntraMetadataTest {
    private static ManagedIdentityCredentialBuilder managed() {
        return new ManagedIdentityCredentialBuilder();
    }

    static Stream<Arguments> ways() {
        return Stream.of(
            Arguments.of("managed identity, metadata service, system-assigned", managed().build(), "system"),
            Arguments.of("managed identity, metadata service, by client id",
                managed().clientId(of("user", "clientId")).build(), "user"),
            Arguments.of("managed identity, metadata service, by resource id",
                managed().resourceId(of("user", "resourceId")).build(), "user"),
            Arguments.of("managed identity, metadata service, by object id",
                managed().objectId(of("user", "objectId")).build(), "user"),
            Arguments.of("default credential of a user-assigned identity",
                new DefaultAzureCredentialBuilder().managedIdentityClientId(of("user", "clientId")).build(), "user"));
    }

    @ParameterizedTest(name = "https, bearer token of a {0}: createUser, getToken, revokeTokens, deleteUser")
    @MethodSource("ways")
    void createUserAndTheRest(String name, TokenCredential credential, String who) throws Exception {
        goesTheWholeWay(credential, who);
    }
}
