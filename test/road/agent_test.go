package road

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
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

// refusal is an error in the shape of the caller's own protocol.
type refusal struct {
	Reason   decision.Code
	Message  string
	Rule     string
	Decision string
	Number   int    // of JSON-RPC
	Type     string // of OpenAI
}

// refused reads the error of an answer in the shape that its path promises.
func (a *answer) refused(t *testing.T) refusal {
	t.Helper()
	raw := a.message(t)
	if strings.HasPrefix(a.path, pathMCP) {
		return readRPCError(t, raw)
	}
	return readOpenAIError(t, raw)
}

func readOpenAIError(t *testing.T, raw []byte) refusal {
	t.Helper()
	var got struct {
		Error struct {
			Message, Type string
			Code          decision.Code
			Decision      string `json:"decision_id"`
		}
	}
	strictly(t, raw, &got)
	e := got.Error
	return refusal{Reason: e.Code, Message: e.Message, Decision: e.Decision, Type: e.Type}
}

func readRPCError(t *testing.T, raw []byte) refusal {
	t.Helper()
	var got struct {
		JSONRPC string
		Error   struct {
			Code    int
			Message string
			Data    struct {
				Reason         decision.Code
				Decision, Rule string
			}
		}
	}
	strictly(t, raw, &got)
	if got.JSONRPC != "2.0" {
		t.Errorf("no JSON-RPC error: %s", raw)
	}
	e := got.Error
	return refusal{Reason: e.Data.Reason, Message: e.Message, Rule: e.Data.Rule, Decision: e.Data.Decision, Number: e.Code}
}

func strictly(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%v in %.300q", err, raw)
	}
}

// wantRefused demands a refusal with its code, its statuses in both protocols
// and its decision id in header, body and message.
func (a *answer) wantRefused(t *testing.T, code decision.Code) refusal {
	t.Helper()
	got, id, status := a.refused(t), a.id(t), code.Status()
	hidden := code == decision.CodeToolUnknown && got.Reason == decision.CodeNone
	if got.Reason != code && !hidden {
		t.Errorf("%s: reason %q (%s), want %q", a.path, got.Reason, got.Message, code)
	}
	if a.status != status.HTTP && !bytes.Contains(a.body, []byte("data: ")) {
		t.Errorf("%s: status %d, want %d", a.path, a.status, status.HTTP)
	}
	if got.Number != 0 && got.Number != status.JSONRPC || got.Type != "" && got.Type != status.OpenAI {
		t.Errorf("%s: error %d%s, want %d or %s", a.path, got.Number, got.Type, status.JSONRPC, status.OpenAI)
	}
	if got.Decision != id || !strings.Contains(got.Message, id) {
		t.Errorf("%s: the header names the decision %q, the body %q with the message %q", a.path, id, got.Decision, got.Message)
	}
	return got
}

// wantPassed demands an answer that passed.
func (a *answer) wantPassed(t *testing.T) {
	t.Helper()
	a.id(t)
	if a.status != http.StatusOK || bytes.Contains(a.body, []byte(`"error":`)) {
		t.Fatalf("%s: status %d: %s", a.path, a.status, a.body)
	}
}

// records waits for the records of a decision, newest first; phase is the one
// that must be among them.
func (r *Road) records(t *testing.T, id string, phase audit.Phase) []audit.Record {
	t.Helper()
	var found []audit.Record
	eventually(t, "a record of decision "+id+" of phase "+string(phase), func() bool {
		var err error
		if found, err = audit.Find(r.state(), id); err != nil && !errors.Is(err, audit.ErrNotFound) {
			t.Fatal(err)
		}
		return phaseOf(found, phase) != nil
	})
	return found
}

func phaseOf(records []audit.Record, phase audit.Phase) *audit.Record {
	for i := range records {
		if records[i].Phase == phase {
			return &records[i]
		}
	}
	return nil
}

// outcome waits for the record of how a call ended.
func (r *Road) outcome(t *testing.T, id string) *audit.Record {
	t.Helper()
	return phaseOf(r.records(t, id, audit.PhaseOutcome), audit.PhaseOutcome)
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

// lastOutcome waits until every call that was granted is settled, and returns
// the outcome that was recorded last.
func (r *Road) lastOutcome(t *testing.T) *audit.Record {
	t.Helper()
	var last *audit.Record
	eventually(t, "all calls are settled", func() bool {
		granted, settled := 0, 0
		for _, rec := range r.recorded(t) {
			switch {
			case rec.Phase == audit.PhaseOutcome:
				settled, last = settled+1, &rec
			case rec.Phase == audit.PhaseRequest && rec.Effect != decision.Deny.String():
				granted++
			}
		}
		return granted > 0 && granted == settled
	})
	return last
}

// recorded reads the whole record of decisions.
func (r *Road) recorded(t *testing.T) []audit.Record {
	t.Helper()
	var out []audit.Record
	for line := range strings.Lines(r.recordFiles(t)) {
		var rec audit.Record
		if json.Unmarshal([]byte(line), &rec) == nil { // the last line may be half written
			out = append(out, rec)
		}
	}
	return out
}

// recordFiles returns all that the decision service keeps.
func (r *Road) recordFiles(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(r.state(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
