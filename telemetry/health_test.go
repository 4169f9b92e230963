package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type healthAnswer struct {
	OK     bool
	Checks []checkResult
}

func ask(t *testing.T, handler http.Handler, method string) (int, healthAnswer) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
	var body healthAnswer
	if w.Code != http.StatusMethodNotAllowed {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, body
}

func TestHealth(t *testing.T) {
	well := func(context.Context) error { return nil }
	ill := func(context.Context) error { return errors.New("the issuer does not answer") }
	cases := []struct {
		name   string
		checks []check
		status int
		want   healthAnswer
	}{
		{"without checks", nil, 200, healthAnswer{OK: true, Checks: []checkResult{}}},
		{"well", []check{{name: "a", run: well}, {name: "b", run: well}}, 200, healthAnswer{true, []checkResult{{"a", true, ""}, {"b", true, ""}}}},
		{
			"a note says something and decides nothing",
			[]check{
				{name: "a", run: well},
				{name: "quiet", note: func() string { return "" }},
				{name: "configuration", note: func() string { return "refused" }},
			},
			200,
			healthAnswer{true, []checkResult{{"a", true, ""}, {"configuration", true, "refused"}}},
		},
		{
			"one is ill",
			[]check{{name: "a", run: well}, {name: "issuers", run: ill}, {name: "b", run: well}},
			503,
			healthAnswer{false, []checkResult{{"a", true, ""}, {"issuers", false, "the issuer does not answer"}, {"b", true, ""}}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var h Health
			for _, one := range c.checks {
				if one.note != nil {
					h.Note(one.name, one.note)
					continue
				}
				h.Add(one.name, one.run)
			}
			status, got := ask(t, h.Ready(), http.MethodGet)
			if diff := cmp.Diff(c.want, got); status != c.status || diff != "" {
				t.Errorf("status %d, answer (-want +got):\n%s", status, diff)
			}
			if status, got := ask(t, h.Live(), http.MethodGet); status != 200 || !got.OK {
				t.Errorf("the process does not live: %d", status)
			}
		})
	}
}

// TestHealthFollows: a check is asked anew with every question.
func TestHealthFollows(t *testing.T) {
	var h Health
	err := errors.New("starting")
	h.Add("issuers", func(context.Context) error { return err })
	ready := h.Ready()
	if status, _ := ask(t, ready, http.MethodGet); status != 503 {
		t.Errorf("while starting: %d", status)
	}
	err = nil
	if status, _ := ask(t, ready, http.MethodHead); status != 200 {
		t.Errorf("started: %d", status)
	}
	h.Add("late", func(context.Context) error { return errors.New("new") })
	if status, _ := ask(t, ready, http.MethodGet); status != 503 {
		t.Errorf("with a check added late: %d", status)
	}
}

// TestHealthIsBounded: a check that hangs costs two seconds, not the answer.
func TestHealthIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		h.Add("slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		start := time.Now()
		status, got := ask(t, h.Ready(), http.MethodGet)
		if status != 503 || got.Checks[0].OK || time.Since(start) != 2*time.Second {
			t.Errorf("%d %+v after %v", status, got, time.Since(start))
		}
	})
}

func TestHealthIsReadOnly(t *testing.T) {
	var h Health
	for _, handler := range []http.Handler{h.Live(), h.Ready()} {
		if status, _ := ask(t, handler, http.MethodPost); status != http.StatusMethodNotAllowed {
			t.Errorf("POST: %d", status)
		}
	}
}
