package token

import (
	"strings"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	good := func() Provider { return inlineProvider(setOf("rsa")) }
	change := func(fn func(*Provider)) []Provider {
		p := good()
		fn(&p)
		return []Provider{p}
	}
	url := func(u string) []Provider {
		return change(func(p *Provider) { p.JWKS = Keys{URL: u} })
	}
	for name, tt := range map[string]struct {
		providers []Provider
		want      string // part of the message
	}{
		"no issuer":            {change(func(p *Provider) { p.Issuer = "" }), "issuer is empty"},
		"empty audience":       {change(func(p *Provider) { p.Audiences = []string{""} }), "audiences"},
		"leeway below zero":    {change(func(p *Provider) { p.Leeway = -1 }), "leeway"},
		"leeway too long":      {change(func(p *Provider) { p.Leeway = maxLeeway + 1 }), "leeway"},
		"cache too short":      {change(func(p *Provider) { p.JWKS.CacheDuration = minCache - 1 }), "cacheDuration"},
		"cache too long":       {change(func(p *Provider) { p.JWKS.CacheDuration = maxCache + 1 }), "cacheDuration"},
		"no source":            {change(func(p *Provider) { p.JWKS = Keys{} }), "0 sources"},
		"two sources":          {change(func(p *Provider) { p.JWKS.File = "jwks.json" }), "2 sources"},
		"inline without keys":  {change(func(p *Provider) { p.JWKS.Inline = []byte(`{"keys":[]}`) }), "inline"},
		"http":                 {url("http://issuer.example/keys"), "https"},
		"http to a name":       {url("http://localhost.example/keys"), "https"},
		"ftp":                  {url("ftp://issuer.example/keys"), "https"},
		"relative":             {url("/keys"), "absolute"},
		"no host":              {url("https:///keys"), "absolute"},
		"unreadable":           {url("https://issuer.example:port/"), "absolute"},
		"discovery by http":    {change(func(p *Provider) { p.JWKS = Keys{Metadata: "http://issuer.example/meta"} }), "discovery url"},
		"discovery by a name":  {change(func(p *Provider) { p.JWKS = Keys{Metadata: MetadataURL("my-issuer")} }), "absolute"},
		"discovery and a URL":  {change(func(p *Provider) { p.JWKS = Keys{Metadata: testURL, URL: testURL} }), "2 sources"},
		"password in the URL":  {url("https://user:pass@issuer.example/keys"), "password"},
		"same issuer, two key": {append(change(func(*Provider) {}), url(testURL)...), "providers[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Config{Providers: tt.providers})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "pass@") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	for _, keys := range []Keys{
		{URL: testURL},
		{Metadata: MetadataURL(testIssuer)},
		{Metadata: "http://127.0.0.1:8080/meta"},
		{URL: "http://127.0.0.1:8080/keys"},
		{URL: "http://[::1]/keys"},
		{URL: "http://localhost/keys"},
		{File: "jwks.json"},
		{Inline: setOf("rsa")},
		{URL: testURL, CacheDuration: minCache},
		{URL: testURL, CacheDuration: maxCache},
	} {
		if _, err := New(Config{Providers: []Provider{{Issuer: testIssuer, JWKS: keys}}}); err != nil {
			t.Errorf("%+v: %v", keys, err)
		}
	}
}

func TestMergeTakesTheStricter(t *testing.T) {
	a, b := inlineProvider(setOf("rsa")), inlineProvider(setOf("rsa"))
	a.Leeway, b.Leeway = time.Minute, 10*time.Second
	a.JWKS.CacheDuration, b.JWKS.CacheDuration = time.Hour, time.Minute
	b.Audiences = []string{"api://b"}
	b.NotBefore = noon
	out, err := merge([]Provider{a, b})
	if err != nil || len(out) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if got := out[0]; got.Leeway != 10*time.Second || got.JWKS.CacheDuration != time.Minute || len(got.Audiences) != 2 || !got.NotBefore.Equal(noon) {
		t.Errorf("merged to %+v", got)
	}
	if len(a.Audiences) != 1 {
		t.Error("the caller's list was changed")
	}
}
