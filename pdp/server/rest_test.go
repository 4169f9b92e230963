package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// onREST starts a server and returns its base URL.
func onREST(t *testing.T, e *engine) string {
	t.Helper()
	r := start(t, config(t, e, &configv1.PDPListen{Http: "127.0.0.1:0"}))
	return r.Addresses()[0]
}

func call(t *testing.T, method, url, body string, change func(*http.Request)) (code int, answer string) {
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
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
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

func TestRESTRefuses(t *testing.T) {
	e := &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		switch r.Caller.Agent {
		case "crowd":
			return nil, decision.Refuse(decision.CodeRateLimited, "slow down")
		case "broken":
			return nil, errors.New("a cause with a s3cr3t")
		}
		return allowed(r.ExchangeID), nil
	}}
	base := onREST(t, e)
	post := func(body string) [3]string { return [3]string{http.MethodPost, "/v1/check", body} }
	for name, c := range map[string]struct {
		request [3]string // method, path, body
		code    int
	}{
		"no JSON":              {post("hello"), http.StatusBadRequest},
		"no body":              {post(""), http.StatusBadRequest},
		"no question":          {post("{}"), http.StatusBadRequest},
		"a list":               {post("[]"), http.StatusBadRequest},
		"an unknown member":    {post(`{"request":{"surface":"llm","bdoy":{}}}`), http.StatusBadRequest},
		"a member twice":       {post(`{"request":{"surface":"llm","surface":"mcp"}}`), http.StatusBadRequest},
		"another surface":      {post(`{"request":{"surface":"smtp"}}`), http.StatusBadRequest},
		"an offset outside":    {post(`{"request":{"surface":"llm","body":{"raw":"e30=","segments":[{"end":9}]}}}`), http.StatusBadRequest},
		"too deep":             {post(`{"request":` + strings.Repeat("[", 200_000)), http.StatusBadRequest},
		"too large":            {post(`{"request":{"surface":"` + strings.Repeat("x", messageSlack) + `"}}`), http.StatusBadRequest},
		"limited":              {post(`{"request":{"surface":"llm","caller":{"agent":"crowd"}}}`), http.StatusTooManyRequests},
		"broken":               {post(`{"request":{"surface":"llm","caller":{"agent":"broken"}}}`), http.StatusInternalServerError},
		"another method":       {[3]string{http.MethodGet, "/v1/check", ""}, http.StatusNotImplemented},
		"settling":             {[3]string{http.MethodPost, "/v1/settle", "{}"}, http.StatusNotFound},
		"an exchange":          {[3]string{http.MethodPost, "/v1/exchange", "{}"}, http.StatusNotFound},
		"explaining":           {[3]string{http.MethodPost, "/v1/explain", restQuestion}, http.StatusForbidden},
		"the gRPC name":        {[3]string{http.MethodPost, "/outrider.decision.v1.DecisionService/Check", restQuestion}, http.StatusOK}, // the admin's
		"a path with a detour": {[3]string{http.MethodPost, "/v1/check/", restQuestion}, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			code, answer := call(t, c.request[0], base+c.request[1], c.request[2], nil)
			if code != c.code || strings.Contains(answer, "EFFECT_ALLOW") || strings.Contains(answer, "s3cr3t") {
				t.Fatalf("got %d %.300s, want %d", code, answer, c.code)
			}
		})
	}
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
