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

/** A user-assigned identity, by the App Service variables and each of its names. */
class EntraUserIdentityTest {
    private static ManagedIdentityCredentialBuilder managed() {
        return new ManagedIdentityCredentialBuilder();
    }

    static Stream<Arguments> ways() {
        return Stream.of(
            Arguments.of("managed identity, App Service, user-assigned", managed().build()),
            Arguments.of("managed identity, App Service, by client id", managed().clientId(of("user", "clientId")).build()),
            Arguments.of("managed identity, App Service, by resource id",
                managed().resourceId(of("user", "resourceId")).build()),
            Arguments.of("managed identity, App Service, by object id", managed().objectId(of("user", "objectId")).build()),
            Arguments.of("default credential of a user-assigned identity",
                new DefaultAzureCredentialBuilder().managedIdentityClientId(of("user", "clientId")).build()));
    }

    @ParameterizedTest(name = "https, bearer token of a {0}: createUser, getToken, revokeTokens, deleteUser")
    @MethodSource("ways")
    void createUserAndTheRest(String name, TokenCredential credential) throws Exception {
        goesTheWholeWay(credential, "user");
    }
}
