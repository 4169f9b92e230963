package openapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func get(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

// TestDocument: every reference leads somewhere, and every operation says what
// it answers and how it refuses.
func TestDocument(t *testing.T) {
	w := get(t, Document())
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components map[string]map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc.OpenAPI != "3.1.0" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%v, %q, %v", err, doc.OpenAPI, w.Header())
	}
	for _, ref := range regexp.MustCompile(`"#/components/(\w+)/(\w+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if doc.Components[ref[1]][ref[2]] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.Responses["200"] == nil || method == "post" && op.Responses["default"] == nil {
				t.Errorf("%s %s: the answers are not all described", method, path)
			}
		}
	}
	for _, path := range []string{"/v1/check", "/v1/tools:filter", "/access/v1/evaluation", "/access/v1/evaluations", "/.well-known/authzen-configuration"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	for _, never := range []string{"Explain", "Settle", "Exchange"} {
		if strings.Contains(w.Body.String(), never+"Request") {
			t.Errorf("%s is described, and not served", never)
		}
	}
}

// TestPage: the page names all that the document has, leads nowhere outside and
// loads nothing.
func TestPage(t *testing.T) {
	page, err := Page()
	if err != nil {
		t.Fatal(err)
	}
	w := get(t, page)
	text := w.Body.String()
	for _, want := range []string{"Outrider decision service", "/v1/check", "/access/v1/evaluations", `id="Verdict"`, `href="#Verdict"`, "&#34;devops-copilot&#34;", "list of ", " in base64"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, e := range decision.Registry() {
		if !strings.Contains(text, `id="reason-`+string(e.Code)+`"`) {
			t.Errorf("the page lacks the reason %s", e.Code)
		}
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if ids[id[1]] {
			t.Errorf("two parts of the page have the id %s", id[1])
		}
		ids[id[1]] = true
	}
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if anchor, inside := strings.CutPrefix(link[1], "#"); inside && !ids[anchor] || !inside && link[1] != "/openapi.json" {
			t.Errorf("the link %s leads nowhere", link[1])
		}
	}
	for _, loads := range []string{"<script", "src=", "<link", "url(", "@import"} {
		if strings.Contains(text, loads) {
			t.Errorf("the page has %s", loads)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("a browser may load what it likes: %q", csp)
	}
}
