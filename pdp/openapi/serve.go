package openapi

import (
	"bytes"
	_ "embed" // of the document
	"fmt"
	"net/http"

	"outrider.dev/outrider/strictjson"
)

//go:embed openapi.json
var document []byte

// Document serves the document.
func Document() http.Handler { return fixed("application/json", document) }

// Page renders the document for people and serves that.
func Page() (http.Handler, error) {
	doc, err := strictjson.Parse(document, strictjson.Limits{})
	if err != nil {
		return nil, fmt.Errorf("openapi.json: %w", err)
	}
	defer doc.Free()
	t, err := page()
	if err != nil {
		return nil, fmt.Errorf("page.html: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, read(doc.Root())); err != nil {
		return nil, fmt.Errorf("page.html: %w", err)
	}
	return fixed("text/html; charset=utf-8", out.Bytes()), nil
}

// fixed serves the same to everybody. The policy keeps a browser from loading
// or running anything, whatever the text says.
func fixed(kind string, text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_, _ = w.Write(text)
	})
}
