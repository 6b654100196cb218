package judge

import (
	"context"
	"crypto"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// way is one way to a credential: by environment, or by what make says.
type way struct {
	name        string
	who         func() principal
	environment func() map[string]string
	make        func() (azcore.TokenCredential, error)
}

func worker() principal { return scene.Worker }
func system() principal { return scene.System }
func user() principal   { return scene.User }

func nothing() map[string]string { return nil }

func appServiceOf(who func() principal) func() map[string]string {
	return func() map[string]string {
		return map[string]string{"IDENTITY_ENDPOINT": who().Endpoint, "IDENTITY_HEADER": who().Header}
	}
}

// principalWith is the environment of a service principal. The host comes from it too, so the tenant is a GUID, and
// instance discovery, for which there is no variable, is switched off in the options.
func principalWith(name string, value func() string) func() map[string]string {
	return func() map[string]string {
		return map[string]string{"AZURE_AUTHORITY_HOST": base, "AZURE_TENANT_ID": scene.Tenant,
			"AZURE_CLIENT_ID": scene.Worker.ClientID, name: value()}
	}
}

func environmentCredential() (azcore.TokenCredential, error) {
	return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{
		ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
}

func certificate() ([]*x509.Certificate, crypto.PrivateKey, error) {
	text, err := os.ReadFile(scene.Worker.Certificate)
	if err != nil {
		return nil, nil, err
	}
	return azidentity.ParseCertificates(text, nil)
}

func certificateOf(tenant, client string, chain bool) (azcore.TokenCredential, error) {
	certificates, key, err := certificate()
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(tenant, client, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: clientOptions(), DisableInstanceDiscovery: true,
			SendCertificateChain: chain})
}

func managed(id azidentity.ManagedIDKind) (azcore.TokenCredential, error) {
	return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: clientOptions(), ID: id})
}

func defaultCredential() (azcore.TokenCredential, error) {
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
}

func assertion(context.Context) (string, error) {
	text, err := os.ReadFile(scene.Worker.Federated)
	return string(text), err
}

func cloudShell() map[string]string {
	return map[string]string{"MSI_ENDPOINT": scene.Metadata + "/msi/token"}
}

var ways = []way{
	{"client secret, environment", worker, principalWith("AZURE_CLIENT_SECRET", func() string { return scene.Worker.Secret }),
		environmentCredential},
	{"client certificate, environment", worker,
		principalWith("AZURE_CLIENT_CERTIFICATE_PATH", func() string { return scene.Worker.Certificate }), environmentCredential},
	{"client secret, tenant adfs", worker, nothing, func() (azcore.TokenCredential, error) {
		return azidentity.NewClientSecretCredential("adfs", scene.Worker.ClientID, scene.Worker.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: clientOptions()})
	}},
	{"client certificate, tenant adfs", worker, nothing, func() (azcore.TokenCredential, error) {
		return certificateOf("adfs", scene.Worker.ClientID, false)
	}},
	{"client certificate, tenant by id", worker, nothing, func() (azcore.TokenCredential, error) {
		return certificateOf(scene.Tenant, scene.Worker.ClientID, false)
	}},
	{"client certificate with its chain", worker, nothing, func() (azcore.TokenCredential, error) {
		return certificateOf(scene.Tenant, scene.Worker.ClientID, true)
	}},
	{"client assertion", worker, nothing, func() (azcore.TokenCredential, error) {
		return azidentity.NewClientAssertionCredential(scene.Tenant, scene.Worker.ClientID, assertion,
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
	}},
	{"workload identity, environment", worker,
		principalWith("AZURE_FEDERATED_TOKEN_FILE", func() string { return scene.Worker.Federated }),
		func() (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
		}},
	{"managed identity, App Service, system-assigned", system, appServiceOf(system),
		func() (azcore.TokenCredential, error) { return managed(nil) }},
	{"managed identity, App Service, user-assigned", user, appServiceOf(user),
		func() (azcore.TokenCredential, error) { return managed(nil) }},
	{"managed identity, App Service, by client id", user, appServiceOf(user),
		func() (azcore.TokenCredential, error) { return managed(azidentity.ClientID(scene.User.ClientID)) }},
	{"managed identity, App Service, by resource id", user, appServiceOf(user),
		func() (azcore.TokenCredential, error) { return managed(azidentity.ResourceID(scene.User.ResourceID)) }},
	{"managed identity, App Service, by object id", user, appServiceOf(user),
		func() (azcore.TokenCredential, error) { return managed(azidentity.ObjectID(scene.User.ObjectID)) }},
	{"managed identity, Cloud Shell", system, cloudShell,
		func() (azcore.TokenCredential, error) { return managed(nil) }},
	{"default credential of a client secret", worker,
		principalWith("AZURE_CLIENT_SECRET", func() string { return scene.Worker.Secret }), defaultCredential},
	{"default credential of a workload identity", worker,
		principalWith("AZURE_FEDERATED_TOKEN_FILE", func() string { return scene.Worker.Federated }), defaultCredential},
	{"default credential of a managed identity", system, appServiceOf(system), defaultCredential},
}

func tokenOf(credential azcore.TokenCredential, scope string) (string, error) {
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	return token.Token, err
}

func TestBearerToken(t *testing.T) {
	for _, one := range ways {
		t.Run("https, bearer token of a "+one.name+": createUser, getToken, revokeTokens, deleteUser", func(t *testing.T) {
			if !alone(t, one.environment()) {
				return
			}
			credential, err := one.make()
			must(t, err)
			token, err := tokenOf(credential, dataScope)
			must(t, err)
			said := claimsOf(t, token)
			equal(t, said["aud"].(string), "https://communication.azure.com/")
			equal(t, said["oid"].(string), one.who().ObjectID)
			equal(t, said["tid"].(string), scene.Tenant)
			calls := dataPlaneOf(credential)
			who, err := calls.createUser()
			must(t, err)
			given, err := calls.getToken(who)
			must(t, err)
			equal(t, claimsOf(t, given)["acsScope"].(string), "chat")
			must(t, calls.revokeTokens(who))
			must(t, calls.deleteUser(who))
			_, err = calls.getToken(who)
			refused(t, err, 404, "")
		})
	}
}

func TestTheIssuerRefuses(t *testing.T) {
	unknown := principal{ClientID: nowhere}
	for name, one := range map[string]struct {
		credential azcore.TokenCredential
		scope      string
		code       string
	}{
		"a wrong secret":         {secretOf(t, scene.Worker, "wrong"), dataScope, "7000215"},
		"an expired secret":      {secretOf(t, scene.Worker, scene.Worker.ExpiredSecret), dataScope, "7000222"},
		"an unknown application": {secretOf(t, unknown, "x"), dataScope, "700016"},
		"a foreign scope":        {secretOf(t, scene.Worker, scene.Worker.Secret), "https://vault.azure.net/.default", "500011"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokenOf(one.credential, one.scope)
			failsWith(t, err, one.code)
		})
	}
}

func TestACertificateThatNobodyRegisteredIsRefused(t *testing.T) {
	credential, err := certificateOf(scene.Tenant, scene.Outsider.ClientID, false)
	must(t, err)
	_, err = tokenOf(credential, dataScope)
	failsWith(t, err, "700027")
}

func TestAnUnknownTenantIsRefused(t *testing.T) {
	credential, err := azidentity.NewClientSecretCredential(nowhere, scene.Worker.ClientID, scene.Worker.Secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
	must(t, err)
	if _, err = tokenOf(credential, dataScope); err == nil {
		t.Fatal("a tenant that is not there gave a token")
	}
}

func TestAnUnknownIdentityGetsNoToken(t *testing.T) {
	if !alone(t, appServiceOf(user)()) {
		return
	}
	credential, err := managed(azidentity.ClientID(nowhere))
	must(t, err)
	if _, err = tokenOf(credential, dataScope); err == nil {
		t.Fatal("an identity that is not there gave a token")
	}
}

func TestAWrongAppServiceHeaderIsRefused(t *testing.T) {
	wrong := map[string]string{"IDENTITY_ENDPOINT": scene.User.Endpoint, "IDENTITY_HEADER": strings.Repeat("0", 64)}
	if !alone(t, wrong) {
		return
	}
	credential, err := managed(nil)
	must(t, err)
	if _, err = tokenOf(credential, dataScope); err == nil {
		t.Fatal("a wrong header gave a token")
	}
}

func TestWithoutARoleForItACallIsRefused(t *testing.T) {
	for name, who := range map[string]principal{"no role": scene.Outsider, "a reader": scene.Reader} {
		t.Run(name, func(t *testing.T) {
			_, err := dataPlaneOf(secretOf(t, who, who.Secret)).createUser()
			refused(t, err, 403, "Forbidden")
		})
	}
}

func TestAManagedIdentityWithoutARoleIsRefused(t *testing.T) {
	if !alone(t, map[string]string{"IDENTITY_ENDPOINT": scene.Idle.Endpoint, "IDENTITY_HEADER": scene.Idle.Header}) {
		return
	}
	credential, err := managed(nil)
	must(t, err)
	_, err = dataPlaneOf(credential).createUser()
	refused(t, err, 403, "Forbidden")
}

func TestARoleCountsFromTheNextRequestOnAndSoDoesItsEnd(t *testing.T) {
	calls := dataPlaneOf(secretOf(t, scene.Changing, scene.Changing.Secret))
	_, err := calls.createUser()
	refused(t, err, 403, "")
	giveRole(t, scene.Changing.Name, "Contributor")
	who, err := calls.createUser()
	must(t, err)
	takeRole(t, scene.Changing.Name, "Contributor")
	refused(t, calls.deleteUser(who), 403, "")
}

func TestARevokedTokenIsReplacedBehindTheCallersBack(t *testing.T) {
	calls := dataPlaneOf(secretOf(t, scene.Challenged, scene.Challenged.Secret))
	_, err := calls.createUser()
	must(t, err)
	time.Sleep(1100 * time.Millisecond) // tokens count in whole seconds
	callgate(t, "app", "revoke", scene.Challenged.Name)
	_, err = calls.createUser()
	must(t, err)
}
