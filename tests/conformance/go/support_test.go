// Package judge holds the Go SDK's credentials and management clients against the server. What they share: the
// scene that ../entra/scene.py made, and the calls of the data plane, for which there is no Go package.
package judge

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const (
	dataScope = "https://communication.azure.com//.default"
	nowhere   = "dead0000-0000-4000-8000-000000000000"
)

type principal struct {
	Name, ClientID, ObjectID, ResourceID          string
	Secret, ExpiredSecret, Certificate, Federated string
	Endpoint                                      string `json:"IDENTITY_ENDPOINT"`
	Header                                        string `json:"IDENTITY_HEADER"`
}

var (
	ctx   = context.Background()
	scene struct {
		Endpoint, Tenant, Subscription, Group, Resource, ResourceID, Program, Data, Metadata string
		Worker, Challenged, Changing, Owner, Reader, Outsider, System, User, Idle            principal
	}
	base string
	here cloud.Configuration
)

func TestMain(m *testing.M) {
	if os.Getenv("CALLGATE_SCENE") == "" {
		return // only built
	}
	text, err := os.ReadFile(os.Getenv("CALLGATE_SCENE"))
	if err == nil {
		err = json.Unmarshal(text, &scene)
	}
	if err != nil {
		panic(err)
	}
	base = strings.TrimSuffix(scene.Endpoint, "/")
	here = cloud.Configuration{
		ActiveDirectoryAuthorityHost: base,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: base, Audience: "https://management.azure.com"},
		},
	}
	os.Exit(m.Run())
}

// callgate runs the command line beside the server.
func callgate(t *testing.T, words ...string) {
	t.Helper()
	words = append(words, "--json", "--data", scene.Data)
	if said, err := exec.Command(scene.Program, words...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", words, err, said)
	}
}

// alone runs the test again in a process of its own, with these variables set, and is true there: this SDK keeps
// managed identities' tokens for a whole process.
func alone(t *testing.T, variables map[string]string) bool {
	t.Helper()
	if os.Getenv("CALLGATE_ALONE") == t.Name() {
		return true
	}
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	child := exec.Command(os.Args[0], "-test.run="+strings.Join(parts, "/"), "-test.v")
	child.Env = append(os.Environ(), "CALLGATE_ALONE="+t.Name())
	for name, value := range variables {
		child.Env = append(child.Env, name+"="+value)
	}
	said, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(said, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, said)
	}
	return false
}

func giveRole(t *testing.T, who, role string) {
	callgate(t, "role", "assign", who, role, "--resource", scene.Resource)
}

func takeRole(t *testing.T, who, role string) {
	callgate(t, "role", "remove", who, role, "--resource", scene.Resource)
}

func clientOptions() policy.ClientOptions {
	return policy.ClientOptions{Cloud: here, Retry: policy.RetryOptions{MaxRetries: -1}, Transport: nearby}
}

func armOptions() *arm.ClientOptions {
	return &arm.ClientOptions{ClientOptions: clientOptions(), DisableRPRegistration: true}
}

// nearby reaches every name below localhost here, as RFC 6761 wants it; not every resolver knows.
var nearby = &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	},
}}

func secretOf(t *testing.T, who principal, secret string) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewClientSecretCredential(scene.Tenant, who.ClientID, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: clientOptions(), DisableInstanceDiscovery: true})
	must(t, err)
	return credential
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// refused asserts the status, and the code if one is named, of an answer that an SDK made an error of.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		t.Fatalf("want a refusal with %d, got %v", status, err)
	}
	if answer.StatusCode != status || code != "" && answer.ErrorCode != code {
		t.Fatalf("want %d %s, got %v", status, code, err)
	}
}

// failsWith asserts an error that says so.
func failsWith(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("want an error with %q, got %v", words, err)
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	said := map[string]any{}
	must(t, json.Unmarshal(text, &said))
	return said
}

// dataPlane sends what an Identity client would, through the policy that every Azure client uses for its token.
type dataPlane struct{ pipeline runtime.Pipeline }

func dataPlaneOf(credential azcore.TokenCredential) dataPlane {
	options := clientOptions()
	bearer := runtime.NewBearerTokenPolicy(credential, []string{dataScope}, nil)
	return dataPlane{runtime.NewPipeline("judge", "1", runtime.PipelineOptions{PerRetry: []policy.Policy{bearer}}, &options)}
}

func (d dataPlane) send(method, path string, body any, into any) error {
	request, err := runtime.NewRequest(ctx, method, base+path+"?api-version=2023-10-01")
	if err != nil {
		return err
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		if err = request.SetBody(nopCloser{bytes.NewReader(text)}, "application/json"); err != nil {
			return err
		}
	}
	answer, err := d.pipeline.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return runtime.NewResponseError(answer)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (d dataPlane) createUser() (string, error) {
	made := struct{ Identity struct{ ID string } }{}
	err := d.send(http.MethodPost, "/identities", map[string]any{}, &made)
	return made.Identity.ID, err
}

func (d dataPlane) getToken(user string) (string, error) {
	given := struct{ Token string }{}
	err := d.send(http.MethodPost, "/identities/"+user+"/:issueAccessToken", map[string]any{"scopes": []string{"chat"}}, &given)
	return given.Token, err
}

func (d dataPlane) revokeTokens(user string) error {
	return d.send(http.MethodPost, "/identities/"+user+"/:revokeAccessTokens", nil, nil)
}

func (d dataPlane) deleteUser(user string) error {
	return d.send(http.MethodDelete, "/identities/"+user, nil, nil)
}
