package judge

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/communication/armcommunication"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
)

const contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"

func guid() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func services(t *testing.T, who principal) *armcommunication.ServiceClient {
	t.Helper()
	client, err := armcommunication.NewServiceClient(scene.Subscription, secretOf(t, who, who.Secret), armOptions())
	must(t, err)
	return client
}

func createResource(t *testing.T, name string) armcommunication.ServiceResource {
	t.Helper()
	poller, err := services(t, scene.Owner).BeginCreateOrUpdate(ctx, scene.Group, name,
		&armcommunication.ServiceClientBeginCreateOrUpdateOptions{Parameters: &armcommunication.ServiceResource{
			Location:   to.Ptr("Global"),
			Properties: &armcommunication.ServiceProperties{DataLocation: to.Ptr("Europe")},
		}})
	must(t, err)
	made, err := poller.PollUntilDone(ctx, nil)
	must(t, err)
	return made.ServiceResource
}

func deleteResource(t *testing.T, name string) {
	t.Helper()
	poller, err := services(t, scene.Owner).BeginDelete(ctx, scene.Group, name, nil)
	must(t, err)
	_, err = poller.PollUntilDone(ctx, nil)
	must(t, err)
}

// newResource makes one that goes again with the test.
func newResource(t *testing.T) armcommunication.ServiceResource {
	t.Helper()
	name := "judge-" + guid()[:8]
	made := createResource(t, name)
	t.Cleanup(func() { deleteResource(t, name) })
	return made
}

// namesOf reads every page.
func namesOf[P any](t *testing.T, pager *runtime.Pager[P], names func(P) []string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for pager.More() {
		page, err := pager.NextPage(ctx)
		must(t, err)
		for _, name := range names(page) {
			found[name] = true
		}
	}
	return found
}

func TestANameIsFreeThenTaken(t *testing.T) {
	ask := func(name string) bool {
		said, err := services(t, scene.Owner).CheckNameAvailability(ctx,
			&armcommunication.ServiceClientCheckNameAvailabilityOptions{
				NameAvailabilityParameters: &armcommunication.NameAvailabilityParameters{
					Name: &name, Type: to.Ptr("Microsoft.Communication/CommunicationServices")}})
		must(t, err)
		return *said.NameAvailable
	}
	equal(t, ask("free-"+guid()[:8]), true)
	equal(t, ask(*newResource(t).Name), false)
}

func TestCreateGetListsUpdate(t *testing.T) {
	client, made := services(t, scene.Owner), newResource(t)
	equal(t, *made.Properties.ProvisioningState, armcommunication.ProvisioningStateSucceeded)
	equal(t, *made.Properties.DataLocation, "Europe")
	found, err := client.Get(ctx, scene.Group, strings.ToUpper(*made.Name), nil)
	must(t, err)
	equal(t, *found.Properties.ImmutableResourceID, *made.Properties.ImmutableResourceID)
	names := func(list armcommunication.ServiceResourceList) (all []string) {
		for _, one := range list.Value {
			all = append(all, *one.Name)
		}
		return all
	}
	group := namesOf(t, client.NewListByResourceGroupPager(scene.Group, nil),
		func(page armcommunication.ServiceClientListByResourceGroupResponse) []string {
			return names(page.ServiceResourceList)
		})
	equal(t, group[*made.Name], true)
	everywhere := namesOf(t, client.NewListBySubscriptionPager(nil),
		func(page armcommunication.ServiceClientListBySubscriptionResponse) []string {
			return names(page.ServiceResourceList)
		})
	equal(t, everywhere[*made.Name] && everywhere[scene.Resource], true)
	changed, err := client.Update(ctx, scene.Group, *made.Name, &armcommunication.ServiceClientUpdateOptions{
		Parameters: &armcommunication.ServiceResource{Tags: map[string]*string{"stage": to.Ptr("test")}}})
	must(t, err)
	equal(t, *changed.Tags["stage"], "test")
	equal(t, *changed.Properties.ImmutableResourceID, *made.Properties.ImmutableResourceID)
}

func TestRegenerateKeyReplacesOneKey(t *testing.T) {
	client, made := services(t, scene.Owner), newResource(t)
	before, err := client.ListKeys(ctx, scene.Group, *made.Name, nil)
	must(t, err)
	equal(t, strings.HasSuffix(*before.PrimaryConnectionString, ";accesskey="+*before.PrimaryKey), true)
	renewed, err := client.RegenerateKey(ctx, scene.Group, *made.Name,
		armcommunication.RegenerateKeyParameters{KeyType: to.Ptr(armcommunication.KeyTypePrimary)}, nil)
	must(t, err)
	after, err := client.ListKeys(ctx, scene.Group, *made.Name, nil)
	must(t, err)
	equal(t, *after.PrimaryKey, *renewed.PrimaryKey)
	equal(t, *after.PrimaryKey == *before.PrimaryKey, false)
	equal(t, *after.SecondaryKey, *before.SecondaryKey)
}

func TestDeleteEndsTheResourceAndASecondOneIsNoError(t *testing.T) {
	name := "gone-" + guid()[:8]
	createResource(t, name)
	deleteResource(t, name)
	_, err := services(t, scene.Owner).Get(ctx, scene.Group, name, nil)
	refused(t, err, 404, "ResourceNotFound")
	deleteResource(t, name)
}

func TestAReaderSeesTheResourceButNotItsKeys(t *testing.T) {
	client := services(t, scene.Reader)
	_, err := client.Get(ctx, scene.Group, scene.Resource, nil)
	must(t, err)
	_, err = client.ListKeys(ctx, scene.Group, scene.Resource, nil)
	refused(t, err, 403, "AuthorizationFailed")
}

func TestARoleAssignmentOpensTheDataPlaneAtOnceAndItsEndClosesIt(t *testing.T) {
	client, err := armauthorization.NewRoleAssignmentsClient(scene.Subscription,
		secretOf(t, scene.Owner, scene.Owner.Secret), armOptions())
	must(t, err)
	calls := dataPlaneOf(secretOf(t, scene.Outsider, scene.Outsider.Secret))
	_, err = calls.createUser()
	refused(t, err, 403, "")
	name := guid()
	role := "/subscriptions/" + scene.Subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + contributor
	made, err := client.Create(ctx, scene.ResourceID, name, armauthorization.RoleAssignmentCreateParameters{
		Properties: &armauthorization.RoleAssignmentProperties{
			RoleDefinitionID: &role, PrincipalID: &scene.Outsider.ObjectID}}, nil)
	must(t, err)
	equal(t, *made.Name, name)
	_, err = calls.createUser()
	must(t, err)
	_, err = client.Delete(ctx, scene.ResourceID, name, nil)
	must(t, err)
	_, err = calls.createUser()
	refused(t, err, 403, "")
}

func TestAUserAssignedIdentityTakesAForeignTokenForItsOwn(t *testing.T) {
	owner := secretOf(t, scene.Owner, scene.Owner.Secret)
	identities, err := armmsi.NewUserAssignedIdentitiesClient(scene.Subscription, owner, armOptions())
	must(t, err)
	federated, err := armmsi.NewFederatedIdentityCredentialsClient(scene.Subscription, owner, armOptions())
	must(t, err)
	name := "identity-" + guid()[:8]
	made, err := identities.CreateOrUpdate(ctx, scene.Group, name, armmsi.Identity{Location: to.Ptr("global")}, nil)
	must(t, err)
	token, err := assertion(ctx)
	must(t, err)
	said := claimsOf(t, token)
	_, err = federated.CreateOrUpdate(ctx, scene.Group, name, "of-subject", armmsi.FederatedIdentityCredential{
		Properties: &armmsi.FederatedIdentityCredentialProperties{
			Issuer: to.Ptr(said["iss"].(string)), Subject: to.Ptr(said["sub"].(string)),
			Audiences: []*string{to.Ptr("api://AzureADTokenExchange")}}}, nil)
	must(t, err)
	credential, err := azidentity.NewClientAssertionCredential(scene.Tenant, *made.Properties.ClientID, assertion,
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
	must(t, err)
	given, err := tokenOf(credential, dataScope)
	must(t, err)
	equal(t, claimsOf(t, given)["oid"].(string), *made.Properties.PrincipalID)
	_, err = identities.Delete(ctx, scene.Group, name, nil)
	must(t, err)
	_, err = identities.Get(ctx, scene.Group, name, nil)
	refused(t, err, 404, "")
}
