package envoy

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	deploy "outrider.dev/outrider/deploy/envoy"
)

// tree is a part of a YAML file.
type tree = map[string]any

// file returns one of the files of a variant.
func file(t *testing.T, tcp bool, name string) string {
	t.Helper()
	all, err := deploy.Files(tcp)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Name == name {
			return f.Text
		}
	}
	t.Fatalf("there is no file %s", name)
	return ""
}

// read parses a file of deploy/envoy, to change in it what differs on every
// machine: addresses, and where certificates and keys are. Everything else is
// driven as it stands.
func read(t *testing.T, tcp bool, name string) tree {
	t.Helper()
	var out tree
	if err := yaml.Unmarshal([]byte(file(t, tcp, name)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// write writes a file as JSON, which is YAML too.
func write(t *testing.T, path string, content tree) {
	t.Helper()
	raw, err := json.MarshalIndent(content, "", " ")
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// in follows keys and indexes down a tree.
func in(t *testing.T, from any, steps ...any) any {
	t.Helper()
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			from = from.(tree)[step]
		case int:
			from = from.([]any)[step]
		}
		if from == nil {
			t.Fatalf("the file has nothing at %v of %v", step, steps)
		}
	}
	return from
}

// cluster finds a cluster of an envoy.yaml.
func cluster(t *testing.T, envoy tree, name string) tree {
	t.Helper()
	for _, c := range in(t, envoy, "static_resources", "clusters").([]any) {
		if c.(tree)["name"] == name {
			return c.(tree)
		}
	}
	t.Fatalf("there is no cluster %s", name)
	return nil
}

// leadTo points a cluster at an address.
func leadTo(t *testing.T, c tree, address tree) {
	t.Helper()
	in(t, c, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint").(tree)["address"] = address
}

// plainly points a cluster at a stand-in, which speaks no TLS.
func plainly(t *testing.T, c tree, to string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	leadTo(t, c, socketAddress(t, u.Host))
	delete(c, "transport_socket")
}

func socketAddress(t *testing.T, address string) tree {
	t.Helper()
	host, port, _ := strings.Cut(address, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return tree{"socket_address": tree{"address": host, "port_value": number}}
}

// TestValid has Envoy itself read the files of both variants as they stand,
// but for the places of certificates.
func TestValid(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			dir := t.TempDir()
			newAuthority(t, dir)
			text := strings.NewReplacer(
				"/etc/outrider/tls", dir,
				"/etc/ssl/certs/ca-certificates.crt", filepath.Join(dir, "ca.crt"),
			).Replace(file(t, v.tcp, "envoy.yaml"))
			path := filepath.Join(dir, "envoy.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, "envoy", dir, envoyBinary(t), "--mode", "validate", "-c", path)
			<-p.ended
			if said := p.log.String(); p.err != nil || !strings.Contains(said, "OK") {
				t.Errorf("Envoy refuses the file: %v", p.err)
			} else if strings.Contains(said, "[warning]") || strings.Contains(said, "deprecated") {
				t.Errorf("Envoy warns:\n%s", said)
			}
		})
	}
}
