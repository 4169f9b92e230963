package token

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/authz/fetch"
	"outrider.dev/outrider/decision"
)

const testURL = "https://issuer.example/keys"

// fakeIssuer answers key fetches in the fake time of synctest.
type fakeIssuer struct {
	mu      sync.Mutex
	set     []byte
	down    bool
	delay   time.Duration
	fetches int
}

func (f *fakeIssuer) change(fn func(*fakeIssuer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f)
}

func (f *fakeIssuer) count() (n int) {
	f.change(func(f *fakeIssuer) { n = f.fetches })
	return n
}

func (f *fakeIssuer) RoundTrip(req *http.Request) (*http.Response, error) {
	var set []byte
	var down bool
	var delay time.Duration
	f.change(func(f *fakeIssuer) { f.fetches++; set, down, delay = f.set, f.down, f.delay })
	select {
	case <-time.After(delay):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if down {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(set)), Request: req}, nil
}

// remote returns a running Verifier that fetches from f.
func remote(t *testing.T, f *fakeIssuer, cache time.Duration) *Verifier {
	t.Helper()
	v, err := New(Config{
		Providers: []Provider{{Issuer: testIssuer, Audiences: []string{testAudience}, JWKS: Keys{URL: testURL, CacheDuration: cache}}},
		HTTP:      &http.Client{Transport: f},
		Now:       func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, v)
	synctest.Wait()
	return v
}

func setOf(names ...string) []byte {
	var keys []object
	for _, n := range names {
		keys = append(keys, jwkOf(signers()[n], object{"kid": n}))
	}
	return jwksOf(keys...)
}

func TestIssuerDownAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa"), down: true}
		v := remote(t, f, 0)
		if err := v.Ready(); err == nil || !strings.Contains(err.Error(), testIssuer) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Ready does not name the issuer and its last error: %v", err)
		}
		_, err := v.Verify(mintAs("rsa", nil))
		wantCode(t, err, decision.CodeIssuerUnavailable)
		time.Sleep(time.Minute)
		if n := f.count(); n < 5 || n > 20 {
			t.Errorf("%d attempts in the first minute", n)
		}
		f.change(func(f *fakeIssuer) { f.down = false })
		time.Sleep(fetch.MaxBackoff)
		synctest.Wait()
		if err := v.Ready(); err != nil {
			t.Errorf("Ready after the issuer came up: %v", err)
		}
		if _, err := v.Verify(mintAs("rsa", nil)); err != nil {
			t.Errorf("Verify after the issuer came up: %v", err)
		}
	})
}

// hosts answers for issuers by the name of their host.
type hosts map[string]*fakeIssuer

func (h hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	return h[req.URL.Host].RoundTrip(req)
}

// TestOneIssuerOfTwoDown: nobody waits for an issuer beside another whose keys are
// there, once it was asked; its own tokens are refused and it is named.
func TestOneIssuerOfTwoDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := &fakeIssuer{set: setOf("rsa"), down: true, delay: time.Second}
		v := must(New(Config{
			Providers: []Provider{
				{Issuer: testIssuer, JWKS: Keys{URL: testURL}},
				{Issuer: "https://other", JWKS: Keys{URL: "https://other/keys"}},
			},
			HTTP: &http.Client{Transport: hosts{"issuer.example": {set: setOf("rsa")}, "other": other}},
			Now:  func() time.Time { return noon },
		}))
		if err := v.Ready(); err == nil || !strings.Contains(err.Error(), testIssuer) || !strings.Contains(v.Missing(), "https://other") {
			t.Errorf("before anything is asked: %v, %s", err, v.Missing())
		}
		start(t, v)
		synctest.Wait()
		if err := v.Ready(); err == nil || !strings.Contains(err.Error(), "https://other") || strings.Contains(err.Error(), testIssuer) {
			t.Errorf("while the other is asked for the first time: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if err := v.Ready(); err != nil {
			t.Errorf("once the other has been asked: %v", err)
		}
		if missing := v.Missing(); !strings.Contains(missing, "https://other") || !strings.Contains(missing, "connection refused") || strings.Contains(missing, testIssuer) {
			t.Errorf("missing: %s", missing)
		}
		if _, err := v.Verify(mintAs("rsa", nil)); err != nil {
			t.Errorf("a token of the issuer that is there: %v", err)
		}
		_, err := v.Verify(mintAs("rsa", object{"iss": "https://other"}))
		wantCode(t, err, decision.CodeIssuerUnavailable)
		other.change(func(f *fakeIssuer) { f.down = false })
		time.Sleep(fetch.MaxBackoff + 2*time.Second)
		synctest.Wait()
		if missing := v.Missing(); missing != "" || v.Ready() != nil {
			t.Errorf("once the other is there: %s, %v", missing, v.Ready())
		}
	})
}

func TestCallWaitsForTheFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa"), delay: time.Second}
		v := remote(t, f, 0)
		if _, err := v.Verify(mintAs("rsa", nil)); err != nil {
			t.Errorf("a call during the first fetch: %v", err)
		}
		if n := f.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestCallWaitsNoLongerThanMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := remote(t, &fakeIssuer{set: setOf("rsa"), delay: time.Hour}, 0)
		begun := time.Now()
		_, err := v.Verify(mintAs("rsa", nil))
		wantCode(t, err, decision.CodeIssuerUnavailable)
		if waited := time.Since(begun); waited != maxWait {
			t.Errorf("waited %s", waited)
		}
		time.Sleep(fetchTimeout)
		if err := v.Ready(); err == nil || !strings.Contains(err.Error(), "deadline") && !strings.Contains(err.Error(), "Timeout") {
			t.Errorf("a fetch that hangs does not end: %v", err)
		}
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, 0)
		if _, err := v.Verify(mintAs("rsa", nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(minGap)
		f.change(func(f *fakeIssuer) { f.set = setOf("rsa2") })
		if _, err := v.Verify(mintAs("rsa2", nil)); err != nil {
			t.Errorf("a token of the new key: %v", err)
		}
		_, err := v.Verify(mintAs("rsa", nil))
		wantCode(t, err, decision.CodeTokenKeyUnknown)
		if n := f.count(); n != 3 {
			t.Errorf("%d fetches, want the first and one for each name that was not there", n)
		}
	})
}

func TestRotationOfNamelessKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nameless := func(name string) []byte { return jwksOf(jwkOf(signers()[name], nil)) }
		f := &fakeIssuer{set: nameless("rsa")}
		v := remote(t, f, 0)
		time.Sleep(minGap)
		f.change(func(f *fakeIssuer) { f.set = nameless("rsa2") })
		bearer := mint("RS256", signers()["rsa2"], object{"alg": "RS256"}, goodClaims())
		if _, err := v.Verify(bearer); err != nil {
			t.Errorf("a token of the new key: %v", err)
		}
	})
}

func TestRefreshByCacheDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, 10*time.Minute)
		bearer := mintAs("rsa", nil)
		if _, err := v.Verify(bearer); err != nil {
			t.Fatal(err)
		}
		f.change(func(f *fakeIssuer) { f.set = setOf("rsa2") })
		time.Sleep(8 * time.Minute)
		if _, err := v.Verify(bearer); err != nil {
			t.Errorf("before the refresh: %v", err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := f.count(); n != 2 {
			t.Errorf("%d fetches in ten minutes, want 2", n)
		}
		_, err := v.Verify(bearer)
		wantCode(t, err, decision.CodeTokenKeyUnknown)
	})
}

func TestUnknownKeyFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa"), delay: 100 * time.Millisecond}
		v := remote(t, f, 0)
		time.Sleep(minGap + time.Second)
		before := f.count()
		const windows = 5
		for range windows {
			flood(t, v)
			time.Sleep(minGap - 5*time.Second)
			flood(t, v)
			time.Sleep(5 * time.Second)
		}
		if n := f.count() - before; n < windows || n > windows+maxBurst-1 {
			t.Errorf("%d fetches in %d windows, want one a window and %d at once", n, windows, maxBurst)
		}
	})
}

func flood(t *testing.T, v *Verifier) {
	bearer := mintAs("rsa2", nil)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, err := v.Verify(bearer)
			wantCode(t, err, decision.CodeTokenKeyUnknown)
		})
	}
	wg.Wait()
}

// TestGoodSignatureCausesNoFetch: whatever else is wrong with a token that its
// issuer signed, new keys would not mend it.
func TestGoodSignatureCausesNoFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, 0)
		for _, claims := range []object{nil, {"exp": 1}, {"aud": "other"}, {"sub": 7}, {"iat": noon.Add(time.Hour).Unix()}} {
			_, _ = v.Verify(mintAs("rsa", claims))
		}
		if n := f.count(); n != 1 {
			t.Errorf("%d fetches, want only the first", n)
		}
	})
}

// TestForgeriesShareOneBudget: signatures that do not fit ask for new keys, but
// no more often than unknown keys do.
func TestForgeriesShareOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, 0)
		forged := mint("RS256", signers()["rsa2"], object{"alg": "RS256", "kid": "rsa"}, goodClaims())
		for range 50 {
			_, err := v.Verify(forged)
			wantCode(t, err, decision.CodeTokenSignature)
			_, err = v.Verify(mintAs("rsa2", nil))
			wantCode(t, err, decision.CodeTokenKeyUnknown)
		}
		if n := f.count(); n != 1+maxBurst {
			t.Errorf("%d fetches, want the first and %d", n, maxBurst)
		}
		time.Sleep(minGap)
		_, _ = v.Verify(forged)
		_, _ = v.Verify(forged)
		if n := f.count(); n != 2+maxBurst {
			t.Errorf("%d fetches one gap later, want one more", n)
		}
	})
}

// TestKeyChangesUnderItsName: an issuer that reuses a key id is believed with
// its new key at once, and the old one is done with.
func TestKeyChangesUnderItsName(t *testing.T) {
	for name, alg := range map[string]string{"rsa2": "RS256", "p256": "ES256", "ed": "Ed25519"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIssuer{set: setOf("rsa")}
				v := remote(t, f, 0)
				old := mintAs("rsa", nil)
				if _, err := v.Verify(old); err != nil {
					t.Fatal(err)
				}
				f.change(func(f *fakeIssuer) { f.set = jwksOf(jwkOf(signers()[name], object{"kid": "rsa"})) })
				header := object{"alg": alg, "kid": "rsa"}
				if _, err := v.Verify(mint(alg, signers()[name], header, goodClaims())); err != nil {
					t.Errorf("a token of the new key: %v", err)
				}
				if _, err := v.Verify(old); err == nil {
					t.Error("a token of the old key is still believed")
				}
				if n := f.count(); n != 3 {
					t.Errorf("%d fetches, want the first, one for each doubtful token", n)
				}
			})
		})
	}
}

// TestRotationRightAfterTheStart: the first fetch takes nothing from the share
// of tokens.
func TestRotationRightAfterTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, 0)
		for _, name := range []string{"rsa2", "rsa", "rsa2"} {
			f.change(func(f *fakeIssuer) { f.set = setOf(name) })
			if _, err := v.Verify(mintAs(name, nil)); err != nil {
				t.Errorf("a token of the key %s: %v", name, err)
			}
		}
	})
}

func TestStaleKeysAreKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{set: setOf("rsa")}
		v := remote(t, f, time.Hour)
		bearer := mintAs("rsa", nil)
		f.change(func(f *fakeIssuer) { f.down = true })
		time.Sleep(24 * time.Hour)
		if _, err := v.Verify(bearer); err != nil {
			t.Errorf("after a day of failed refreshes: %v", err)
		}
		time.Sleep(time.Hour + time.Second)
		_, err := v.Verify(bearer)
		wantCode(t, err, decision.CodeIssuerUnavailable)
		if v.Ready() == nil {
			t.Error("ready with keys that are too old")
		}
		f.change(func(f *fakeIssuer) { f.down = false })
		time.Sleep(fetch.MaxBackoff)
		synctest.Wait()
		if _, err := v.Verify(bearer); err != nil {
			t.Errorf("after the issuer came back: %v", err)
		}
	})
}

func TestBadAnswerKeepsTheKeys(t *testing.T) {
	for name, answer := range map[string]string{
		"a page": "<html>", "no keys": `{"keys":[]}`, "only secrets": `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"rsa"}]}`,
		"too large": `{"pad":"` + strings.Repeat("x", maxJWKS) + `","keys":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIssuer{set: setOf("rsa")}
				v := remote(t, f, time.Minute)
				f.change(func(f *fakeIssuer) { f.set = []byte(answer) })
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if f.count() < 2 {
					t.Fatal("no refresh was tried")
				}
				if _, err := v.Verify(mintAs("rsa", nil)); err != nil {
					t.Errorf("the good keys were lost: %v", err)
				}
			})
		})
	}
}

func TestRunEndsDuringAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIssuer{delay: time.Hour}
		v, err := New(Config{
			Providers: []Provider{{Issuer: testIssuer, JWKS: Keys{URL: testURL}}},
			HTTP:      &http.Client{Transport: f},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		synctest.Wait()
		refused := make(chan error, 1)
		go func() {
			_, err := v.Verify(mintAs("rsa", nil))
			refused <- err
		}()
		synctest.Wait()
		begun := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		wantCode(t, <-refused, decision.CodeIssuerUnavailable)
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("the end took %s", waited)
		}
		_, err = v.Verify(mintAs("rsa", nil))
		wantCode(t, err, decision.CodeIssuerUnavailable)
	})
}

func TestFailuresAreLogged(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		v, err := New(Config{
			Providers: []Provider{{Issuer: testIssuer, JWKS: Keys{URL: testURL}}},
			HTTP:      &http.Client{Transport: &fakeIssuer{down: true}},
			Log:       slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		start(t, v)
		time.Sleep(time.Second)
	})
	for _, want := range []string{"level=WARN", testIssuer, "connection refused", "pause="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}

func TestKeysFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	v, err := New(Config{
		Providers: []Provider{{Issuer: testIssuer, JWKS: Keys{File: path}}},
		Now:       func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	source := v.sources[0]
	if err := source.refresh(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	for _, name := range []string{"rsa", "rsa2"} {
		if err := os.WriteFile(path, setOf(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := source.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(mintAs(name, nil)); err != nil {
			t.Errorf("key %s of the file: %v", name, err)
		}
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte{' '}, maxJWKS+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := source.refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a file that is too large: %v", err)
	}
}
