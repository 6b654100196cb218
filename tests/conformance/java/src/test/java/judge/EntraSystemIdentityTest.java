package judge;

import static judge.EntraScene.getsNoToken;
import static judge.EntraScene.goesTheWholeWay;

import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The system-assigned identity of a resource, by the App Service variables. */
class EntraSystemIdentityTest {
    @Test
    @DisplayName("https, bearer token of a managed identity, App Service, system-assigned: createUser and the rest")
    void managedIdentity() throws Exception {
        goesTheWholeWay(new ManagedIdentityCredentialBuilder().build(), "system");
    }

    @Test
    @DisplayName("https, bearer token of a default credential of a managed identity: createUser and the rest")
    void defaultCredential() throws Exception {
        goesTheWholeWay(new DefaultAzureCredentialBuilder().build(), "system");
    }

    @Test
    void anUnknownIdentityGetsNoToken() {
        getsNoToken(new ManagedIdentityCredentialBuilder().clientId(EntraScene.NOWHERE).build());
    }
}
