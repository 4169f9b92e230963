package token

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// reload makes a Verifier with other settings that takes over from old.
func reload(t *testing.T, old *Verifier, f http.RoundTripper, change func(*Provider)) *Verifier {
	t.Helper()
	p := Provider{Issuer: testIssuer, Audiences: []string{testAudience}, JWKS: Keys{URL: testURL}}
	if change != nil {
		change(&p)
	}
	v, err := New(Config{Providers: []Provider{p}, Previous: old, HTTP: &http.Client{Transport: f}, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReloadRefusesNoGoodToken: the issuer is down while the policy changes,
// and nobody notices.
func TestReloadRefusesNoGoodToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		old := remote(t, f, 0)
		seen := mintAs("rsa", nil)
		first := must(old.Verify(seen))
		f.change(func(f *fakeIssuer) { f.down = true })

		next := reload(t, old, f, func(p *Provider) { p.JWKS.CacheDuration = time.Minute })
		if err := next.Ready(); err != nil {
			t.Errorf("not ready before it runs: %v", err)
		}
		if again, err := next.Verify(seen); err != nil || again != first {
			t.Errorf("a token seen before: %v", err)
		}
		if _, err := next.Verify(mintAs("rsa", object{"sub": "bob"})); err != nil {
			t.Errorf("a token never seen: %v", err)
		}
		start(t, next)
		time.Sleep(time.Hour)
		if _, err := next.Verify(mintAs("rsa", object{"sub": "carol"})); err != nil {
			t.Errorf("an hour later, with the issuer still away: %v", err)
		}
		time.Sleep(maxStale + time.Second)
		_, err := next.Verify(seen)
		wantCode(t, err, decision.CodeIssuerUnavailable) // a reload makes stale keys no younger
	})
}

func TestReloadTakesNothingFromAnotherSource(t *testing.T) {
	for name, change := range map[string]func(*Provider){
		"another URL":    func(p *Provider) { p.JWKS.URL += "2" },
		"discovery":      func(p *Provider) { p.JWKS = Keys{Metadata: testURL} },
		"another issuer": func(p *Provider) { p.Issuer += "2" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIssuer{set: setOf("rsa")}
				old := remote(t, f, 0)
				bearer := mintAs("rsa", nil)
				must(old.Verify(bearer))
				next := reload(t, old, f, change)
				if next.Ready() == nil {
					t.Error("ready with keys of another source")
				}
				if _, err := next.Verify(bearer); err == nil {
					t.Error("a token verified with keys of another source is believed")
				}
			})
		})
	}
}

// TestReloadedPolicyJudgesRememberedTokens: what is remembered passes no
// setting that it would not pass today.
func TestReloadedPolicyJudgesRememberedTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Provider)
		want   decision.Code
	}{
		"the same":         {nil, decision.CodeNone},
		"audience dropped": {func(p *Provider) { p.Audiences = []string{"api://other"} }, decision.CodeAudienceMismatch},
		"key withdrawn":    {func(p *Provider) { p.JWKS = Keys{Inline: setOf("rsa2")} }, decision.CodeTokenKeyUnknown},
		"same key, inline": {func(p *Provider) { p.JWKS = Keys{Inline: setOf("rsa")} }, decision.CodeNone},
		"issuer dropped":   {func(p *Provider) { p.Issuer = "https://elsewhere.example" }, decision.CodeIssuerUnknown},
		"shorter leeway":   {func(p *Provider) { p.Leeway = time.Second }, decision.CodeTokenExpired},
		"introspection":    {func(p *Provider) { p.JWKS, p.Introspection = Keys{}, introspectionOf() }, decision.CodeIssuerUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIssuer{set: setOf("rsa")}
				old := remote(t, f, 0)
				bearer := mintAs("rsa", nil)
				if tt.want == decision.CodeTokenExpired {
					bearer = mintAs("rsa", object{"exp": noon.Add(-10 * time.Second).Unix()})
				}
				must(old.Verify(bearer))
				_, err := reload(t, old, f, tt.change).Verify(bearer)
				wantCode(t, err, tt.want)
			})
		})
	}
}

// TestReloadGivesNoNewShare: reloading is no way around the bound on fetches.
func TestReloadGivesNoNewShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		old := remote(t, f, 0)
		for range 2 * maxBurst {
			_, _ = old.Verify(mintAs("rsa2", nil))
		}
		next := reload(t, old, f, nil)
		start(t, next)
		synctest.Wait()
		before := f.count()
		_, err := next.Verify(mintAs("rsa2", nil))
		wantCode(t, err, decision.CodeTokenKeyUnknown)
		if n := f.count(); n != before {
			t.Errorf("%d more fetches", n-before)
		}
	})
}

// TestReloadUnderLoad swaps Verifiers while calls go on; not one is refused.
func TestReloadUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa"), delay: time.Second}
		v := remote(t, f, 0)
		time.Sleep(2 * time.Second)
		bearers := []decision.Secret{mintAs("rsa", nil), mintAs("rsa", object{"sub": "bob"})}
		for range 5 {
			next := reload(t, v, f, nil)
			start(t, next)
			var calls sync.WaitGroup
			for i := range 20 {
				calls.Go(func() {
					for _, one := range []*Verifier{v, next} {
						if _, err := one.Verify(bearers[i%2]); err != nil {
							t.Errorf("a good token: %v", err)
						}
					}
				})
			}
			calls.Wait()
			v = next
		}
	})
}
