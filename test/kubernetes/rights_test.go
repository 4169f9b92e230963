package kubernetes

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// right is something that a service account may want to do.
type right struct{ verb, group, resource, name, namespace string }

const admission = "admissionregistration.k8s.io"

// rights are all that the injector needs, and what somebody who takes it over would
// like to have.
var rights = map[right]bool{
	{"get", "", "secrets", "outrider-injector-tls", "outrider"}:                      true,
	{"update", "", "secrets", "outrider-injector-tls", "outrider"}:                   true,
	{"get", admission, "mutatingwebhookconfigurations", "outrider-injector", ""}:     true,
	{"patch", admission, "mutatingwebhookconfigurations", "outrider-injector", ""}:   true,
	{"create", "", "events", "", "agents"}:                                           true,
	{"get", "", "secrets", "outrider-keys", "outrider"}:                              false,
	{"get", "", "secrets", "outrider-pdp-tls", "outrider"}:                           false,
	{"get", "", "secrets", "outrider-injector-tls", "agents"}:                        false,
	{"list", "", "secrets", "", "outrider"}:                                          false,
	{"watch", "", "secrets", "", "outrider"}:                                         false,
	{"create", "", "secrets", "", "outrider"}:                                        false,
	{"delete", "", "secrets", "outrider-injector-tls", "outrider"}:                   false,
	{"update", admission, "mutatingwebhookconfigurations", "outrider-injector", ""}:  false,
	{"patch", admission, "mutatingwebhookconfigurations", "another", ""}:             false,
	{"patch", admission, "validatingwebhookconfigurations", "outrider-injector", ""}: false,
	{"create", admission, "mutatingwebhookconfigurations", "", ""}:                   false,
	{"delete", admission, "mutatingwebhookconfigurations", "outrider-injector", ""}:  false,
	{"get", "", "events", "", "agents"}:                                              false,
	{"delete", "", "events", "", "agents"}:                                           false,
	{"get", "", "pods", "", "agents"}:                                                false,
	{"create", "", "pods", "", "outrider"}:                                           false,
	{"patch", "", "pods", "", "agents"}:                                              false,
	{"get", "", "configmaps", "outrider-pdp", "outrider"}:                            false,
	{"update", "", "configmaps", "outrider-policies", "outrider"}:                    false,
	{"create", "", "serviceaccounts", "", "agents"}:                                  false,
	{"list", "", "namespaces", "", ""}:                                               false,
	{"bind", "rbac.authorization.k8s.io", "clusterroles", "cluster-admin", ""}:       false,
	{"impersonate", "", "users", "admin", ""}:                                        false,
}

// TestRights asks the API server what the service accounts may do, with their tokens:
// the injector all that it needs and nothing besides, the decision service nothing.
func TestRights(t *testing.T) {
	c := install(t)
	injector, pdp := c.token(t, "outrider", "outrider-injector"), c.token(t, "outrider", "outrider-pdp")
	for asked, want := range rights {
		if got := c.may(t, injector, asked); got != want {
			t.Errorf("outrider-injector %v: %v", asked, got)
		}
		if c.may(t, pdp, asked) {
			t.Errorf("outrider-pdp %v", asked)
		}
	}
	everywhere := []string{"[create] [] [events] []", "[get patch] [admissionregistration.k8s.io] [mutatingwebhookconfigurations] [outrider-injector]"}
	own := slices.Concat(everywhere, []string{"[get update] [] [secrets] [outrider-injector-tls]"})
	for _, tt := range []struct {
		token, namespace string
		want             []string
	}{{injector, "outrider", own}, {injector, "agents", everywhere}, {pdp, "outrider", nil}, {pdp, "agents", nil}} {
		if got := c.rules(t, tt.token, tt.namespace); !slices.Equal(got, tt.want) {
			t.Errorf("in %s: %q, want %q", tt.namespace, got, tt.want)
		}
	}
	if err := c.writeConfig("injector", injector); err != nil {
		t.Fatal(err)
	}
	if _, refusal, err := c.kubectlAs("injector", nil, "get", "secret", "outrider-keys", "-n", "outrider"); err == nil || !strings.Contains(refusal, "Forbidden") {
		t.Errorf("the injector reads the providers' keys: %q", refusal)
	}
}

// may asks for a review of one's own access.
func (c *cluster) may(t *testing.T, token string, r right) bool {
	t.Helper()
	var review struct{ Status struct{ Allowed bool } }
	c.post(t, token, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": object{"resourceAttributes": object{
			"verb": r.verb, "group": r.group, "resource": r.resource, "name": r.name, "namespace": r.namespace,
		}},
	}, &review)
	return review.Status.Allowed
}

// rules lists all that a service account may do in a namespace, but for what every account
// may: ask about itself.
func (c *cluster) rules(t *testing.T, token, namespace string) (out []string) {
	t.Helper()
	var review struct {
		Status struct {
			ResourceRules []struct{ Verbs, APIGroups, Resources, ResourceNames []string }
		}
	}
	c.post(t, token, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": object{"namespace": namespace},
	}, &review)
	for _, r := range review.Status.ResourceRules {
		if !slices.Contains([]string{"authorization.k8s.io", "authentication.k8s.io"}, r.APIGroups[0]) {
			out = append(out, fmt.Sprint(r.Verbs, r.APIGroups, r.Resources, r.ResourceNames))
		}
	}
	slices.Sort(out)
	return out
}

// post posts an object with a token and reads the answer.
func (c *cluster) post(t *testing.T, token, path string, o object, answer any) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, c.ca)))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+path, bytes.NewReader(encode(t, o)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", path, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}
