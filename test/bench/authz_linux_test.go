package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/test/freeport"
)

// atOnce is how many questions of ext_authz are on their way.
const atOnce = 16

// BenchmarkExtAuthz asks what answers ext_authz, without an Envoy: the CPU of
// the service for one question about a tool call, with a token and a rule on its
// scope. OPA's plugin does the same work beside it, as it comes and with verified
// tokens remembered. Tokens are one for all questions, or new with each.
func BenchmarkExtAuthz(b *testing.B) {
	keys := newSigner(b)
	at := &site{bin: build(b), jwks: keys.jwks(b), farSide: "http://127.0.0.1:1"}
	deciders := []*decider{at.outriderDecides(b)}
	if opa := os.Getenv(opaVariable); opa != "" {
		deciders = append(deciders, at.opaDecides(b, opa, keys, false), at.opaDecides(b, opa, keys, true))
	} else {
		fmt.Printf("\nOPA is not measured: name the binary of github.com/open-policy-agent/opa-envoy-plugin in %s\n", opaVariable)
	}
	one := checkOf(keys.token(b, "ann"))
	for _, d := range deciders {
		d.prove(b, one)
	}
	b.Run("token_known", func(b *testing.B) {
		contest(b, deciders, 2000, func() *authv3.CheckRequest { return one })
	})
	b.Run("token_new", func(b *testing.B) {
		seen := 0
		contest(b, deciders, 200, func() *authv3.CheckRequest {
			seen++
			return checkOf(keys.token(b, fmt.Sprint("user-", seen)))
		})
	})
}

// decider is a service that answers ext_authz.
type decider struct {
	name    string
	process *process
	client  authv3.AuthorizationClient
}

func newDecider(tb testing.TB, name, socket string, p *process) *decider {
	tb.Helper()
	eventually(tb, name, func() bool { _, err := os.Stat(socket); return err == nil })
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &decider{name, p, authv3.NewAuthorizationClient(conn)}
}

func (s *site) outriderDecides(tb testing.TB) *decider {
	tb.Helper()
	dir := tb.TempDir()
	return newDecider(tb, "outrider-pdp", socket(dir), s.startPDP(tb, dir, s.setup(tb, false)))
}

// regoOfTools is the same policy for OPA: the token by its signature, issuer,
// audience and expiry, tools by their names and the token's scopes.
const regoOfTools = `package bench

default allow := false

allow if {
	not denied
	startswith(input.parsed_body.params.name, "list_")
	"mcp:read" in claims.scp
}

allow if {
	not denied
	startswith(input.parsed_body.params.name, "create_")
	"mcp:write" in claims.scp
}

denied if contains(input.parsed_body.params.name, "delete")

claims := payload if {
	[valid, _, payload] := io.jwt.decode_verify(trim_prefix(input.attributes.request.http.headers.authorization, "Bearer "), {
		"cert": data.jwks, "alg": "RS256", "iss": %q, "aud": %q,
	})
	valid
}
`

func (s *site) opaDecides(tb testing.TB, opa string, keys *signer, remembers bool) *decider {
	tb.Helper()
	dir, name := tb.TempDir(), "OPA"
	data, err := json.Marshal(tree{"jwks": keys.jwks(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	config := fmt.Sprintf("plugins: {envoy_ext_authz_grpc: {addr: %q, path: bench/allow}}\ndecision_logs: {console: false}\n", "unix://"+socket(dir))
	if remembers {
		name += ", tokens remembered"
		config += "caching: {inter_query_builtin_value_cache: {named: {io_jwt: {max_num_entries: 1000}}}}\n"
	}
	for file, text := range map[string]string{
		"policy.rego": fmt.Sprintf(regoOfTools, benchIssuer, benchAudience), "data.json": string(data), "config.yaml": config,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	p := start(tb, name, opa, []string{
		"run", "--server", "--addr", freeport.For(tb), "--log-level", "error", "--config-file", filepath.Join(dir, "config.yaml"),
		filepath.Join(dir, "policy.rego"), filepath.Join(dir, "data.json"),
	})
	return newDecider(tb, name, socket(dir), p)
}

// checkOf is Envoy's question about a call of the first tool.
func checkOf(token string) *authv3.CheckRequest {
	body := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"` + toolName(0) + `","arguments":{"repo":"acme/shop","limit":10}}}`)
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: map[string]string{"agent": "bench", "labels": "app=bench"},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: "POST", Path: "/mcp/tools", Host: "127.0.0.1:4000", Scheme: "http", Protocol: "HTTP/1.1", RawBody: body, Size: int64(len(body)),
			Headers: map[string]string{
				":authority": "127.0.0.1:4000", ":method": "POST", ":path": "/mcp/tools", ":scheme": "http", "content-type": "application/json",
				"accept": "application/json, text/event-stream", "authorization": "Bearer " + token, "user-agent": "agent/1.0",
				"content-length": fmt.Sprint(len(body)), "x-forwarded-proto": "http", "x-request-id": "6a5a7f5e-0d5c-4b0e-9b63-8a2c0a6f0e11",
				"x-envoy-auth-partial-body": "false",
			},
		}},
	}}
}

// prove makes sure that the service tells a good question from a bad one.
func (d *decider) prove(tb testing.TB, good *authv3.CheckRequest) {
	tb.Helper()
	if ok, err := d.ask(good); !ok {
		tb.Fatalf("%s refuses a good call: %v", d.name, err)
	}
	for name, bad := range map[string]*authv3.CheckRequest{"a wrong token": checkOf("e30.e30.e30"), "no token": checkOf("")} {
		if ok, err := d.ask(bad); ok || err != nil {
			tb.Errorf("%s, %s: %v", d.name, name, err)
		}
	}
}

func (d *decider) ask(m *authv3.CheckRequest) (allowed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := d.client.Check(ctx, m)
	return err == nil && r.GetStatus().GetCode() == 0, err
}

// contest lets the services take turns, each with as many questions.
func contest(b *testing.B, deciders []*decider, questions int, next func() *authv3.CheckRequest) {
	b.Helper()
	took := make([][]time.Duration, len(deciders))
	for b.Loop() {
		for n := range rounds + 1 { // the first warms up
			for i, d := range deciders {
				if cost := d.turn(b, questions, next); n > 0 {
					took[i] = append(took[i], cost)
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of the whole contest: says nothing
	own := median(len(took[0]), func(n int) time.Duration { return took[0][n] })
	b.ReportMetric(float64(own.Nanoseconds())/1e3, "µs-CPU")
	for i := range deciders[1:] {
		ratio := median(len(took[0]), func(n int) float64 { return float64(took[0][n]) / float64(took[i+1][n]) })
		b.ReportMetric(ratio, [...]string{"of-OPA", "of-OPA-that-remembers"}[i])
	}
}

// turn asks so many questions, and returns the CPU of one.
func (d *decider) turn(b *testing.B, questions int, next func() *authv3.CheckRequest) time.Duration {
	b.Helper()
	list := make(chan *authv3.CheckRequest, questions)
	for range questions {
		list <- next()
	}
	close(list)
	var work sync.WaitGroup
	before := d.process.cpu(b)
	for range atOnce {
		work.Go(func() {
			for m := range list {
				if ok, err := d.ask(m); !ok {
					b.Errorf("%s refuses: %v", d.name, err)
					return
				}
			}
		})
	}
	work.Wait()
	return (d.process.cpu(b) - before) / time.Duration(questions)
}
