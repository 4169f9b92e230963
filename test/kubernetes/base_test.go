package kubernetes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/demo/tools"
)

const base = "../../deploy/kubernetes"

// applied installs the base once, as README.md says: the namespace, the keys, the
// certificate, and then everything.
var applied sync.Once

func install(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t)
	applied.Do(func() {
		c.must(t, nil, "apply", "-f", filepath.Join(base, "namespace.yaml"))
		c.furnish(t, "outrider")
		ca, cert, key := certificate(t, c.dir, time.Now().Add(-time.Hour), "outrider-pdp.outrider.svc")
		c.must(t, nil, "create", "secret", "tls", "outrider-pdp-tls", "-n", "outrider", "--cert", cert, "--key", key)
		c.must(t, nil, "create", "secret", "generic", "outrider-keys", "-n", "outrider", "--from-literal=openai="+providerKey, "--from-literal=github="+github.Token())
		c.must(t, nil, "create", "configmap", "outrider-trust", "-n", "outrider", "--from-file=ca.crt="+ca)
		c.must(t, nil, "apply", "-k", c.overlay(t))
	})
	return c
}

// overlay is what a user writes beside the base: where images and providers are.
func (c *cluster) overlay(t *testing.T, components ...string) string {
	t.Helper()
	dir := filepath.Join(c.dir, "overlay")
	full, err := filepath.Abs(base)
	if err != nil {
		t.Fatal(err)
	}
	// kustomize wants a path from one folder to the other.
	rel, err := filepath.Rel(dir, full)
	if err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf(overlayFile, rel)
	for _, name := range components {
		file += fmt.Sprintf("components: [%q]\n", filepath.Join(rel, "components", name))
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), file)
	write(t, filepath.Join(dir, "outrider.yaml"), strings.Replace(read(t, filepath.Join(base, "pdp/outrider.yaml")),
		"preset: openai", fmt.Sprintf("url: %q", "http://"+providerAddress+"/v1"), 1)+fmt.Sprintf(serversPart, githubAddress))
	write(t, filepath.Join(dir, "copilot.yaml"), fmt.Sprintf(copilotPolicy, "http://"+issuerAddress))
	return dir
}

const serversPart = `
mcp:
  servers:
    - {name: github, url: "http://%s/mcp", auth: {bearer: {file: /var/run/secrets/outrider/keys/github}}}
`

const copilotPolicy = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: copilot}
spec:
  agents: {names: [devops-copilot]}
  traffic:
    jwtAuthentication:
      providers:
        - issuer: %[1]q
          audiences: ["api://default"]
          jwks: {remote: {url: "%[1]s/keys"}}
  rules:
    - {name: readers, allow: {tools: ["list_*"]}, when: "'mcp:read' in scopes"}
    - {name: none-deletes, deny: {tools: ["delete_*"]}}
`

const overlayFile = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%q]
images:
  - {name: outrider-pdp, newName: localhost/outrider-pdp, newTag: test}
  - {name: outrider-injector, newName: localhost/outrider-injector, newTag: test}
configMapGenerator:
  - name: outrider-pdp
    namespace: outrider
    behavior: merge
    files: [outrider.yaml]
    options: {disableNameSuffixHash: true}
  - name: outrider-policies
    namespace: outrider
    behavior: merge
    files: [copilot.yaml]
    options: {disableNameSuffixHash: true}
`

// certificate makes an authority and a certificate that it signs, for ninety days from
// then on, and names the files: the authority's, the certificate and its key.
func certificate(t *testing.T, dir string, from time.Time, names ...string) (ca, cert, key string) {
	t.Helper()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "outrider"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: from, NotAfter: from.Add(90 * 24 * time.Hour),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
	}
	rootKey, leafKey := newKey(t), newKey(t)
	ca, cert, key = filepath.Join(dir, "ca.crt"), filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	writeCertificate(t, ca, root, root, &rootKey.PublicKey, rootKey)
	writeCertificate(t, cert, leaf, root, &leafKey.PublicKey, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return ca, cert, key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeCertificate(t *testing.T, file string, cert, parent *x509.Certificate, key *ecdsa.PublicKey, signer *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestBaseIsValid has the API server check every object of the base as it stands, its
// defaults and PodSecurity's restricted level included; kubectl's warnings fail it.
func TestBaseIsValid(t *testing.T) {
	c := install(t)
	out := c.must(t, nil, "apply", "--dry-run=server", "-k", base)
	if got := strings.Count(out, "(server dry run)"); got != 21 {
		t.Errorf("%d objects were checked, want 21:\n%s", got, out)
	}
	for _, name := range []string{"outrider-pdp", "outrider-injector"} {
		deployment := c.get(t, "deployment", name, "-n", "outrider")
		pod := podOf(deployment, "Deployment")
		c.must(t, encode(t, pod), "create", "--dry-run=server", "-f", "-")
	}
}

// TestVolumes has it check the variant with volumes: the decision service's Deployment, with
// all that it says, as a StatefulSet.
func TestVolumes(t *testing.T) {
	c := install(t)
	out := c.must(t, nil, "apply", "--dry-run=server", "-k", c.overlay(t, "volumes"))
	if strings.Count(out, "(server dry run)") != 21 || !strings.Contains(out, "statefulset.apps/outrider-pdp created") || strings.Contains(out, "deployment.apps/outrider-pdp") {
		t.Errorf("applied:\n%s", out)
	}
}

// TestSecondApplyChangesNothing holds the base to what the API server keeps, so that an
// upgrade changes what changed and nothing that others keep.
func TestSecondApplyChangesNothing(t *testing.T) {
	c := install(t)
	overlay := c.overlay(t)
	c.must(t, nil, "apply", "-k", overlay) // other tests may have led the Service elsewhere
	if out := c.must(t, nil, "diff", "-k", overlay); out != "" {
		t.Errorf("applied again, it would change:\n%s", out)
	}
}

// TestInjectionDocumentsLoad reads both documents as the injector does, and holds them to
// each other: the variant may say more about the certificate only.
func TestInjectionDocumentsLoad(t *testing.T) {
	own, err := config.LoadInjection(filepath.Join(base, "injector/injection.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	variant, err := config.LoadInjection(filepath.Join(base, "components/cert-manager/injection.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if variant.GetWebhook().GetTls().GetCert() == "" || own.GetWebhook().GetTls() != nil {
		t.Errorf("the certificate is in %q and %q", variant.GetWebhook().GetTls().GetCert(), own.GetWebhook().GetTls().GetCert())
	}
	variant.Webhook.Tls = nil
	if !proto.Equal(own, variant) {
		t.Errorf("the variant is another document:\n%v\n%v", own, variant)
	}
}

// podOf is the pod that a controller makes of a workload's template.
func podOf(workload object, kind string) object {
	meta := workload["metadata"].(object)
	template := workload["spec"].(object)["template"].(object)
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{}, "spec": template["spec"]}
	for k, v := range template["metadata"].(object) {
		if v != nil && k != "creationTimestamp" {
			pod["metadata"].(object)[k] = v
		}
	}
	pod["metadata"].(object)["namespace"] = meta["namespace"]
	pod["metadata"].(object)["name"] = meta["name"].(string) + "-x7x7x"
	pod["metadata"].(object)["ownerReferences"] = []object{{
		"apiVersion": workload["apiVersion"], "kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": true,
	}}
	return pod
}

const (
	providerKey     = "sk-provider-key-of-the-cluster"
	providerAddress = "127.0.0.1:18081"
	githubAddress   = "127.0.0.1:18082"
	issuerAddress   = "127.0.0.1:18083"
)

// github stands in for an MCP server, whose token is made anew with each run.
var github = tools.GitHub()
