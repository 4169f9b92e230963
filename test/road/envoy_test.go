package road

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
)

// unguarded is a policy that needs nothing but headers of a proxy.
const unguarded = `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: unguarded}
spec:
  agents: {matchLabels: {app: road}}
  traffic:
    jwtAuthentication:
      providers:
        - {issuer: $issuer, audiences: ["$audience"], jwks: {remote: {url: $jwks}}}
    rateLimiting:
      - {match: {provider: limited}, per: Agent, limits: [{requestsPerMinute: $perMinute}]}
  backend:
    llm: {models: {allow: ["grok-*", "limited-*", "failover-*"]}}
  rules:
    - {name: readers, allow: {tools: ["list_*"]}, when: "'mcp:read' in scopes"}
`

// authorization is a client of ext_authz as Envoy has one.
func authorization(t *testing.T, target string, creds credentials.TransportCredentials) authv3.AuthorizationClient {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(16<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// onSocket asks the decision service by its unix socket.
func (r *Road) onSocket(t *testing.T) authv3.AuthorizationClient {
	t.Helper()
	return authorization(t, "unix://"+r.socket(), insecure.NewCredentials())
}

// asEnvoy words a call as Envoy does.
func asEnvoy(c call, extensions map[string]string) *authv3.CheckRequest {
	headers := map[string]string{":method": c.verb(), ":path": c.path, "x-envoy-auth-partial-body": "false"}
	for name, values := range c.headers() {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	all := map[string]string{"agent": agentName, "labels": "app=road"}
	for key, value := range extensions {
		all[key] = value
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: all,
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: c.verb(), Path: c.path, Headers: headers, RawBody: []byte(c.body), Size: int64(len(c.body)),
		}},
	}}
}

func check(t *testing.T, client authv3.AuthorizationClient, m *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp, err := client.Check(ctx, m)
	if err != nil {
		t.Fatalf("Envoy would do what its failure mode says: %v", err)
	}
	return resp
}

// byExtAuthz sends calls the way of an Envoy with ext_authz alone, whose routes
// name a target or none.
func byExtAuthz(targeted bool) func(*testing.T, *Road) func(*testing.T, call) decision.Code {
	return func(t *testing.T, r *Road) func(*testing.T, call) decision.Code {
		t.Helper()
		client := r.onSocket(t)
		return func(t *testing.T, c call) decision.Code {
			t.Helper()
			var to map[string]string
			server, named := strings.CutPrefix(c.path, pathMCP+"/")
			switch {
			case !targeted:
			case named:
				to = map[string]string{"server": server}
			case c.path != pathMCP:
				to = map[string]string{"provider": "main"}
			}
			resp := check(t, client, asEnvoy(c, to))
			if resp.GetOkResponse() != nil {
				return ""
			}
			return codeIn(t, c.path, []byte(resp.GetDeniedResponse().GetBody()))
		}
	}
}

// byExtAuthzList is byExtAuthz for an Envoy that sends headers as a list, each
// as it came (encode_raw_headers).
func byExtAuthzList(t *testing.T, r *Road) func(*testing.T, call) decision.Code {
	t.Helper()
	client := r.onSocket(t)
	return func(t *testing.T, c call) decision.Code {
		t.Helper()
		m := asEnvoy(c, nil)
		http := m.GetAttributes().GetRequest().GetHttp()
		http.Headers, http.HeaderMap = nil, &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-envoy-auth-partial-body", RawValue: []byte("false")}}}
		for name, values := range c.headers() {
			for _, value := range values {
				http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)})
			}
		}
		if resp := check(t, client, m); resp.GetOkResponse() == nil {
			return codeIn(t, c.path, []byte(resp.GetDeniedResponse().GetBody()))
		}
		return ""
	}
}

func header(list []*corev3.HeaderValueOption, name string) string {
	for _, h := range list {
		if h.GetHeader().GetKey() == name {
			return h.GetHeader().GetValue()
		}
	}
	return ""
}

// refusedAs demands a denial with the code.
func refusedAs(t *testing.T, path string, resp *authv3.CheckResponse, code decision.Code) *authv3.DeniedHttpResponse {
	t.Helper()
	d := resp.GetDeniedResponse()
	if d == nil {
		t.Fatalf("%s is allowed, want %s", path, code)
	}
	if got := codeIn(t, path, []byte(d.GetBody())); got != code || int(d.GetStatus().GetCode()) != code.Status().HTTP {
		t.Errorf("%s: %d %s, want %s", path, d.GetStatus().GetCode(), d.GetBody(), code)
	}
	return d
}

func toMain() map[string]string   { return map[string]string{"provider": "main"} }
func toGithub() map[string]string { return map[string]string{"server": "github"} }

// eachEnvoy runs a test by unix socket and by mutual TLS.
func eachEnvoy(t *testing.T, run func(t *testing.T, r *Road, client authv3.AuthorizationClient)) {
	t.Helper()
	t.Run("unix socket", func(t *testing.T) {
		r := overTheWire(t, newSetup(t, withPolicy(unguarded)))
		run(t, r, r.onSocket(t))
	})
	t.Run("mutual TLS", func(t *testing.T) {
		r := overTheWire(t, newSetup(t, withPolicy(unguarded), overTLS("client")))
		run(t, r, r.onTLS(t, "client"))
	})
}

func withPolicy(policy string) func(*setup) { return func(s *setup) { s.policy = policy } }

// onTLS asks by TCP with one of the certificates.
func (r *Road) onTLS(t *testing.T, client string) authv3.AuthorizationClient {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(r.dir, client+".crt"), filepath.Join(r.dir, client+".key"))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(r.dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return authorization(t, r.grpc, credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: pool}))
}

// TestExtAuthz makes calls as an Envoy that is trusted: keys come in, the
// agent's token goes out, and what is refused is told in the agent's protocol.
func TestExtAuthz(t *testing.T) {
	eachEnvoy(t, func(t *testing.T, r *Road, client authv3.AuthorizationClient) {
		token := r.token(t, scopeRead)
		good := attack{}
		mcp, llm := good.call(pathMCP+"/github", token), good.call(pathChat, token)
		for _, c := range []struct {
			call
			to  map[string]string
			key string
		}{{mcp, toGithub(), r.keys()["github"]}, {llm, toMain(), r.keys()["main"]}, {mcp, nil, ""}, {llm, nil, ""}} {
			resp := check(t, client, asEnvoy(c.call, c.to))
			ok := resp.GetOkResponse()
			if ok == nil {
				t.Fatalf("%s to %v: %s", c.path, c.to, resp.GetDeniedResponse().GetBody())
			}
			key, removed := header(ok.GetHeaders(), "authorization"), strings.Join(ok.GetHeadersToRemove(), " ")
			if c.key != "" && (key != "Bearer "+c.key || removed != "") || c.key == "" && (key != "" || removed != "authorization") {
				t.Errorf("%s to %v: the key is %q, removed is %q", c.path, c.to, key, removed)
			}
			id := resp.GetDynamicMetadata().GetFields()["decision_id"].GetStringValue()
			if id == "" || header(ok.GetResponseHeadersToAdd(), "outrider-decision") != id {
				t.Errorf("%s: the decision is %q: %v", c.path, id, ok.GetResponseHeadersToAdd())
			}
			if strings.Contains(resp.GetDynamicMetadata().String(), c.key) && c.key != "" {
				t.Error("the metadata tells a key")
			}
			if c.to != nil && r.outcome(t, id).End != decision.EndUnseen {
				t.Errorf("it ended as %+v", r.outcome(t, id))
			}
		}
		if sub := check(t, client, asEnvoy(mcp, nil)).GetDynamicMetadata().GetFields()["sub"].GetStringValue(); sub != "reader" {
			t.Errorf("Envoy hears of the subject %q", sub)
		}
		r.wantArrivals(t, 0)
	})
}

// TestExtAuthzRefuses makes calls that must not pass.
func TestExtAuthzRefuses(t *testing.T) {
	eachEnvoy(t, func(t *testing.T, r *Road, client authv3.AuthorizationClient) {
		token := r.token(t, scopeRead)
		good := attack{}
		mcp, llm := good.call(pathMCP+"/github", token), good.call(pathChat, token)
		asking := func(model string) call { return call{path: pathChat, body: chat(model, "hi"), header: llm.header} }
		calling := func(body string) call { return call{path: mcp.path, body: body, header: mcp.header} }
		for _, c := range []struct {
			name string
			call
			to   map[string]string
			code decision.Code
		}{
			{"an agent that the peer may not speak for", mcp, map[string]string{"server": "github", "agent": "stranger"}, decision.CodePeerRefused},
			{"a model that is not allowed", asking("llama-4"), toMain(), decision.CodeModelNotAllowed},
			{"a model that is routed elsewhere", asking("limited-1"), toMain(), decision.CodeFaceCannotEnforce},
			{"a model that is another one there", asking("failover-1"), map[string]string{"provider": "spare"}, decision.CodeFaceCannotEnforce},
			{"a list of tools", calling(rpc("tools/list", "{}")), toGithub(), decision.CodeFaceCannotEnforce},
			{"a list of tools, to nowhere", calling(rpc("tools/list", "{}")), nil, decision.CodeFaceCannotEnforce},
			{"a handshake", calling(rpc("initialize", "{}")), toGithub(), ""},
			{"a tool that is not allowed", calling(toolCall("admin_reset", "{}")), toGithub(), decision.CodeToolUnknown},
		} {
			resp := check(t, client, asEnvoy(c.call, c.to))
			if c.code != "" {
				refusedAs(t, c.path, resp, c.code)
			} else if resp.GetOkResponse() == nil {
				t.Errorf("%s: %s", c.name, resp.GetDeniedResponse().GetBody())
			}
		}
	})
}

// TestExtAuthzCounts: a call whose answer nobody sees counts as it was
// estimated, once.
func TestExtAuthzCounts(t *testing.T) {
	r := overTheWire(t, newSetup(t, withPolicy(unguarded)))
	client, limited := r.onSocket(t), call{path: pathChat, body: chat("limited-1", "hi"), header: attack{}.call(pathChat, "").header}
	for i := range perMinute {
		fields := check(t, client, asEnvoy(limited, map[string]string{"provider": "limited"})).GetDynamicMetadata().GetFields()
		one := fields["limits"].GetListValue().GetValues()[0].GetStructValue().GetFields()
		if got := one["requests_remaining"].GetNumberValue(); got != float64(perMinute-i-1) || one["requests_limit"].GetNumberValue() != perMinute {
			t.Errorf("after call %d Envoy hears %v", i+1, one)
		}
	}
	d := refusedAs(t, pathChat, check(t, client, asEnvoy(limited, map[string]string{"provider": "limited"})), decision.CodeRateLimited)
	if after, err := strconv.Atoi(header(d.GetHeaders(), "retry-after")); err != nil || after < 1 {
		t.Errorf("Retry-After is %q", header(d.GetHeaders(), "retry-after"))
	}
}

// TestExtAuthzStrangers: whoever proves nothing is granted nothing.
func TestExtAuthzStrangers(t *testing.T) {
	c := func(r *Road) call { return attack{}.call(pathMCP+"/github", r.token(t, scopeRead)) }
	r := overTheWire(t, newSetup(t, withPolicy(unguarded), func(s *setup) {
		s.listen += `, grpc: "127.0.0.1:0"`
	}))
	plain := authorization(t, r.grpc, insecure.NewCredentials())
	refusedAs(t, pathMCP, check(t, plain, asEnvoy(c(r), toGithub())), decision.CodePeerRefused)
	paired := map[string]string{"server": "github", "paired": "true"}
	refusedAs(t, pathMCP, check(t, plain, asEnvoy(c(r), paired)), decision.CodePeerRefused)
	if ok := check(t, plain, asEnvoy(c(r), nil)).GetOkResponse(); ok == nil || header(ok.GetHeaders(), "authorization") != "" {
		t.Errorf("a question without a target: %v", ok)
	}
	other := overTheWire(t, newSetup(t, withPolicy(unguarded), overTLS("other")))
	refusedAs(t, pathMCP, check(t, other.onTLS(t, "other"), asEnvoy(c(other), toGithub())), decision.CodePeerRefused)
}

// everybody is a policy for every agent, and a narrower one for the road's.
const everybody = `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: everybody}
spec: {backend: {llm: {models: {allow: ["grok-*", "limited-*"]}}}}
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: one}
spec: {agents: {names: [$agent]}, backend: {llm: {models: {allow: ["grok-*"]}}}}
`

// TestExtAuthzUnmodified: a client that says nothing about its routes is the one
// agent of its entry in pdp.peers; where nothing can be known, it is an agent
// without a name.
func TestExtAuthzUnmodified(t *testing.T) {
	plainly := func(s *setup) { s.listen += `, grpc: "127.0.0.1:0"` }
	asked := func(t *testing.T, client authv3.AuthorizationClient, model string) *authv3.CheckResponse {
		t.Helper()
		m := asEnvoy(call{path: pathChat, body: chat(model, "hi"), header: attack{}.call(pathChat, "").header}, nil)
		m.Attributes.ContextExtensions = nil
		return check(t, client, m)
	}
	passes := func(t *testing.T, resp *authv3.CheckResponse) {
		t.Helper()
		if ok := resp.GetOkResponse(); ok == nil || header(ok.GetHeaders(), "authorization") != "" {
			t.Errorf("got %v", resp)
		}
	}
	r := overTheWire(t, newSetup(t, withPolicy(everybody), plainly))
	nobody := authorization(t, r.grpc, insecure.NewCredentials())
	passes(t, asked(t, nobody, "grok-4"))
	passes(t, asked(t, nobody, "limited-1"))
	refusedAs(t, pathChat, asked(t, nobody, "llama-4"), decision.CodeModelNotAllowed)
	passes(t, asked(t, r.onSocket(t), "grok-4"))
	refusedAs(t, pathChat, asked(t, r.onSocket(t), "limited-1"), decision.CodeModelNotAllowed) // it is the road's agent there

	unselected := overTheWire(t, newSetup(t, withPolicy(unguarded), plainly))
	refusedAs(t, pathChat, asked(t, authorization(t, unselected.grpc, insecure.NewCredentials()), "grok-4"), decision.CodeNoPolicy)

	several := overTheWire(t, newSetup(t, withPolicy(everybody), func(s *setup) { s.peers = strings.Replace(s.peers, agentName, `"*"`, 1) }))
	refusedAs(t, pathChat, asked(t, several.onSocket(t), "grok-4"), decision.CodePeerRefused)
}

// TestExtAuthzPaired: where ext_proc follows, guards and edits are its
// business, and no key comes in before it.
func TestExtAuthzPaired(t *testing.T) {
	r := overTheWire(t, newSetup(t))
	client, token := r.onSocket(t), r.token(t, scopeRead)
	for path, to := range map[string]map[string]string{pathMCP + "/github": toGithub(), pathChat: toMain()} {
		to["paired"] = "true"
		resp := check(t, client, asEnvoy(attack{}.call(path, token), to))
		ok, fields := resp.GetOkResponse(), resp.GetDynamicMetadata().GetFields()
		if ok == nil || len(ok.GetHeaders()) > 0 || strings.Join(ok.GetHeadersToRemove(), " ") != "authorization" {
			t.Fatalf("%s: %v", path, resp)
		}
		if id := fields["exchange_id"].GetStringValue(); id == "" || id != fields["decision_id"].GetStringValue() {
			t.Errorf("%s: %v", path, fields)
		}
	}
	refusedAs(t, pathChat, check(t, client, asEnvoy(attack{}.call(pathChat, token), toMain())), decision.CodeFaceCannotEnforce)
}
