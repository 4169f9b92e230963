package kubernetes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/test/freeport"
)

// object is an object of Kubernetes, as JSON has it.
type object = map[string]any

// cluster is an API server with its etcd. No controller runs: what one would make,
// such as a namespace's default service account, the tests make themselves.
type cluster struct {
	dir         string
	bin         string // where kubectl is
	certmanager string // where it and its resource definitions are
	url         string
	ca          string // a file
	port        string
	running     []*process
	releases    []func() // of the ports
}

// newCluster starts one, whose name is that of its folder. It is to be stopped in any case.
func newCluster(name string) (*cluster, error) {
	c := &cluster{dir: filepath.Join(workDir, name)}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return c, err
	}
	install := exec.CommandContext(context.Background(), "./install")
	install.Stderr = os.Stderr
	out, err := install.Output()
	if err != nil {
		return c, fmt.Errorf("install: %w", err)
	}
	c.bin, c.certmanager, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return c, c.start()
}

// shared is the cluster of most tests.
var shared = sync.OnceValues(func() (*cluster, error) {
	c, err := newCluster("cluster")
	running = c
	return c, err
})

// running is what TestMain stops: the cluster, where a test asked for it.
var running *cluster

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clusterIssuer is what the API server writes into tokens: the usual one.
const clusterIssuer = "https://kubernetes.default.svc.cluster.local"

func (c *cluster) start() error {
	etcd, err := c.startEtcd()
	if err != nil {
		return err
	}
	key := filepath.Join(c.dir, "accounts.key")
	if err := writeKey(key); err != nil {
		return err
	}
	tokens := filepath.Join(c.dir, "tokens.csv")
	if err := os.WriteFile(tokens, []byte("admin-token,admin,admin,system:masters\n"), 0o600); err != nil {
		return err
	}
	if c.port, err = c.claimPort(); err != nil {
		return err
	}
	c.url = "https://127.0.0.1:" + c.port
	c.ca = filepath.Join(c.dir, "apiserver", "apiserver.crt")
	p, err := c.run("kube-apiserver",
		"--etcd-servers", etcd,
		"--bind-address", "127.0.0.1", "--secure-port", c.port,
		"--cert-dir", filepath.Dir(c.ca),
		"--service-account-issuer", clusterIssuer,
		"--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--service-cluster-ip-range", "10.0.0.0/24",
		"--authorization-mode", "RBAC",
		"--token-auth-file", tokens)
	if err != nil {
		return err
	}
	if err := c.writeConfig("admin", "admin-token"); err != nil {
		return err
	}
	if err := until("kube-apiserver", p, func() error {
		_, err := c.kubectl(nil, "get", "--raw", "/readyz")
		return err
	}); err != nil {
		return err
	}
	return nil
}

func (c *cluster) startEtcd() (string, error) {
	client, err := c.claimPort()
	if err != nil {
		return "", err
	}
	peer, err := c.claimPort()
	if err != nil {
		return "", err
	}
	client, peer = "http://127.0.0.1:"+client, "http://127.0.0.1:"+peer
	_, err = c.run("etcd", "--data-dir", filepath.Join(c.dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	return client, err
}

func (c *cluster) run(name string, args ...string) (*process, error) {
	p, err := startProcess(filepath.Join(c.bin, name), args...)
	if err == nil {
		c.running = append(c.running, p)
	}
	return p, err
}

// stop ends the processes, the last one first.
func (c *cluster) stop() {
	for i := len(c.running) - 1; i >= 0; i-- {
		_ = c.running[i].stop() // how they end is not what is tested here
	}
	for _, release := range c.releases {
		release()
	}
}

// claimPort claims a port of loopback until the cluster is stopped.
func (c *cluster) claimPort() (string, error) {
	address, release, err := freeport.Claim()
	if err != nil {
		return "", err
	}
	c.releases = append(c.releases, release)
	return portOf(address), nil
}

// portOf is the port of a loopback address.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// writeKey makes the key that signs tokens of service accounts.
func writeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// writeConfig writes the kubeconfig of a user.
func (c *cluster) writeConfig(user, token string) error {
	config, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []object{{"name": "test", "cluster": object{"server": c.url, "certificate-authority": c.ca}}},
		"users":    []object{{"name": user, "user": object{"token": token}}},
		"contexts": []object{{"name": "test", "context": object{"cluster": "test", "user": user}}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, user+".kubeconfig"), config, 0o600)
}

// kubectl runs it as the administrator. A warning of the API server is an error: what
// is applied here has to please it wholly.
func (c *cluster) kubectl(stdin []byte, args ...string) (string, error) {
	out, warnings, err := c.kubectlAs("admin", stdin, args...)
	if err == nil && strings.Contains(warnings, "Warning") {
		err = fmt.Errorf("kubectl %v: %s", args, warnings)
	}
	return out, err
}

func (c *cluster) kubectlAs(user string, stdin []byte, args ...string) (stdout, stderr string, err error) {
	args = append([]string{"--kubeconfig", filepath.Join(c.dir, user+".kubeconfig"), "--cache-dir", filepath.Join(c.dir, "kubectl")}, args...)
	return command(context.Background(), stdin, filepath.Join(c.bin, "kubectl"), args...)
}

// must is kubectl in a test.
func (c *cluster) must(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	out, err := c.kubectl(stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// get reads an object.
func (c *cluster) get(t *testing.T, args ...string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(c.must(t, nil, append([]string{"get", "-o", "json"}, args...)...)), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// apply applies objects and returns what the API server made of the last one.
func (c *cluster) apply(t *testing.T, objects ...object) {
	t.Helper()
	c.must(t, encode(t, object{"apiVersion": "v1", "kind": "List", "items": objects}), "apply", "-f", "-")
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// namespace makes a namespace with what controllers would put into it.
func (c *cluster) namespace(t *testing.T, name string, labels object) {
	t.Helper()
	c.apply(t,
		object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name, "labels": labels}})
	c.furnish(t, name)
}

// furnish does what controllers do for every namespace.
func (c *cluster) furnish(t *testing.T, namespace string) {
	t.Helper()
	ca, err := os.ReadFile(c.ca)
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t,
		object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": "default", "namespace": namespace}},
		object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "kube-root-ca.crt", "namespace": namespace}, "data": object{"ca.crt": string(ca)}})
}

// token asks for a token of a service account.
func (c *cluster) token(t *testing.T, namespace, account string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(c.must(t, nil, append([]string{"create", "token", account, "-n", namespace}, args...)...))
}
