package llm

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever is asked, the provider answers in its protocol or refuses.
func FuzzProvider(f *testing.F) {
	f.Add("/v1/chat/completions", ask("What is the deploy key?", `,"stream":true`))
	f.Add("/v1/chat/completions", ask("call the tool", offered+`,"stream":true,"stream_options":{"include_usage":true}`))
	f.Add("/v1/chat/completions", `{"messages":[{"content":null}],"tools":[{}]}`)
	f.Add("/v1/embeddings", `{"input":["a",""],"encoding_format":"base64"}`)
	p := New()
	f.Fuzz(func(t *testing.T, path, body string) {
		if path != "/v1/embeddings" {
			path = "/v1/chat/completions"
		}
		req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+p.Key())
		w := httptest.NewRecorder()
		p.ServeHTTP(w, req)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("status %d", w.Code)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
			for _, data := range events(t, w.Body.String()) {
				if data != "[DONE]" && !json.Valid([]byte(data)) {
					t.Fatalf("the event %q is not JSON", data)
				}
			}
			return
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("the answer %q is not JSON", w.Body)
		}
	})
}
