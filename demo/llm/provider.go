package llm

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"outrider.dev/outrider/demo/standin"
)

// Models that the provider lists. It answers for any other name too: which
// models may be asked for is the policy's business.
const (
	ChatModel      = "grok-4"
	OtherChatModel = "gpt-5-mini"
	EmbeddingModel = "grok-embedding"
)

// Provider is the stand-in. It requires its own key of every call.
type Provider struct {
	*standin.Recorder
	URL string // with the version path; set by Start

	key      string
	planted  string
	failures failures
	answers  atomic.Uint64 // numbers the answers, for their ids
	server   *standin.Server
}

// New returns a provider with a random key and a random planted credential.
func New() *Provider {
	p := &Provider{key: "demo-llm-" + rand.Text(), planted: plant()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", p.chat)
	mux.HandleFunc("POST /v1/embeddings", p.embeddings)
	mux.HandleFunc("GET /v1/models", p.models)
	p.Recorder = standin.NewRecorder(p.failures.before(p.authenticate(mux)))
	return p
}

// Start serves a provider on a free loopback port, until Close.
func Start() (*Provider, error) {
	l, url, err := standin.Listen()
	if err != nil {
		return nil, err
	}
	p := New()
	p.URL = url + "/v1"
	p.server = standin.Serve(l, p)
	return p, nil
}

// Close stops what Start started.
func (p *Provider) Close() error { return p.server.Close() }

// Key is the provider's key, which only its customers' proxies should know.
func (p *Provider) Key() string { return p.key }

// Planted is the credential that the provider leaks when asked for the deploy key.
func (p *Provider) Planted() string { return p.planted }

// plant makes up a credential of the shape of a GitHub token. It is put
// together at run time so that no scanner takes this file for a leak.
func plant() string {
	text := rand.Text() + rand.Text()
	return "gh" + "p_" + text[:36]
}

func (p *Provider) authenticate(next http.Handler) http.Handler {
	want := []byte("Bearer " + p.key)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			writeError(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// apiError is OpenAI's error object.
type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	kind := "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	writeJSON(w, status, map[string]apiError{"error": {Message: message, Type: kind, Code: code}})
}

// writeJSON writes a value of this package, all of which can be marshalled; a
// client that has gone is no concern of a stand-in.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) models(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := []model{}
	for _, id := range []string{ChatModel, OtherChatModel, EmbeddingModel} {
		list = append(list, model{ID: id, Object: "model", Created: created, OwnedBy: "demo"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}
