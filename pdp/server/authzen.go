package server

import (
	"context"
	"encoding/json"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/authzen"
	"outrider.dev/outrider/pdp/problem"
	"outrider.dev/outrider/strictjson"
)

// authZEN serves the AuthZEN interfaces.
type authZEN struct {
	service authzen.Service
	most    int // bytes of a question
}

// checker has AuthZEN's questions decided as those of everybody else.
type checker struct{ *service }

// Check implements authzen.Checker.
func (c checker) Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	return c.check(ctx, r)
}

// routes are the paths of the interfaces.
func (a *authZEN) routes(into routes) {
	into[authzen.MetadataPath] = route{http.MethodGet, http.HandlerFunc(a.metadata), false}
	into[authzen.EvaluationPath] = route{http.MethodPost, a.answers(func(ctx context.Context, raw []byte) (any, error) {
		d, err := a.service.Evaluation(ctx, raw)
		return d, err
	}), false}
	into[authzen.EvaluationsPath] = route{http.MethodPost, a.answers(a.service.Evaluations), false}
}

func newAuthZEN(s *service, turns authzen.Turns, maxBody int) *authZEN {
	most := restBody(maxBody)
	return &authZEN{authzen.Service{Checker: checker{s}, Turns: turns, Limits: strictjson.Limits{Bytes: most}}, most}
}

func (a *authZEN) answers(ask func(ctx context.Context, raw []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := readJSON(w, r, a.most)
		if err != nil {
			p := problem.From(err)
			if p.Status == http.StatusUnsupportedMediaType {
				p.Status = http.StatusBadRequest // the one status that the specification has for it
			}
			p.Write(w)
			return
		}
		answer, err := ask(r.Context(), raw)
		if err != nil {
			problem.From(err).Write(w)
			return
		}
		if d, ok := answer.(*authzen.Decision); ok && d.Context != nil && d.Context.ID != "" {
			w.Header().Set(decision.IDHeader, d.Context.ID)
		}
		writeJSON(w, answer)
	})
}

// metadata names the address by which it was reached: that is the identifier
// which the asker must find in it again.
func (a *authZEN) metadata(w http.ResponseWriter, r *http.Request) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	writeJSON(w, authzen.MetadataOf(scheme+r.Host))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(v) // fails only where nobody listens any more
}
