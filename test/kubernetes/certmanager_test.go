package kubernetes

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCertManager installs the variant into a cluster of its own, where cert-manager's
// controllers run, and follows the certificates: issued, believed, renewed.
func TestCertManager(t *testing.T) {
	t.Parallel() // much of it is waiting
	c, err := newCluster("certmanager")
	defer c.stop()
	if err != nil {
		t.Fatal(err)
	}
	overlay := c.startCertManager(t)
	c.must(t, nil, "wait", "certificate", "--all", "-n", "outrider", "--for=condition=Ready", "--timeout=60s")
	for secret, name := range map[string]string{
		"outrider-pdp-tls": "outrider-pdp.outrider.svc", "outrider-injector-tls": "outrider-injector.outrider.svc",
	} {
		checkPair(t, c.secret(t, secret), name)
	}
	first := c.secret(t, "outrider-injector-tls")
	mustUntil(t, "cert-manager's caBundle", nil, func() error { return c.bundled(t, first["ca.crt"]) })
	if out := c.must(t, nil, "diff", "-k", overlay); out != "" {
		t.Errorf("applied again, it would change:\n%s", out)
	}
	c.checkNoRights(t)

	dir := t.TempDir()
	mount(t, dir, first)
	w := c.inject(t, strings.NewReplacer("outrider-sidecar:dev", "localhost/outrider-sidecar:test", "/var/run/secrets/outrider/tls", dir).
		Replace(read(t, filepath.Join(base, "components/cert-manager/injection.yaml"))), 0, 1)
	c.namespace(t, "agents", object{"outrider.dev/injection": "enabled"})
	agent := plain("agents", "agent", nil, nil)
	c.checkDryRun(t, agent)

	c.renew(t, "outrider-injector")
	var second map[string]string
	mustUntil(t, "the renewed certificate", nil, func() error {
		if second = c.secret(t, "outrider-injector-tls"); second["tls.crt"] == first["tls.crt"] {
			return fmt.Errorf("the Secret holds the old one")
		}
		return nil
	})
	checkPair(t, second, "outrider-injector.outrider.svc")
	if second["tls.key"] == first["tls.key"] {
		t.Error("the renewed certificate has the old key")
	}
	c.checkDryRun(t, agent) // the kubelet has not brought the renewed one yet
	mount(t, dir, second)
	mustUntil(t, "the injector's renewed certificate", w.process, func() error { return serves(w.port, second["tls.crt"]) })
	c.checkDryRun(t, agent)
}

// startCertManager installs cert-manager and then the variant, and returns its overlay.
func (c *cluster) startCertManager(t *testing.T) (overlay string) {
	t.Helper()
	for _, kind := range []string{"certificates", "certificaterequests", "issuers", "clusterissuers"} {
		c.must(t, nil, "create", "-f", filepath.Join(c.certmanager, "crds", "cert-manager.io_"+kind+".yaml"))
	}
	c.must(t, nil, "wait", "crd", "--all", "--for=condition=Established")
	p, err := startProcess(filepath.Join(c.certmanager, "certmanager"), filepath.Join(c.dir, "admin.kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	c.running = append(c.running, p)
	c.must(t, nil, "apply", "-f", filepath.Join(base, "namespace.yaml"))
	c.furnish(t, "outrider")
	c.must(t, nil, "create", "secret", "generic", "outrider-keys", "-n", "outrider", "--from-literal=openai="+providerKey)
	overlay = c.overlay(t, "cert-manager")
	c.must(t, nil, "apply", "-k", overlay)
	return overlay
}

// secret reads a Secret of Outrider's namespace.
func (c *cluster) secret(t *testing.T, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for key, value := range c.get(t, "secret", name, "-n", "outrider")["data"].(object) {
		data, err := base64.StdEncoding.DecodeString(value.(string))
		if err != nil {
			t.Fatal(err)
		}
		out[key] = string(data)
	}
	return out
}

// checkPair looks at a certificate as who connects to the name would.
func checkPair(t *testing.T, secret map[string]string, name string) {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(secret["tls.crt"]), []byte(secret["tls.key"]))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(secret["ca.crt"]))
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
		t.Error(err)
	}
	if left := time.Until(pair.Leaf.NotAfter); left > 90*24*time.Hour {
		t.Errorf("the certificate of %s counts for %s", name, left)
	}
}

// bundled is nil once both webhooks believe the authority.
func (c *cluster) bundled(t *testing.T, authority string) error {
	t.Helper()
	for n, hook := range list(c.get(t, "mutatingwebhookconfiguration", "outrider-injector")["webhooks"]) {
		if got := hook.(object)["clientConfig"].(object)["caBundle"]; got != base64.StdEncoding.EncodeToString([]byte(authority)) {
			return fmt.Errorf("webhook %d has the caBundle %v", n, got)
		}
	}
	return nil
}

// checkNoRights asks what the injector may do that keeps no certificate itself.
func (c *cluster) checkNoRights(t *testing.T) {
	t.Helper()
	injector := c.token(t, "outrider", "outrider-injector")
	for asked := range rights {
		if got := c.may(t, injector, asked); got != (asked.resource == "events" && asked.verb == "create") {
			t.Errorf("with cert-manager, outrider-injector %v: %v", asked, got)
		}
	}
}

// mount writes the Secret as a kubelet does that has just heard of it.
func mount(t *testing.T, dir string, secret map[string]string) {
	t.Helper()
	for key, value := range secret {
		write(t, filepath.Join(dir, key), value)
	}
}

// renew asks cert-manager for a new certificate before it is time, as its own tool does.
func (c *cluster) renew(t *testing.T, certificate string) {
	t.Helper()
	c.must(t, nil, "patch", "certificate", certificate, "-n", "outrider", "--subresource=status", "--type=json", "-p", string(encode(t, []object{{
		"op": "add", "path": "/status/conditions/-", "value": object{
			"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "the test renews it",
			"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
		},
	}})))
}

// serves is nil once the port answers with the certificate.
func serves(port, certificate string) error {
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true}) // it is compared below
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	block, _ := pem.Decode([]byte(certificate))
	if block == nil || !bytes.Equal(block.Bytes, conn.ConnectionState().PeerCertificates[0].Raw) {
		return fmt.Errorf("it serves with another certificate")
	}
	return nil
}
