package inbound

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
)

func TestHeadersThatStay(t *testing.T) {
	in := http.Header{}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Expect",
		"Content-Length", "Content-Encoding", "Accept-Encoding", "Host",
		"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "X-Amzn-Oidc-Accesstoken", "X-Forwarded-Authorization",
		"Cookie", "Cookie2", "Set-Cookie", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "ApiKey", "X-Auth-Token", "X-Client-Secret", "X-Amz-Credential",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP",
	} {
		in.Set(name, "close")
	}
	for _, name := range []string{"Range", "If-Range", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"} {
		if got := RequestHeader(http.Header{http.CanonicalHeaderKey(name): {"/v1/files"}}); len(got) != 1 {
			t.Errorf("%s asks for another request than the judged one, and travels on", name)
		}
	}
	got := RequestHeader(in)
	if diff := cmp.Diff(http.Header{"Accept-Encoding": {"identity"}}, got); diff != "" {
		t.Errorf("a request takes more with it:\n%s", diff)
	}
	if got := Readable(decision.LLM, in); len(got) != 0 {
		t.Errorf("rules may read %v", got)
	}
}

// TestUnderscores: some servers take them for dashes, so a header does not
// travel on under a name that stays when it is written with dashes.
func TestUnderscores(t *testing.T) {
	in := http.Header{}
	for _, name := range []string{
		"Api_key", "X_api_key", "X_forwarded_for", "X_real_ip", "X_http_method_override", "X-Original_URL", "If_range", "Mcp_name", "Mcp-Method_",
		"Content_Length", "Transfer_Encoding", "Content_Encoding", "Content_type", "Accept_encoding", "Keep_alive", "Proxy_Connection", "Http2_settings",
		"Proxy_Authorization", "Set_cookie", "Alt_svc", "Outrider_decision", "PROXY_AUTHENTICATE",
	} {
		in.Set(name, "x")
	}
	if diff := cmp.Diff(http.Header{"Accept-Encoding": {"identity"}}, RequestHeader(in)); diff != "" {
		t.Errorf("a request takes more with it:\n%s", diff)
	}
	all := slices.Sorted(maps.Keys(in))
	in.Set("My_header", "x")
	in.Set("Mcp-Name", "x")
	in.Set("X_Team", "x")
	in.Set("X-Team", "x")
	call := New(&Request{Header: in}, decision.Caller{}, decision.Face{})
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, call.Stripped(nil)); diff != "" {
		t.Errorf("a proxy is told to take out\n%s", diff)
	}
	if got := call.Stripped([]string{"x-team"}); len(got) != len(all)+1 || !slices.Contains(got, "x_team") {
		t.Errorf("beside a header that is set, a proxy is told to take out %q", got)
	}
	got := Readable(decision.LLM, in)
	for _, name := range []string{"my_header", "mcp-name", "x_team", "x-team"} {
		if got[name] != "x" {
			t.Errorf("rules may not read %s", name)
		}
	}
	for _, name := range []string{"x_api_key", "api_key", "x_forwarded_for", "x_real_ip", "content_length", "transfer_encoding"} {
		if got[name] != "" {
			t.Errorf("rules may read %s", name)
		}
	}
}

// TestResponseUnderscores: the way back is as the way there.
func TestResponseUnderscores(t *testing.T) {
	in := http.Header{"Content_length": {"1"}, "Set_cookie": {"a=b"}, "Outrider_decision": {"x"}, "Outrider-Decision": {"x"}, "X_stay": {"1"}}
	if diff := cmp.Diff(http.Header{"X_stay": {"1"}}, ResponseHeader(in)); diff != "" {
		t.Error(diff)
	}
}

// TestHeaderOps: what a policy sets or removes is gone in every spelling.
func TestHeaderOps(t *testing.T) {
	got := withOps(http.Header{"X_team": {"a"}, "X-Team": {"b"}, "X_gone": {"c"}, "X-Other": {"d"}}, []decision.HeaderOp{
		{Name: "X-Team", Value: decision.Secret("policy")}, {Name: "x-gone", Remove: true},
	})
	if diff := cmp.Diff(http.Header{"X-Team": {"policy"}, "X-Other": {"d"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersThatTravel(t *testing.T) {
	in := http.Header{
		"Content-Type":        {"application/json"},
		"Accept":              {"text/event-stream"},
		"User-Agent":          {"OpenAI/Python"},
		"Traceparent":         {"00-a-b-01"},
		"Openai-Organization": {"org"},
		"Idempotency-Key":     {"once"},
		"X-Two":               {"a", "b"},
	}
	want := in.Clone()
	want["Accept-Encoding"] = []string{"identity"}
	if diff := cmp.Diff(want, RequestHeader(in)); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
	wantRead := map[string]string{
		"content-type": "application/json", "accept": "text/event-stream", "user-agent": "OpenAI/Python",
		"traceparent": "00-a-b-01", "openai-organization": "org", "idempotency-key": "once", "x-two": "a, b",
	}
	if diff := cmp.Diff(wantRead, Readable(decision.LLM, in)); diff != "" {
		t.Errorf("rules read:\n%s", diff)
	}
}

// TestConnectionNames: what Connection names belongs to the connection.
func TestConnectionNames(t *testing.T) {
	in := http.Header{
		"Connection": {"close, x-hop", " X-Other ,,"},
		"X-Hop":      {"1"}, "X-Other": {"2"}, "X-Stay": {"3"},
	}
	want := http.Header{"X-Stay": {"3"}}
	if diff := cmp.Diff(want, ResponseHeader(in)); diff != "" {
		t.Errorf("response:\n%s", diff)
	}
	want["Accept-Encoding"] = []string{"identity"}
	if diff := cmp.Diff(want, RequestHeader(in)); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
}

func TestResponseHeader(t *testing.T) {
	in := http.Header{
		"Content-Type": {"application/json"}, "X-Ratelimit-Remaining-Tokens": {"7"}, "Retry-After": {"3"}, "X-Request-Id": {"id"},
		"Set-Cookie": {"a=b"}, "Alt-Svc": {`h3=":443"`}, "Content-Length": {"3"}, "Transfer-Encoding": {"chunked"}, "Connection": {"keep-alive"},
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "X-Ratelimit-Remaining-Tokens": {"7"}, "Retry-After": {"3"}, "X-Request-Id": {"id"},
	}
	if diff := cmp.Diff(want, ResponseHeader(in)); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersOfNothing(t *testing.T) {
	if got := RequestHeader(nil); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if got := Readable(decision.LLM, http.Header{"X-None": nil}); got["x-none"] != "" {
		t.Errorf("got %v", got)
	}
}

// FuzzRequestHeader: no name, however it is written, carries a credential on,
// and what an agent sends is not changed in its own hands.
func FuzzRequestHeader(f *testing.F) {
	f.Add("Authorization", "Bearer x", "close")
	f.Add("x-hop", "1", "X-Hop, close")
	f.Add("X-Api-Key", "", ",, ,")
	f.Add("x_api-key", "k", "")
	f.Add("content_LENGTH", "0", "")
	f.Add("Accept-Encoding", "gzip", "accept-encoding")
	f.Fuzz(func(t *testing.T, name, value, connection string) {
		in := http.Header{"X-Stay": {"1"}}
		in.Add(name, value)
		in.Add("Connection", connection)
		before := in.Clone()
		out := RequestHeader(in)
		if diff := cmp.Diff(before, in); diff != "" {
			t.Fatalf("the agent's own headers changed:\n%s", diff)
		}
		if got := out["Accept-Encoding"]; !slices.Equal(got, []string{"identity"}) {
			t.Fatalf("asked for %q", got)
		}
		for key := range out {
			lower := strings.ReplaceAll(strings.ToLower(key), "_", "-")
			if slices.Contains([]string{"content-length", "transfer-encoding", "connection", "host", "upgrade", "te"}, lower) || strings.Contains(lower, "authorization") || strings.Contains(lower, "cookie") || strings.Contains(lower, "api-key") {
				t.Fatalf("%q travels on", key)
			}
			if key != "Accept-Encoding" && named(connection, key) {
				t.Fatalf("%q travels on, which Connection names", key)
			}
		}
	})
}

func named(connection, key string) bool {
	for name := range strings.SplitSeq(connection, ",") {
		if textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)) == key {
			return true
		}
	}
	return false
}

// TestReadableOfMCP: rules read what the protocol defines and what describes
// the client, as text, and no session.
func TestReadableOfMCP(t *testing.T) {
	in := http.Header{
		"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Name": {"a", "b"}, "Mcp-Session-Id": {"s3cr3t"}, "User-Agent": {"na\xefve"},
		"Accept": {"application/json"}, "Authorization": {"Bearer x"}, "X-Vendor": {"v"}, "Traceparent": {"00"}, "Mcp-Param-Token": {"t"},
	}
	want := map[string]string{
		"mcp-protocol-version": "2026-07-28", "mcp-name": "a, b", "user-agent": "na\uFFFDve", "accept": "application/json", "traceparent": "00",
	}
	if diff := cmp.Diff(want, Readable(decision.MCP, in)); diff != "" {
		t.Error(diff)
	}
}

// plainlyPersonal and plainlyRedirects say the same of a name in words.
func plainlyPersonal(name string) bool {
	beyond := strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII })
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, word := range []string{"authorization", "api-key", "apikey", "token", "secret", "credential", "cookie"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return beyond || name == "forwarded" || name == "x-real-ip" || strings.HasPrefix(name, "x-forwarded-")
}

func plainlyRedirects(name string) bool {
	lower := strings.ToLower(name)
	dashed := strings.ReplaceAll(lower, "_", "-")
	return dashed != lower && strings.HasPrefix(dashed, "mcp-") || slices.Contains([]string{
		"range", "if-range", "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override",
	}, dashed)
}

// FuzzNames: what is read letter by letter is what the words say, in any case
// and with underscores for dashes.
func FuzzNames(f *testing.F) {
	for _, name := range []string{
		"X-Api_key", "APIKEY", "My-Tokens", "token", "Set-Cookie", "X-Crede", "Secre", "Range", "Ranges", "If_range", "Mcp_name", "MCP-Name_", "Mcp-Name",
		"Forwarded", "Forwarded-By", "X_Forwarded_", "X-Real-Ip", "X-Real-Ips", "aauthorization", "coo\u212aie", "cocookie", "ttoken", "sSECRET", "",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := personal(name), plainlyPersonal(name); got != want {
			t.Errorf("%q is personal: %v, want %v", name, got, want)
		}
		ascii := !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII })
		if got, want := redirects(name), plainlyRedirects(name); ascii && got != want {
			t.Errorf("%q redirects: %v, want %v", name, got, want)
		}
	})
}
