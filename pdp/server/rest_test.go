package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/strictjson"
)

// onREST starts a server and returns its base URL.
func onREST(t *testing.T, e *engine) string {
	t.Helper()
	r := start(t, config(t, e, &configv1.PDPListen{Http: "127.0.0.1:0"}))
	return r.Addresses()[0]
}

func call(t *testing.T, method, url, body string, change func(*http.Request)) (code int, answer string) {
	t.Helper()
	resp, answer := roundTrip(t, method, url, body, change)
	return resp.StatusCode, answer
}

func roundTrip(t *testing.T, method, url, body string, change func(*http.Request)) (resp *http.Response, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err = transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(raw)
}

const restQuestion = `{"request":{"exchangeId":"exchange-1","surface":"mcp","method":"tools/call","caller":{"agent":"devops-copilot","bearer":"and0"},
	"tool":{"server":"github","name":"list_issues","args":"e30="}}}`

func TestRESTCheck(t *testing.T) {
	var asked *decision.Request
	base := onREST(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		asked = r
		v := allowed(r.ExchangeID)
		v.Policy = "devops"
		return v, nil
	}})
	code, answer := call(t, http.MethodPost, base+"/v1/check", restQuestion, nil)
	var got struct {
		Verdict struct {
			ID, Effect, Policy, Settlement string
			Grants                         []any
		}
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || code != http.StatusOK {
		t.Fatalf("got %d %s, %v", code, answer, err)
	}
	if v := got.Verdict; v.ID != "exchange-1" || v.Effect != "EFFECT_ALLOW" || v.Policy != "devops" || len(v.Grants) > 0 || v.Settlement != "" {
		t.Errorf("got %s", answer)
	}
	if strings.Contains(answer, "s3cr3t") {
		t.Errorf("a credential leaves by REST: %s", answer)
	}
	if asked.Caller.Agent != "devops-copilot" || string(asked.Caller.Bearer) != "jwt" || asked.Tool.Name != "list_issues" || string(asked.Tool.Args) != "{}" {
		t.Errorf("the engine was asked %+v", asked)
	}
}

func TestRESTFilterTools(t *testing.T) {
	base := onREST(t, &engine{})
	code, answer := call(t, http.MethodPost, base+"/v1/tools:filter", strings.TrimSuffix(restQuestion, "}")+`,"tools":{"tools":[{"name":"a"},{"name":"b"}]}}`, nil)
	var got struct{ Visible struct{ Bitmap []byte } }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || code != http.StatusOK || len(got.Visible.Bitmap) != 1 || got.Visible.Bitmap[0] != 1 {
		t.Fatalf("got %d %s, %v", code, answer, err)
	}
}

// restRefusals are requests that get a problem instead of an answer, with the
// reason and what its detail says.
var restRefusals = map[string]struct {
	method, path, body string
	code               int
	reason             decision.Code
	says               string
}{
	"no JSON":              {"POST", "/v1/check", "hello", 400, decision.CodeBodyInvalid, "not an object"},
	"no body":              {"POST", "/v1/check", "", 400, decision.CodeBodyInvalid, "the body is empty"},
	"no question":          {"POST", "/v1/check", "{}", 400, decision.CodeBodyInvalid, "surface"},
	"a list":               {"POST", "/v1/check", "[]", 400, decision.CodeBodyInvalid, "batches are not accepted"},
	"two questions":        {"POST", "/v1/check", restQuestion + restQuestion, 400, decision.CodeBodyInvalid, "something follows"},
	"an unknown member":    {"POST", "/v1/check", `{"request":{"surface":"llm","bdoy":{}}}`, 400, decision.CodeBodyInvalid, "/request/bdoy: the member is not known, did you mean body?"},
	"an unknown one below": {"POST", "/v1/check", `{"request":{"body":{"segments":[{"sart":1}]}}}`, 400, decision.CodeBodyInvalid, "/request/body/segments/0/sart: the member is not known, did you mean start?"},
	"one like no other":    {"POST", "/v1/check", `{"zzz":1}`, 400, decision.CodeBodyInvalid, "/zzz: the member is not known"},
	"a member twice":       {"POST", "/v1/check", `{"request":{"surface":"llm","surface":"mcp"}}`, 400, decision.CodeBodyInvalid, "stands twice"},
	"twice by two names":   {"POST", "/v1/check", `{"request":{"exchangeId":"exchange-1","exchange_id":"exchange-2"}}`, 400, decision.CodeBodyInvalid, ""},
	"a number for a text":  {"POST", "/v1/check", `{"request":{"surface":1}}`, 400, decision.CodeBodyInvalid, "invalid value for string field surface"},
	"a text for a message": {"POST", "/v1/check", `{"request":"s3cr3t"}`, 400, decision.CodeBodyInvalid, "/openapi.json"},
	"a token that is none": {"POST", "/v1/check", `{"request":{"caller":{"bearer":"s3cr3t!"}}}`, 400, decision.CodeBodyInvalid, "invalid value for bytes field bearer"},
	"another surface":      {"POST", "/v1/check", `{"request":{"surface":"smtp"}}`, 400, decision.CodeBodyInvalid, `must be "llm" or "mcp"`},
	"an offset outside":    {"POST", "/v1/check", `{"request":{"surface":"llm","body":{"raw":"e30=","segments":[{"end":9}]}}}`, 400, decision.CodeBodyInvalid, "outside the body"},
	"too deep":             {"POST", "/v1/check", `{"request":` + strings.Repeat("[", 200_000), 413, decision.CodeBodyTooLarge, "nested too deeply"},
	"too large":            {"POST", "/v1/check", `{"request":{"surface":"` + strings.Repeat("x", restBody(maxBody)) + `"}}`, 413, decision.CodeBodyTooLarge, "larger than"},
	"limited":              {"POST", "/v1/check", `{"request":{"surface":"llm","caller":{"agent":"crowd"}}}`, 429, decision.CodeRateLimited, "slow down"},
	"unauthenticated":      {"POST", "/v1/check", `{"request":{"surface":"llm","caller":{"agent":"nobody"}}}`, 401, decision.CodeTokenExpired, "too old"},
	"broken":               {"POST", "/v1/check", `{"request":{"surface":"llm","caller":{"agent":"broken"}}}`, 500, decision.CodeInternal, "could not be completed"},
	"faulty":               {"POST", "/v1/check", `{"request":{"surface":"llm","caller":{"agent":"faulty"}}}`, 500, decision.CodeInternal, "could not be completed"},
	"another method":       {"GET", "/v1/check", "", 405, decision.CodeMethodNotAllowed, "POST only"},
	"deleting a page":      {"DELETE", "/docs", "", 405, decision.CodeMethodNotAllowed, "GET only"},
	"settling":             {"POST", "/v1/settle", "{}", 404, decision.CodePathUnknown, ""},
	"an exchange":          {"POST", "/v1/exchange", "{}", 404, decision.CodePathUnknown, ""},
	"explaining":           {"POST", "/v1/explain", restQuestion, 404, decision.CodePathUnknown, ""},
	"the gRPC name":        {"POST", "/outrider.decision.v1.DecisionService/Check", restQuestion, 404, decision.CodePathUnknown, ""},
	"a path with a detour": {"POST", "/v1/check/", restQuestion, 404, decision.CodePathUnknown, ""},
	"a path with dots":     {"POST", "/docs/../v1/check", restQuestion, 404, decision.CodePathUnknown, ""},
	"nothing":              {"GET", "/", "", 404, decision.CodePathUnknown, "see /docs"},
}

func TestRESTRefuses(t *testing.T) {
	base := onREST(t, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		switch r.Caller.Agent {
		case "crowd":
			return nil, decision.Refuse(decision.CodeRateLimited, "slow down")
		case "nobody":
			return nil, decision.Refuse(decision.CodeTokenExpired, "too old")
		case "broken":
			return nil, errors.New("a cause with a s3cr3t")
		case "faulty":
			panic("a s3cr3t")
		}
		return allowed(r.ExchangeID), nil
	}})
	for name, c := range restRefusals {
		t.Run(name, func(t *testing.T) {
			got := refusedWith(t, c.method, base+c.path, c.body, nil)
			if got.Status != c.code || got.Reason != c.reason || !strings.Contains(got.Detail, c.says) {
				t.Errorf("got %+v, want %d %s %q", got, c.code, c.reason, c.says)
			}
			if allow := got.header.Get("Allow"); c.code == http.StatusMethodNotAllowed && !strings.HasPrefix(c.says, allow) || c.code != http.StatusMethodNotAllowed && allow != "" {
				t.Errorf("Allow: %q", allow)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (c.code == http.StatusUnauthorized) != strings.Contains(challenge, `error="invalid_token"`) {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
		})
	}
}

// TestRESTContentTypes: a question is plain JSON and says so.
func TestRESTContentTypes(t *testing.T) {
	base := onREST(t, &engine{})
	for header, c := range map[string]struct {
		reason decision.Code
		code   int
	}{
		"Content-Type: ":                                  {decision.CodeContentType, 415},
		"Content-Type: text/plain":                        {decision.CodeContentType, 415},
		"Content-Type: application/jsonp":                 {decision.CodeContentType, 415},
		"Content-Type: application/x-www-form-urlencoded": {decision.CodeContentType, 415},
		"Content-Encoding: gzip":                          {decision.CodeBodyEncoding, 415},
		"Content-Type: application/json; charset=utf-8":   {"", 200},
		"Content-Type: Application/JSON":                  {"", 200},
	} {
		name, value, _ := strings.Cut(header, ": ")
		change := func(r *http.Request) { r.Header.Set(name, value) }
		if c.reason == "" {
			if code, answer := call(t, http.MethodPost, base+"/v1/check", restQuestion, change); code != c.code {
				t.Errorf("%s: %d %s", header, code, answer)
			}
			continue
		}
		if got := refusedWith(t, http.MethodPost, base+"/v1/check", restQuestion, change); got.Status != c.code || got.Reason != c.reason {
			t.Errorf("%s: %+v", header, got)
		}
	}
}

// refusedProblem is a problem as it came.
type refusedProblem struct {
	Type, Title, Detail, Decision string
	Status                        int
	Reason                        decision.Code
	header                        http.Header
}

// refusedWith sends a request that must be answered with a problem, which must
// be whole and say no secret.
func refusedWith(t *testing.T, method, url, body string, change func(*http.Request)) refusedProblem {
	t.Helper()
	resp, raw := roundTrip(t, method, url, body, change)
	var p refusedProblem
	if err := json.Unmarshal([]byte(raw), &p); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %d %s %.300s", resp.StatusCode, resp.Header, raw)
	}
	if p.Status != resp.StatusCode || p.Title != p.Reason.Status().Summary || p.Type != "tag:outrider.dev,2026:problem:"+string(p.Reason) {
		t.Errorf("an incomplete problem: %s", raw)
	}
	if strings.Contains(raw, "s3cr3t") || strings.Contains(raw, "EFFECT_ALLOW") {
		t.Errorf("the problem tells too much: %s", raw)
	}
	p.header = resp.Header
	return p
}

// TestRESTAboutItself: the document and its page are served as they are.
func TestRESTAboutItself(t *testing.T) {
	base := onREST(t, &engine{})
	for path, kind := range map[string]string{"/openapi.json": "application/json", "/docs": "text/html; charset=utf-8"} {
		resp, body := roundTrip(t, http.MethodGet, base+path, "", nil)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || !strings.Contains(body, "Outrider decision service") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header)
		}
	}
}

// TestRESTNamesDecisions: an answer carries the decision's id in a header, as on
// the road.
func TestRESTNamesDecisions(t *testing.T) {
	base := onREST(t, &engine{})
	resp, _ := roundTrip(t, http.MethodPost, base+"/v1/check", restQuestion, nil)
	if got := resp.Header.Get(decision.IDHeader); got != "exchange-1" {
		t.Errorf("%s: %q", decision.IDHeader, got)
	}
}

// FuzzREST: whatever is sent, only a question that the strict reader takes is
// asked, and everything else is a problem.
func FuzzREST(f *testing.F) {
	asked := false
	s, err := New(config(f, &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		asked = true
		return allowed(r.ExchangeID), nil
	}}, &configv1.PDPListen{}))
	if err != nil {
		f.Fatal(err)
	}
	h, _, err := s.rest(false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(restQuestion)
	for _, c := range restRefusals {
		if len(c.body) < 1000 {
			f.Add(c.body)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		asked = false
		r := httptest.NewRequest(http.MethodPost, "http://localhost/v1/check", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		doc, err := strictjson.Parse([]byte(body), strictjson.Limits{})
		if asked && (err != nil || doc.Root().Get("request").Kind() != strictjson.Object) {
			t.Fatalf("asked: %q", body)
		}
		if kind := w.Header().Get("Content-Type"); asked != (w.Code == http.StatusOK) || !asked && kind != "application/problem+json" {
			t.Fatalf("%d %s for %q", w.Code, kind, body)
		}
	})
}

// TestRESTIsLocal: a page in a browser of this machine reaches nothing, neither
// by a name that was pointed at loopback nor across origins.
func TestRESTIsLocal(t *testing.T) {
	base := onREST(t, &engine{})
	port := base[strings.LastIndex(base, ":"):]
	for name, c := range map[string]struct {
		change func(*http.Request)
		served bool
	}{
		"as it is":                {nil, true},
		"by name":                 {func(r *http.Request) { r.Host = "localhost" + port }, true},
		"without a port":          {func(r *http.Request) { r.Host = "127.0.0.1" }, true},
		"IPv6":                    {func(r *http.Request) { r.Host = "[::1]" + port }, true},
		"a rebound name":          {func(r *http.Request) { r.Host = "evil.example" + port }, false},
		"a name like the address": {func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, false},
		"a name under localhost":  {func(r *http.Request) { r.Host = "localhost.evil.example" + port }, false},
		"another address":         {func(r *http.Request) { r.Host = "192.0.2.1" + port }, false},
		"an empty name":           {func(r *http.Request) { r.Host = port }, false},
		"a foreign origin":        {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, false},
		"no origin to speak of":   {func(r *http.Request) { r.Header.Set("Origin", "null") }, false},
		"the own origin":          {func(r *http.Request) { r.Header.Set("Origin", base) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := http.StatusForbidden
			if c.served {
				want = http.StatusOK
			}
			if code, answer := call(t, http.MethodPost, base+"/v1/check", restQuestion, c.change); code != want {
				t.Errorf("check: got %d %s, want %d", code, answer, want)
			}
			code, answer := call(t, http.MethodGet, base+"/healthz", "", c.change)
			if code != want || c.served && answer != "admin /healthz" {
				t.Errorf("healthz: got %d %s, want %d", code, answer, want)
			}
		})
	}
}
