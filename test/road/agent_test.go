package road

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
)

// Where agents call.
const (
	pathChat       = "/v1/chat/completions"
	pathEmbeddings = "/v1/embeddings"
	pathModels     = "/v1/models"
	pathMCP        = "/mcp"
)

// posts are all paths that take a body.
func posts() []string {
	return []string{pathChat, pathEmbeddings, pathMCP, pathMCP + "/github", pathMCP + "/script"}
}

// The scopes of the story.
const (
	scopeNone  = ""
	scopeRead  = "mcp:read"
	scopeWrite = "mcp:write"
	scopeAdmin = "mcp:admin"
)

// clients are the programs that the issuer knows: one for each scope.
func clients() []issuer.Client {
	var out []issuer.Client
	for id, scope := range map[string]string{"none": "profile", "reader": scopeRead, "writer": scopeWrite, "admin": scopeAdmin} {
		out = append(out, issuer.Client{ID: id, Secret: id + "-secret", Scopes: []string{scope}})
	}
	return out
}

// token asks the issuer for a token with a scope.
func (r *Road) token(t *testing.T, scope string) string {
	t.Helper()
	id := map[string]string{scopeNone: "none", scopeRead: "reader", scopeWrite: "writer", scopeAdmin: "admin"}[scope]
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != scopeNone {
		form.Set("scope", scope)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, believed.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, id+"-secret")
	a := r.do(t, req)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.Token == "" {
		t.Fatalf("the issuer gave no token: %d %s", a.status, a.body)
	}
	return got.Token
}

// answer is what the agent saw.
type answer struct {
	path   string
	status int
	header http.Header
	body   []byte
}

func (r *Road) get(t *testing.T, url string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.do(t, req)
}

// post sends bytes as they are, with headers given as name, value.
func (r *Road) post(t *testing.T, path, body string, header ...string) *answer {
	t.Helper()
	return r.do(t, r.request(t, path, strings.NewReader(body), header...))
}

func (r *Road) request(t *testing.T, path string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, pathMCP) {
		req.Header.Set("Accept", "application/json, text/event-stream")
	} else {
		req.Header.Set("Authorization", "Bearer "+placeholder)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (r *Road) do(t *testing.T, req *http.Request) *answer {
	t.Helper()
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer of %s: %v", req.URL.Path, err)
	}
	return &answer{path: req.URL.Path, status: resp.StatusCode, header: resp.Header, body: body}
}

// bearer is the header of a token.
func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// id returns the decision id of an answer, which must have one.
func (a *answer) id(t *testing.T) string {
	t.Helper()
	id := a.header.Get("Outrider-Decision")
	if !decision.ValidID(id) {
		t.Errorf("%s: status %d: the decision id is %q", a.path, a.status, id)
	}
	return id
}

// data returns the data of each event of a stream.
func (a *answer) data() []string {
	var out []string
	for event := range strings.SplitSeq(string(a.body), "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(event, "\n") {
			if d, ok := strings.CutPrefix(line, "data: "); ok {
				lines = append(lines, d)
			}
		}
		if len(lines) > 0 {
			out = append(out, strings.Join(lines, "\n"))
		}
	}
	return out
}

// message returns the JSON of an answer of one message, in either framing.
func (a *answer) message(t *testing.T) []byte {
	t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		return a.body
	}
	events := a.data()
	if len(events) == 0 {
		t.Fatalf("the stream of %s is empty", a.path)
	}
	return []byte(events[len(events)-1])
}

// open sends a call and returns its answer at the header.
func (r *Road) open(ctx context.Context, t *testing.T, path, body string, header ...string) *http.Response {
	t.Helper()
	resp, err := r.http.Do(r.request(t, path, strings.NewReader(body), header...).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}
