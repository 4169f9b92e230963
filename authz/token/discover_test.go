package token

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/fetch"
	"outrider.dev/outrider/decision"
)

func TestMetadataURL(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://a.example":         "https://a.example/.well-known/openid-configuration",
		"https://a.example/":        "https://a.example/.well-known/openid-configuration",
		"https://a.example/tenant":  "https://a.example/tenant/.well-known/openid-configuration",
		"https://a.example/tenant/": "https://a.example/tenant/.well-known/openid-configuration",
	} {
		if got := MetadataURL(issuer); got != want {
			t.Errorf("%s: %s", issuer, got)
		}
	}
}

func TestKeysURL(t *testing.T) {
	doc := func(issuer, keys any) string {
		return string(must(json.Marshal(object{"issuer": issuer, "jwks_uri": keys, "token_endpoint": "x"})))
	}
	const tls, plain = "https://issuer.example/meta", "http://127.0.0.1:1/meta"
	for name, tt := range map[string]struct{ from, doc, wantErr string }{
		"good":                    {tls, doc(testIssuer, testURL), ""},
		"loopback to TLS":         {plain, doc(testIssuer, testURL), ""},
		"loopback to loopback":    {plain, doc(testIssuer, "http://localhost:1/keys"), ""},
		"other issuer":            {tls, doc("https://elsewhere.example", testURL), `names the issuer "https://elsewhere.example"`},
		"a slash more":            {tls, doc(testIssuer+"/", testURL), "names the issuer"},
		"other case":              {tls, doc(strings.ToUpper(testIssuer), testURL), "names the issuer"},
		"template of all tenants": {tls, doc("https://issuer.example/{tenantid}/v2.0", testURL), "names the issuer"},
		"no issuer":               {tls, `{"jwks_uri":"https://issuer.example/keys"}`, "names the issuer"},
		"issuer is a list":        {tls, doc([]string{testIssuer}, testURL), "issuer is not a string"},
		"issuer twice":            {tls, `{"issuer":"x",` + doc(testIssuer, testURL)[1:], "twice"},
		"no keys":                 {tls, doc(testIssuer, ""), "absolute URL"},
		"keys is a list":          {tls, doc(testIssuer, []string{testURL}), "not a string"},
		"relative keys":           {tls, doc(testIssuer, "/keys"), "absolute URL"},
		"keys with a password":    {tls, doc(testIssuer, "https://u:p@issuer.example/keys"), "absolute URL"},
		"keys without TLS":        {tls, doc(testIssuer, "http://issuer.example/keys"), "without TLS"},
		"TLS down to loopback":    {tls, doc(testIssuer, "http://127.0.0.1:1/keys"), "without TLS"},
		"keys in a file":          {tls, doc(testIssuer, "file://host/etc/passwd"), "without TLS"},
		"keys without end":        {tls, doc(testIssuer, testURL+strings.Repeat("x", maxURL)), "more than"},
		"a page":                  {tls, "<html>", "JSON object"},
		"two documents":           {tls, "{}{}", "after its JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keysURL([]byte(tt.doc), tt.from, testIssuer)
			switch {
			case tt.wantErr == "" && (err != nil || got == ""):
				t.Errorf("%q, %v", got, err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr) || got != ""):
				t.Errorf("%q, error %v, want one with %q", got, err, tt.wantErr)
			}
		})
	}
}

func TestKeysURLKeepsMessagesShort(t *testing.T) {
	raw := must(json.Marshal(object{"issuer": strings.Repeat("é", 1<<16)}))
	if _, err := keysURL(raw, testURL, testIssuer); err == nil || len(err.Error()) > 600 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

// TestDiscoveryOfARealIssuer asks an OIDC issuer for its metadata.
func TestDiscoveryOfARealIssuer(t *testing.T) {
	srv := realIssuer(t)
	v, err := New(Config{Providers: []Provider{{
		Issuer: srv.URL, Audiences: []string{testAudience}, JWKS: Keys{Metadata: MetadataURL(srv.URL)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, v)
	waitReady(t, v)
	tok, err := v.Verify(obtain(t, srv, "mcp:read"))
	if err != nil || tok.Issuer != srv.URL || tok.Client != "sid1" {
		t.Errorf("%+v, %v", tok, err)
	}
}

// TestDiscoveryFollowsTheKeys moves the key set to another address.
func TestDiscoveryFollowsTheKeys(t *testing.T) {
	set, at := setOf("rsa"), "/first"
	var asked []string
	srv := httptest.NewUnstartedServer(nil)
	issuer := "http://" + srv.Listener.Addr().String()
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/meta":
			_ = json.NewEncoder(w).Encode(object{"issuer": issuer, "jwks_uri": issuer + at})
		case at:
			_, _ = w.Write(set)
		default:
			http.NotFound(w, r)
		}
	})
	srv.Start()
	defer srv.Close()
	v := newVerifier(t, Provider{Issuer: issuer, JWKS: Keys{Metadata: issuer + "/meta"}})
	_, err := v.Verify(mintAs("rsa", object{"iss": issuer}))
	wantCode(t, err, decision.CodeIssuerUnavailable)
	for _, name := range []string{"rsa", "rsa2"} {
		set, at = setOf(name), "/"+name
		if err := v.sources[0].refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(mintAs(name, object{"iss": issuer})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := strings.Join(asked, " "); got != "/meta /rsa /meta /rsa2" {
		t.Errorf("asked for %s", got)
	}
	set = nil
	if err := v.sources[0].refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("an empty answer: %v", err)
	}
	v.http.CloseIdleConnections()
}

func TestDiscoveryRefusesARedirectWithoutTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.RedirectHandler("http://127.0.0.1:1/meta", http.StatusFound))
	defer srv.Close()
	fetch := fromMetadata(fetch.Client(srv.Client(), fetchTimeout), srv.URL, testIssuer)
	if _, err := fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("error %v", err)
	}
}

// FuzzKeysURL: whatever metadata says, keys come from nowhere without TLS.
func FuzzKeysURL(f *testing.F) {
	f.Add([]byte(`{"issuer":"i","jwks_uri":"https://issuer.example/keys"}`))
	f.Add([]byte(`{"issuer":"i","jwks_uri":"http://127.0.0.1/keys"}`))
	f.Add([]byte(`{"issuer":"j"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := keysURL(raw, "https://issuer.example/meta", "i")
		if err == nil && (!strings.HasPrefix(strings.ToLower(got), "https://") || len(got) > maxURL) {
			t.Errorf("took %q from %q", got, raw)
		}
	})
}
