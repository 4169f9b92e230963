package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Health answers whether the program lives, and whether it is ready to serve.
type Health struct {
	mu     sync.Mutex
	checks []check
}

type check struct {
	name string
	run  func(context.Context) error
	note func() string // instead of run
}

// checkResult is one line of the answer of /readyz.
type checkResult struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty"`
}

// Add adds a check; nil means ready. It is asked with every question and must
// heed its context. Its error is shown to whoever can reach the admin address.
func (h *Health) Add(name string, run func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name: name, run: run})
}

// Note adds a line to the readiness page that says something without taking
// part in the verdict; it is left out while say returns nothing.
func (h *Health) Note(name string, say func() string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name: name, note: say})
}

// Live answers that the process lives: it asks no check, because restarting
// this process repairs nothing elsewhere.
func (h *Health) Live() http.Handler {
	return readOnly(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]bool{"ok": true})
	})
}

// Public is Ready for whoever is not known: it tells no details.
func (h *Health) Public() http.Handler {
	return readOnly(func(w http.ResponseWriter, r *http.Request) {
		_, ok := h.ask(r.Context())
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, map[string]bool{"ok": ok})
	})
}

// Ready asks every check: 200 when all are well, else 503.
func (h *Health) Ready() http.Handler {
	return readOnly(func(w http.ResponseWriter, r *http.Request) {
		results, ok := h.ask(r.Context())
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, map[string]any{"ok": ok, "checks": results})
	})
}

// ask runs the checks one after the other, for two seconds in all.
func (h *Health) ask(ctx context.Context) ([]checkResult, bool) {
	const longest = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	h.mu.Lock()
	checks := h.checks[:len(h.checks):len(h.checks)]
	h.mu.Unlock()
	results, all := make([]checkResult, 0, len(checks)), true
	for _, c := range checks {
		if c.note != nil {
			if said := c.note(); said != "" {
				results = append(results, checkResult{Name: c.name, OK: true, Message: said})
			}
			continue
		}
		result := checkResult{Name: c.name, OK: true}
		if err := c.run(ctx); err != nil {
			result.OK, result.Message, all = false, err.Error(), false
		}
		results = append(results, result)
	}
	return results, all
}

func readOnly(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this is read with GET", http.StatusMethodNotAllowed)
			return
		}
		serve(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}
