package token

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

func TestIntrospectionSettings(t *testing.T) {
	change := func(fn func(*Introspection)) []Provider {
		i := introspectionOf()
		fn(i)
		return []Provider{{Issuer: testIssuer, Introspection: i}}
	}
	twice := func(fn func(*Provider)) []Provider {
		list := append(change(func(*Introspection) {}), change(func(*Introspection) {})...)
		fn(&list[1])
		return list
	}
	for name, tt := range map[string]struct {
		providers []Provider
		want      string
	}{
		"no client":         {change(func(i *Introspection) { i.ClientID = "" }), "clientID"},
		"no secret":         {change(func(i *Introspection) { i.Secret = nil }), "secret"},
		"no url":            {change(func(i *Introspection) { i.URL = "" }), "absolute"},
		"http":              {change(func(i *Introspection) { i.URL = "http://issuer.example" }), "https"},
		"password":          {change(func(i *Introspection) { i.URL = "https://u:pass@issuer.example" }), "password"},
		"too long":          {change(func(i *Introspection) { i.CacheDuration = maxAnswerCache + 1 }), "cacheDuration"},
		"too short":         {change(func(i *Introspection) { i.CacheDuration = minAnswerCache - 1 }), "cacheDuration"},
		"two clients":       {twice(func(p *Provider) { p.Introspection.ClientID = "x" }), "introspection differs"},
		"one with, one not": {twice(func(p *Provider) { p.Introspection = nil; p.JWKS = Keys{} }), "0 sources"},
		"keys in one":       {twice(func(p *Provider) { p.JWKS = Keys{URL: testURL} }), "jwks differs"},
	} {
		if _, err := New(Config{Providers: tt.providers}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	shorter := twice(func(p *Provider) { p.Introspection.CacheDuration = time.Second })
	v, err := New(Config{Providers: shorter})
	if err != nil || v.issuers[testIssuer].introspection.CacheDuration != time.Second {
		t.Errorf("two listings: %v", err)
	}
	if shorter[0].Introspection.CacheDuration != 0 {
		t.Error("the caller's settings were changed")
	}
}

// TestIntrospectionKeepsSecrets: what goes wrong is told without the token, the
// secret and the address, and not with every call.
func TestIntrospectionKeepsSecrets(t *testing.T) {
	var log bytes.Buffer
	i := introspectionOf()
	i.URL += "?key=marker"
	e := &endpoint{down: true}
	v, err := New(Config{
		Providers: []Provider{{Issuer: testIssuer, Introspection: i}}, HTTP: &http.Client{Transport: e},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		_, err := v.Introspect(decision.Secret("marker"), []string{testIssuer})
		wantCode(t, err, decision.CodeIssuerUnavailable)
		if strings.Contains(err.Error(), "marker") {
			t.Errorf("the error shows the token: %v", err)
		}
	}
	if strings.Contains(log.String(), "marker") || strings.Contains(log.String(), testSecret) {
		t.Errorf("the log shows a secret:\n%s", log.String())
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("%d lines in the log, want one with the cause:\n%s", n, log.String())
	}
}

func TestSecretIsReadForEachQuestion(t *testing.T) {
	e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
	missing := true
	v := asking(t, e, func(p *Provider) {
		p.Introspection.Secret = func() (decision.Secret, error) {
			if missing {
				return nil, errors.New("key file: not there")
			}
			return decision.Secret(testSecret), nil
		}
	})
	_, err := v.Introspect(decision.Secret("good"), []string{testIssuer})
	wantCode(t, err, decision.CodeIssuerUnavailable)
	missing = false
	if _, err := v.Introspect(decision.Secret("good"), []string{testIssuer}); err != nil {
		t.Errorf("after the secret came: %v", err)
	}
	if n := e.questions(); n != 1 {
		t.Errorf("%d questions: one was asked without a secret", n)
	}
}

// TestAnswersOutliveAReload: the next Verifier asks no sooner for the same
// endpoint and client, and at once for others.
func TestAnswersOutliveAReload(t *testing.T) {
	e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
	v := asking(t, e, nil)
	must(v.Introspect(decision.Secret("good"), []string{testIssuer}))
	again := func(p *Provider) { p.JWKS, p.Introspection = Keys{}, introspectionOf() }
	must(reload(t, v, e, again).Introspect(decision.Secret("good"), []string{testIssuer}))
	if n := e.questions(); n != 1 {
		t.Errorf("%d questions after a reload, want 1", n)
	}
	moved := func(p *Provider) { again(p); p.Introspection.URL += "2" }
	must(reload(t, v, e, moved).Introspect(decision.Secret("good"), []string{testIssuer}))
	if n := e.questions(); n != 2 {
		t.Errorf("%d questions after the endpoint moved, want 2", n)
	}
}
