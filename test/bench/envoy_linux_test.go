package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	deploy "outrider.dev/outrider/deploy/envoy"

	"outrider.dev/outrider/test/freeport"
)

// opaVariable names the binary of OPA's Envoy plugin, which is no dependency of
// this module.
const opaVariable = "OUTRIDER_BENCH_OPA"

// BenchmarkEnvoy puts the ways of a call through Envoy beside the data plane's,
// with the files of deploy/envoy. The added time of a question is that above
// plain Envoy, not above nothing.
func BenchmarkEnvoy(b *testing.B) {
	keys := newSigner(b)
	token := keys.token(b, "ann")
	at := newSite(b, keys)
	program := installedEnvoy(b)
	systems := []*system{
		at.proxy(b), at.direct(), at.plainEnvoy(b, program), at.asking(b, program, false, false), at.asking(b, program, true, true),
		at.overSocket(b, false), at.overSocket(b, true),
	}
	if opa := os.Getenv(opaVariable); opa != "" {
		systems = append(systems, at.askingOPA(b, program, opa, keys))
	} else {
		fmt.Printf("\nEnvoy + OPA is not measured: name the binary of github.com/open-policy-agent/opa-envoy-plugin in %s\n", opaVariable)
	}
	for _, s := range systems[direct+1:] {
		s.proveChat(b, token)
	}
	var results table
	for _, count := range []int{1, 16} {
		b.Run(fmt.Sprintf("chat_1_KB_c=%d", count), func(b *testing.B) {
			var rows []row
			for b.Loop() {
				rows = compare(b, works(token)[0], count, systems)
			}
			results.add(rows)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64((rows[authzAlone].whole - rows[plainEnvoy].whole).Microseconds()), "µs-added-by-ext_authz")
			if last := rows[len(rows)-1]; len(rows) > dataPlaneGuards+1 {
				b.ReportMetric(float64(rows[dataPlane].cpu)/float64(last.cpu), "sidecar+pdp/envoy+opa")
				b.ReportMetric(float64(rows[dataPlaneGuards].cpu)/float64(last.cpu), "sidecar+pdp+guards/envoy+opa")
				b.ReportMetric(float64(rows[authzAlone].cpu)/float64(last.cpu), "envoy+ext_authz/envoy+opa")
			}
		})
	}
	results.print()
}

// Places of the systems, after the proxy and nothing in between.
const (
	plainEnvoy = direct + 1 + iota
	authzAlone
	_ // both filters, guards on
	dataPlane
	dataPlaneGuards
)

// installedEnvoy is the Envoy that test/envoy drives.
func installedEnvoy(tb testing.TB) string {
	tb.Helper()
	cmd := exec.Command(filepath.Join("..", "envoy", "install"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("install Envoy: %v", err)
	}
	return strings.TrimSpace(string(out))
}

type tree = map[string]any

// envoyFile is the envoy.yaml of deploy/envoy with what a benchmark changes: the
// addresses, the agent, and which of its filters stay.
type envoyFile struct {
	root, manager, route tree
	clusters             map[string]tree
}

func readEnvoyFile(tb testing.TB) *envoyFile {
	tb.Helper()
	all, err := deploy.Files(false)
	if err != nil {
		tb.Fatal(err)
	}
	f := &envoyFile{clusters: map[string]tree{}}
	if err := yaml.Unmarshal([]byte(all[0].Text), &f.root); err != nil {
		tb.Fatal(err)
	}
	static := f.root["static_resources"].(tree)
	chain := static["listeners"].([]any)[0].(tree)["filter_chains"].([]any)[0].(tree)
	f.manager = chain["filters"].([]any)[0].(tree)["typed_config"].(tree)
	delete(f.manager, "access_log") // nobody else here writes one
	f.route = f.host()["routes"].([]any)[0].(tree)
	for _, c := range static["clusters"].([]any) {
		f.clusters[c.(tree)["name"].(string)] = c.(tree)
	}
	return f
}

func (f *envoyFile) host() tree {
	return f.manager["route_config"].(tree)["virtual_hosts"].([]any)[0].(tree)
}

// leadTo points a cluster at an address, in the clear.
func (f *envoyFile) leadTo(cluster string, address tree) {
	c := f.clusters[cluster]
	delete(c, "transport_socket")
	lb := c["load_assignment"].(tree)["endpoints"].([]any)[0].(tree)["lb_endpoints"].([]any)[0].(tree)
	lb["endpoint"].(tree)["address"] = address
}

// keep leaves only the filters whose names end so.
func (f *envoyFile) keep(names ...string) {
	var kept []any
	for _, one := range f.manager["http_filters"].([]any) {
		for _, name := range names {
			if strings.HasSuffix(one.(tree)["name"].(string), "."+name) {
				kept = append(kept, one)
			}
		}
	}
	f.manager["http_filters"] = kept
}

// say sets the context extensions of the one host and route.
func (f *envoyFile) say(extensions tree) {
	for _, at := range []tree{f.host(), f.route} {
		delete(at, "typed_per_filter_config")
	}
	if extensions != nil {
		f.host()["typed_per_filter_config"] = tree{"envoy.filters.http.ext_authz": tree{
			"@type":          "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
			"check_settings": tree{"context_extensions": extensions},
		}}
	}
}

func socketAddress(address string) tree {
	host, port, _ := strings.Cut(address, ":")
	number, _ := strconv.Atoi(port) // of a listener that was open
	return tree{"socket_address": tree{"address": host, "port_value": number}}
}

// start starts an Envoy with the file, on one worker as all systems have the
// same two cores.
func (f *envoyFile) start(tb testing.TB, s *site, program, dir string) (*process, string) {
	tb.Helper()
	address := freeport.For(tb)
	f.root["static_resources"].(tree)["listeners"].([]any)[0].(tree)["address"] = socketAddress(address)
	f.leadTo("openai", socketAddress(strings.TrimPrefix(s.farSide, "http://")))
	f.leadTo("github", socketAddress(strings.TrimPrefix(s.farSide, "http://")))
	raw, err := json.Marshal(f.root)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "envoy.yaml"), raw, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	p := start(tb, "envoy", program, []string{"-c", filepath.Join(dir, "envoy.yaml"), "--concurrency", "2", "--disable-hot-restart", "--log-level", "error"})
	answersAt(tb, address)
	return p, address
}

// plainEnvoy is an Envoy that asks nobody.
func (s *site) plainEnvoy(tb testing.TB, program string) *system {
	tb.Helper()
	f := readEnvoyFile(tb)
	f.keep("router")
	f.say(nil)
	f.leadTo("outrider", socketAddress(strings.TrimPrefix(s.farSide, "http://")))
	p, address := f.start(tb, s, program, tb.TempDir())
	return &system{name: "Envoy", address: address, processes: []*process{p}, bare: true}
}

// asking is an Envoy that asks the decision service over its unix socket, by
// ext_authz alone or by both filters.
func (s *site) asking(tb testing.TB, program string, both, guards bool) *system {
	tb.Helper()
	dir, c := tb.TempDir(), s.setup(tb, guards)
	decider := s.startPDP(tb, dir, c)
	eventually(tb, "the decision service", func() bool { _, err := os.Stat(socket(dir)); return err == nil })
	f := readEnvoyFile(tb)
	said := tree{"agent": "bench", "labels": "app=bench", "provider": "provider"}
	name := "Envoy + ext_authz"
	if both {
		said["paired"], name = "true", "Envoy + both"
	} else {
		f.keep("ext_authz", "router")
	}
	f.say(said)
	f.leadTo("outrider", tree{"pipe": tree{"path": socket(dir)}})
	p, address := f.start(tb, s, program, dir)
	return &system{name: name + withGuards(guards), address: address, processes: []*process{p, decider}, guards: guards}
}

// regoOfBench is the policy of the benchmark for OPA: the token by its
// signature, issuer, audience and expiry, a scope, and the model by its name.
const regoOfBench = `package bench

default allow := false

allow if {
	startswith(input.parsed_body.model, "gpt-")
	"llm" in claims.scp
}

claims := payload if {
	[valid, _, payload] := io.jwt.decode_verify(trim_prefix(input.attributes.request.http.headers.authorization, "Bearer "), {
		"cert": data.jwks, "alg": "RS256", "iss": %q, "aud": %q,
	})
	valid
}
`

// askingOPA is an Envoy that asks OPA's plugin, over a unix socket too. It
// remembers verified tokens.
func (s *site) askingOPA(tb testing.TB, program, opa string, keys *signer) *system {
	tb.Helper()
	dir := tb.TempDir()
	data, err := json.Marshal(tree{"jwks": keys.jwks(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	for name, text := range map[string]string{
		"policy.rego": fmt.Sprintf(regoOfBench, benchIssuer, benchAudience),
		"data.json":   string(data),
		"config.yaml": fmt.Sprintf("plugins: {envoy_ext_authz_grpc: {addr: %q, path: bench/allow}}\ndecision_logs: {console: false}\n"+
			"caching: {inter_query_builtin_value_cache: {named: {io_jwt: {max_num_entries: 1000}}}}\n", "unix://"+socket(dir)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	decider := start(tb, "OPA", opa, []string{
		"run", "--server", "--addr", freeport.For(tb), "--log-level", "error", "--config-file", filepath.Join(dir, "config.yaml"),
		filepath.Join(dir, "policy.rego"), filepath.Join(dir, "data.json"),
	})
	eventually(tb, "OPA", func() bool { _, err := os.Stat(socket(dir)); return err == nil })
	f := readEnvoyFile(tb)
	f.keep("ext_authz", "router")
	f.say(nil)
	f.leadTo("outrider", tree{"pipe": tree{"path": socket(dir)}})
	p, address := f.start(tb, s, program, dir)
	return &system{name: "Envoy + OPA", address: address, processes: []*process{p, decider}}
}

// proveChat makes sure that the system judges chats, by token and model.
func (s *system) proveChat(tb testing.TB, token string) {
	tb.Helper()
	if s.bare {
		return
	}
	good := works(token)[0].ask
	unlisted := good
	unlisted.raw = post("/v1/chat/completions", token, bytes.Replace(promptBody("hi", false), []byte(benchModel), []byte("other-model"), 1))
	for name, q := range map[string]question{"a good call": good, "a wrong token": prompt("x"+token, "hi", false), "a model that is not allowed": unlisted} {
		one, err := newAgents(s.address, 1)
		if err != nil {
			tb.Fatal(err)
		}
		if name != "a good call" {
			q.good = func([]byte) bool { return true }
			q.status = http.StatusForbidden
			if name == "a wrong token" && s.name != "Envoy + OPA" {
				q.status = http.StatusUnauthorized
			}
		}
		if _, err := one.each[0].ask(q); err != nil {
			tb.Errorf("%s, %s: %v", s.name, name, err)
		}
		one.close()
	}
}
