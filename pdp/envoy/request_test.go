package envoy

import (
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
)

type change = func(*authv3.AttributeContext)

func httpOf(a *authv3.AttributeContext) *authv3.AttributeContext_HttpRequest { return a.Request.Http }

// TestBodies: only a body that is all of what travels on is judged.
func TestBodies(t *testing.T) {
	const invalid, large = decision.CodeBodyInvalid, decision.CodeBodyTooLarge
	asText := func(body string) change {
		return func(a *authv3.AttributeContext) { httpOf(a).RawBody, httpOf(a).Body = nil, body }
	}
	sized := func(n int64) change { return func(a *authv3.AttributeContext) { httpOf(a).Size = n } }
	for _, c := range []struct {
		name   string
		change change
		want   decision.Code
	}{
		{"as bytes", func(*authv3.AttributeContext) {}, ""},
		{"as text", asText(tool), ""},
		{"of a size that is not known", sized(-1), ""},
		{"of no size", sized(0), ""},
		{"of a length that is said", header("content-length", strconv.Itoa(len(tool))), ""},
		{"no word of parts", func(a *authv3.AttributeContext) { delete(httpOf(a).Headers, "x-envoy-auth-partial-body") }, ""},
		{"as text in which bytes were replaced", asText(strings.Replace(tool, "a/b", "a!b", 1)), invalid},
		{"twice", func(a *authv3.AttributeContext) { httpOf(a).Body = tool }, invalid},
		{"a part", header("x-envoy-auth-partial-body", "true"), large},
		{"perhaps a part", header("x-envoy-auth-partial-body", "TRUE"), large},
		{"a part or not", header("x-envoy-auth-partial-body", "false,true"), large},
		{"larger than it is", sized(int64(len(tool)) + 1), invalid},
		{"smaller than it is", sized(1), invalid},
		{"of another length", header("content-length", "1"), invalid},
		{"of a length that is none", header("content-length", "x"), invalid},
		{"left out", func(a *authv3.AttributeContext) { httpOf(a).RawBody = nil }, invalid},
		{"left out, and unsized", func(a *authv3.AttributeContext) { httpOf(a).RawBody, httpOf(a).Size = nil, -1 }, invalid},
		{"left out, and chunked", func(a *authv3.AttributeContext) {
			httpOf(a).RawBody, httpOf(a).Size = nil, 0
			httpOf(a).Headers["transfer-encoding"] = "chunked"
		}, invalid},
		{"compressed", header("content-encoding", "gzip"), decision.CodeBodyEncoding},
		{"of another type", header("content-type", "text/plain"), decision.CodeContentType},
		{"of two types", header("content-type", "application/json,text/plain"), decision.CodeContentType},
		{"behind a query", func(a *authv3.AttributeContext) { httpOf(a).Path += "?x=y" }, decision.CodeFaceCannotEnforce},
		{"behind a query that stands apart", func(a *authv3.AttributeContext) { httpOf(a).Query = "x=y" }, decision.CodeFaceCannotEnforce},
		{"behind a token in the query", func(a *authv3.AttributeContext) { httpOf(a).Path += "?access_token=y" }, invalid},
		{"behind a fragment", func(a *authv3.AttributeContext) { httpOf(a).Path += "#x" }, decision.CodeServerUnknown},
		{"too large", func(a *authv3.AttributeContext) {
			httpOf(a).RawBody = []byte(strings.Replace(tool, "a/b", strings.Repeat("a", 1<<20), 1))
			httpOf(a).Size = -1
		}, large},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := trusted(t)
			r := f.check(t, question("/mcp/github", tool, c.change))
			if c.want == "" {
				wantOK(t, r)
			} else if wantDenied(t, r, c.want); len(f.engine.checked) != 0 {
				t.Error("and yet somebody was asked")
			}
		})
	}
}

// TestCallsWithoutBody: a body that nobody reads must not travel.
func TestCallsWithoutBody(t *testing.T) {
	get := func(a *authv3.AttributeContext) {
		httpOf(a).Method, httpOf(a).RawBody, httpOf(a).Size = "GET", nil, 0
		httpOf(a).Headers = map[string]string{}
	}
	for _, c := range []struct {
		name   string
		change change
		want   decision.Code
	}{
		{"none", get, ""},
		{"a length of none", header("content-length", "0"), ""},
		{"one", func(a *authv3.AttributeContext) { httpOf(a).RawBody = []byte("x") }, decision.CodeBodyInvalid},
		{"one that was not sent", func(a *authv3.AttributeContext) { httpOf(a).Size = 1 }, decision.CodeBodyInvalid},
		{"one that is announced", header("content-length", "1"), decision.CodeBodyInvalid},
		{"one in chunks", header("transfer-encoding", "chunked"), decision.CodeBodyInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := trusted(t).check(t, question("/v1/models", "", get, c.change))
			if c.want == "" {
				wantOK(t, r)
			} else {
				wantDenied(t, r, c.want)
			}
		})
	}
}

// TestRoutesAndCalls: a call goes where its route leads, or nowhere.
func TestRoutesAndCalls(t *testing.T) {
	const cannot = decision.CodeFaceCannotEnforce
	for _, c := range []struct {
		name, path, body string
		change           change
		want             decision.Code
		server, target   string
	}{
		{"an LLM call to a provider", "/v1/chat/completions", chat, extended("provider", "xai"), "", "", "xai"},
		{"an LLM call to a server", "/v1/chat/completions", chat, extended("server", "github"), cannot, "", ""},
		{"a tool to a server", "/mcp/github", tool, extended("server", "github"), "", "github", "github"},
		{"a tool to a server that the path does not name", "/mcp", tool, extended("server", "github"), "", "github", "github"},
		{"a tool to another server", "/mcp/github", tool, extended("server", "slack"), cannot, "", ""},
		{"a tool to a provider", "/mcp/github", tool, extended("provider", "xai"), cannot, "", ""},
		{"anywhere", "/mcp/github", tool, extended(), "", "github", ""},
		{"paired, to nowhere", "/mcp/github", tool, extended("paired", "true"), cannot, "", ""},
		{"an unknown key", "/mcp/github", tool, extended("agnet", "x"), cannot, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := trusted(t)
			r := f.check(t, question(c.path, c.body, c.change))
			if c.want != "" {
				wantDenied(t, r, c.want)
				return
			}
			wantOK(t, r)
			ask := append(f.engine.opened, f.engine.checked...)[0]
			if ask.Server != c.server || ask.Target != c.target {
				t.Errorf("asked about the server %q and the target %q", ask.Server, ask.Target)
			}
		})
	}
}

// TestHeaderForms: both forms in which Envoy sends headers are read alike.
func TestHeaderForms(t *testing.T) {
	asMap := httpOf(question("/mcp", tool, header("x-two", "a,b")).GetAttributes())
	asList := httpOf(question("/mcp", tool).GetAttributes())
	asList.HeaderMap = &corev3.HeaderMap{}
	for name, value := range asMap.GetHeaders() {
		asList.HeaderMap.Headers = append(asList.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	asList.Headers = nil
	if diff := cmp.Diff(headerOf(asMap), headerOf(asList)); diff != "" {
		t.Error(diff)
	}
	asList.HeaderMap.Headers = append(asList.HeaderMap.Headers, &corev3.HeaderValue{Key: "Content-Type", Value: "text/plain"})
	if got := headerOf(asList)["Content-Type"]; len(got) != 2 {
		t.Errorf("two headers are read as %q", got)
	}
	wantDenied(t, trusted(t).check(t, question("/mcp", tool, func(a *authv3.AttributeContext) { a.Request.Http = asList })), decision.CodeContentType)
}
