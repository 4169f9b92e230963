package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	testIntrospection = "https://issuer.example/introspect"
	otherIssuer       = "https://other.example"
	testClient        = "gate way"
	testSecret        = "s3cret:with/odd+signs"
)

func introspectionOf() *Introspection {
	return &Introspection{
		URL: testIntrospection, ClientID: testClient,
		Secret: func() (decision.Secret, error) { return decision.Secret(testSecret), nil },
	}
}

// endpoint answers introspection in the fake time of synctest.
type endpoint struct {
	mu     sync.Mutex
	known  map[string]object // by token; others are inactive
	raw    string            // answered instead, if set
	status int
	down   bool
	delay  time.Duration
	asked  []string // the tokens, in order
	most   int      // at one time
	now    int
	faults []string
}

func (e *endpoint) change(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn()
}

func (e *endpoint) questions() (n int) {
	e.change(func() { n = len(e.asked) })
	return n
}

func (e *endpoint) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	e.change(func() { e.note(req) })
	defer e.change(func() { e.now-- })
	select {
	case <-time.After(e.delay):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return nil, errors.New("connection refused")
	}
	answer := e.raw
	if answer == "" {
		doc := object{"active": false}
		if known, ok := e.known[req.PostForm.Get("token")]; ok {
			doc = known
		}
		answer = string(must(json.Marshal(doc)))
	}
	status := max(e.status, http.StatusOK)
	return answered(req, status, []byte(answer)), nil
}

func answered(req *http.Request, status int, answer []byte) *http.Response {
	header := http.Header{"Location": {"https://elsewhere.example/introspect"}}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(answer)), Request: req}
}

// note keeps what was asked, and what was wrong with how.
func (e *endpoint) note(req *http.Request) {
	e.asked = append(e.asked, req.PostForm.Get("token"))
	e.now++
	e.most = max(e.most, e.now)
	user, pass, ok := req.BasicAuth()
	if !ok || user != "gate+way" || pass != "s3cret%3Awith%2Fodd%2Bsigns" {
		e.faults = append(e.faults, "authenticates as "+user)
	}
	if req.Method != http.MethodPost || req.Host != "" && req.Host != "issuer.example" || req.PostForm.Get("token_type_hint") != "access_token" {
		e.faults = append(e.faults, fmt.Sprint(req.Method, req.URL, req.PostForm))
	}
	if strings.Contains(req.URL.String(), req.PostForm.Get("token")) {
		e.faults = append(e.faults, "the token stands in the URL")
	}
}

func activeToken(changes object) object {
	c := object{
		"active": true, "iss": testIssuer, "aud": testAudience, "sub": "alice", "client_id": "svc",
		"scope": "mcp:read mcp:write", "token_type": "Bearer",
		"exp": noon.Add(time.Hour).Unix(), "iat": noon.Add(-time.Minute).Unix(),
	}
	for k, v := range changes {
		c[k] = v
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

// asking returns a Verifier with one issuer that is asked through e.
func asking(t *testing.T, e *endpoint, change func(*Provider)) *Verifier {
	t.Helper()
	p := Provider{Issuer: testIssuer, Audiences: []string{testAudience}, Introspection: introspectionOf()}
	if change != nil {
		change(&p)
	}
	v, err := New(Config{Providers: []Provider{p}, HTTP: &http.Client{Transport: e}, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fault := range e.faults {
			t.Errorf("a question: %s", fault)
		}
	})
	return v
}

func TestIntrospection(t *testing.T) {
	e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
	v := asking(t, e, nil)
	tok, err := v.Introspect(decision.Secret("good"), []string{testIssuer})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Issuer != testIssuer || tok.Subject != "alice" || tok.Client != "svc" || strings.Join(tok.Scopes, " ") != "mcp:read mcp:write" {
		t.Errorf("read %+v", tok)
	}
	if err := v.Ready(); err != nil {
		t.Errorf("an issuer without keys keeps the service from being ready: %v", err)
	}
}

func TestIntrospectionJudgesTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		answer object
		want   decision.Code
	}{
		"inactive":             {object{"active": false}, decision.CodeTokenInactive},
		"inactive with claims": {activeToken(object{"active": false}), decision.CodeTokenInactive},
		"active is text":       {activeToken(object{"active": "true"}), decision.CodeIssuerUnavailable},
		"active is a number":   {activeToken(object{"active": 1}), decision.CodeIssuerUnavailable},
		"no active":            {activeToken(object{"active": nil}), decision.CodeIssuerUnavailable},
		"other issuer":         {activeToken(object{"iss": otherIssuer}), decision.CodeIssuerUnknown},
		"no issuer":            {activeToken(object{"iss": nil}), decision.CodeNone},
		"issuer is a list":     {activeToken(object{"iss": []string{testIssuer}}), decision.CodeTokenMalformed},
		"other audience":       {activeToken(object{"aud": "api://other"}), decision.CodeAudienceMismatch},
		"no audience":          {activeToken(object{"aud": nil}), decision.CodeAudienceMismatch},
		"audiences":            {activeToken(object{"aud": []string{"x", testAudience}}), decision.CodeNone},
		"expired":              {activeToken(object{"exp": noon.Add(-time.Hour).Unix()}), decision.CodeTokenExpired},
		"no exp":               {activeToken(object{"exp": nil}), decision.CodeNone},
		"exp is text":          {activeToken(object{"exp": "soon"}), decision.CodeTokenMalformed},
		"not yet":              {activeToken(object{"nbf": noon.Add(time.Hour).Unix()}), decision.CodeTokenNotYetValid},
		"refresh token":        {activeToken(object{"token_type": "refresh_token"}), decision.CodeTokenMalformed},
		"DPoP":                 {activeToken(object{"token_type": "dpop"}), decision.CodeTokenBound},
		"bound":                {activeToken(object{"cnf": object{"x5t#S256": "x"}}), decision.CodeTokenBound},
		"lower case bearer":    {activeToken(object{"token_type": "bearer"}), decision.CodeNone},
		"no type":              {activeToken(object{"token_type": nil}), decision.CodeNone},
		"scope is a number":    {activeToken(object{"scope": 1}), decision.CodeTokenMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{known: map[string]object{"opaque": tt.answer}}
			v := asking(t, e, nil)
			for range 2 { // the second time from memory
				tok, err := v.Introspect(decision.Secret("opaque"), []string{testIssuer})
				wantCode(t, err, tt.want)
				if (tok == nil) != (tt.want != decision.CodeNone) {
					t.Errorf("token %+v beside %v", tok, err)
				}
			}
			if n := e.questions(); n != 1 && tt.want != decision.CodeIssuerUnavailable {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestIntrospectionThatFails(t *testing.T) {
	for name, change := range map[string]func(*endpoint){
		"down":           func(e *endpoint) { e.down = true },
		"refuses us":     func(e *endpoint) { e.status = http.StatusUnauthorized },
		"redirects":      func(e *endpoint) { e.status = http.StatusTemporaryRedirect },
		"fails":          func(e *endpoint) { e.status = http.StatusInternalServerError },
		"no content":     func(e *endpoint) { e.status = http.StatusNoContent },
		"a page":         func(e *endpoint) { e.raw = "<html>" },
		"active twice":   func(e *endpoint) { e.raw = `{"active":false,"active":true}` },
		"two answers":    func(e *endpoint) { e.raw = `{"active":true} {}` },
		"an endless one": func(e *endpoint) { e.raw = `{"active":true,"pad":"` + strings.Repeat("x", maxAnswer) + `"}` },
		"nested too deep": func(e *endpoint) {
			e.raw = `{"active":true,"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`
		},
		"an unsigned JWT ": func(e *endpoint) { e.raw = `"eyJhbGciOiJub25lIn0.e30."` },
	} {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
			v := asking(t, e, nil)
			change(e)
			_, err := v.Introspect(decision.Secret("good"), []string{testIssuer})
			wantCode(t, err, decision.CodeIssuerUnavailable)
			e.change(func() { e.down, e.status, e.raw = false, 0, "" })
			if _, err := v.Introspect(decision.Secret("good"), []string{testIssuer}); err != nil {
				t.Errorf("a failure is remembered: %v", err)
			}
			if n := e.questions(); n != 2 {
				t.Errorf("asked %d times, want 2: redirects are not followed", n)
			}
		})
	}
}

func TestIntrospectionIsRememberedForAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
		v := asking(t, e, nil)
		ask := func(name string, want decision.Code, questions int) {
			t.Helper()
			_, err := v.Introspect(decision.Secret(name), []string{testIssuer})
			wantCode(t, err, want)
			if n := e.questions(); n != questions {
				t.Errorf("%d questions, want %d", n, questions)
			}
		}
		ask("good", decision.CodeNone, 1)
		e.change(func() { delete(e.known, "good") }) // revoked
		time.Sleep(defaultAnswerCache - time.Second)
		ask("good", decision.CodeNone, 1)
		time.Sleep(time.Second)
		ask("good", decision.CodeTokenInactive, 2)
		ask("good", decision.CodeTokenInactive, 2)
		e.change(func() { e.known["good"] = activeToken(nil) })
		time.Sleep(maxRefused)
		ask("good", decision.CodeNone, 3)
		e.change(func() { e.down = true })
		time.Sleep(defaultAnswerCache)
		ask("good", decision.CodeIssuerUnavailable, 4) // no answer is used beyond its time
	})
}

func TestExpiryEndsARememberedAnswer(t *testing.T) {
	e := &endpoint{known: map[string]object{"good": activeToken(nil)}}
	v := asking(t, e, nil)
	now := noon
	v.now = func() time.Time { return now }
	issuers := []string{testIssuer}
	must(v.Introspect(decision.Secret("good"), issuers))
	now = noon.Add(2 * time.Hour)
	_, err := v.Introspect(decision.Secret("good"), issuers)
	wantCode(t, err, decision.CodeTokenExpired)
	if n := e.questions(); n != 1 {
		t.Errorf("%d questions", n)
	}
}

func TestIntrospectionHonoursNotBefore(t *testing.T) {
	e := &endpoint{known: map[string]object{"good": activeToken(nil), "undated": activeToken(object{"iat": nil})}}
	v := asking(t, e, func(p *Provider) { p.NotBefore = noon })
	for _, name := range []string{"good", "undated"} {
		for range 2 {
			_, err := v.Introspect(decision.Secret(name), []string{testIssuer})
			wantCode(t, err, decision.CodeTokenRevoked)
		}
	}
}

func TestIntrospectionIsSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{known: map[string]object{"good": activeToken(nil)}, delay: time.Second}
		v := asking(t, e, nil)
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				if _, err := v.Introspect(decision.Secret("good"), []string{testIssuer}); err != nil {
					t.Errorf("a good token: %v", err)
				}
			})
		}
		calls.Wait()
		if n := e.questions(); n != 1 {
			t.Errorf("%d questions for one token", n)
		}
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{delay: time.Hour}
		v := asking(t, e, nil)
		begun := time.Now()
		var calls sync.WaitGroup
		for i := range 10 * maxQuestions {
			calls.Go(func() {
				_, err := v.Introspect(decision.Secret(fmt.Sprint("t", i)), []string{testIssuer})
				wantCode(t, err, decision.CodeIssuerUnavailable)
			})
		}
		calls.Wait()
		if waited := time.Since(begun); waited != maxWait {
			t.Errorf("calls waited %s, want %s", waited, maxWait)
		}
		if e.most != maxQuestions {
			t.Errorf("%d questions at once, want %d", e.most, maxQuestions)
		}
	})
}

// TestStrangersLearnNoToken: a token goes to the issuers of the list only, and
// no further than to the one that knows it.
func TestStrangersLearnNoToken(t *testing.T) {
	first, second := &endpoint{known: map[string]object{}}, &endpoint{}
	second.known = map[string]object{"his": activeToken(object{"iss": otherIssuer})}
	first.known["hers"] = activeToken(nil)
	other := introspectionOf()
	other.URL = "https://issuer.example/other"
	v, err := New(Config{
		Providers: []Provider{
			{Issuer: testIssuer, Audiences: []string{testAudience}, Introspection: introspectionOf()},
			{Issuer: otherIssuer, Audiences: []string{testAudience}, Introspection: other},
			inlineProvider2(),
		},
		HTTP: &http.Client{Transport: byPath{"/introspect": first, "/other": second}},
		Now:  func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	both := []string{testIssuer, otherIssuer}
	for _, tt := range []struct {
		bearer        string
		issuers       []string
		want          decision.Code
		first, second int // questions so far
	}{
		{"hers", []string{otherIssuer}, decision.CodeTokenInactive, 0, 1},
		{"hers", both, decision.CodeNone, 1, 1},
		{"his", []string{testIssuer}, decision.CodeTokenInactive, 2, 1},
		{"his", both, decision.CodeNone, 2, 2}, // what the first does not know is remembered of the first only
		{"nobody's", both, decision.CodeTokenMalformed, 2, 2},
		{"nobodys", both, decision.CodeTokenInactive, 3, 3},
		{"nobodys", []string{"https://jwt.example"}, decision.CodeTokenMalformed, 3, 3},
		{"nobodys", nil, decision.CodeTokenMalformed, 3, 3},
		{"", both, decision.CodeTokenMalformed, 3, 3},
		{"", nil, decision.CodeTokenMissing, 3, 3},
	} {
		_, err := v.Introspect(decision.Secret(tt.bearer), tt.issuers)
		wantCode(t, err, tt.want)
		if a, b := first.questions(), second.questions(); a != tt.first || b != tt.second {
			t.Errorf("%q: %d and %d questions, want %d and %d", tt.bearer, a, b, tt.first, tt.second)
		}
	}
	first.change(func() { first.down = true })
	_, err = v.Introspect(decision.Secret("unknown"), both)
	wantCode(t, err, decision.CodeIssuerUnavailable) // perhaps the first would know it
}

func inlineProvider2() Provider {
	p := inlineProvider(setOf("rsa"))
	p.Issuer = "https://jwt.example"
	return p
}

type byPath map[string]http.RoundTripper

func (b byPath) RoundTrip(req *http.Request) (*http.Response, error) {
	return b[req.URL.Path].RoundTrip(req)
}

// TestJWTOfAnIntrospectingIssuer: with keys a JWT is verified here, without
// them its issuer is asked, and what the JWT says of itself does not count.
func TestJWTOfAnIntrospectingIssuer(t *testing.T) {
	jwt := mintAs("rsa", object{"scp": []string{"admin"}})
	e := &endpoint{known: map[string]object{string(jwt): activeToken(nil)}}
	tok, err := asking(t, e, nil).Verify(jwt)
	if err != nil || strings.Join(tok.Scopes, " ") != "mcp:read mcp:write" {
		t.Errorf("%+v, %v", tok, err)
	}
	forged := decision.Secret(encode(object{"alg": "none"}) + "." + encode(goodClaims()) + ".")
	_, err = asking(t, e, nil).Verify(forged)
	wantCode(t, err, decision.CodeTokenInactive)
	asked := e.questions()
	tok, err = asking(t, e, func(p *Provider) { p.JWKS = Keys{Inline: setOf("rsa")} }).Verify(jwt)
	if err != nil || strings.Join(tok.Scopes, " ") != "admin" || e.questions() != asked {
		t.Errorf("with keys: %+v, %v", tok, err)
	}
}

// FuzzAnswer: no answer makes a token good that is not plainly active, meant
// for us and of our issuer.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"active":true,"aud":"api://default"}`))
	f.Add([]byte(`{"active":false}`))
	f.Add([]byte(`{"active":true,"iss":"https://other.example","aud":["api://default"],"exp":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := &endpoint{raw: string(raw)}
		if e.raw == "" {
			return
		}
		tok, err := asking(t, e, nil).Introspect(decision.Secret("opaque"), []string{testIssuer})
		if err != nil {
			return
		}
		var doc object
		if json.Unmarshal(raw, &doc) != nil || doc["active"] != true || tok.Issuer != testIssuer || tok.For([]string{testAudience}) != nil {
			t.Errorf("took %q", raw)
		}
		if iss, ok := doc["iss"]; ok && iss != testIssuer && iss != "" {
			t.Errorf("took the issuer %v", iss)
		}
	})
}

func TestOpaque(t *testing.T) {
	for token, want := range map[string]bool{
		"a": true, "aZ09-._~+/": true, "YWJj==": true, "": false, "==": false, "a=b": false, "a b": false, "a\n": false, "é": false,
		strings.Repeat("a", maxToken): true, strings.Repeat("a", maxToken+1): false,
	} {
		if got := opaque([]byte(token)); got != want {
			t.Errorf("%q: %v", token, got)
		}
	}
}
