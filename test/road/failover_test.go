package road

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/llm"
)

// TestFailover makes the first provider fail in every way that another may
// mend. The next one gets its own key and its own model.
func TestFailover(t *testing.T) {
	failures := map[string]llm.Failure{
		"dropped": llm.Drop, "503": http.StatusServiceUnavailable, "500": http.StatusInternalServerError,
		"502": http.StatusBadGateway, "429": http.StatusTooManyRequests, "408": http.StatusRequestTimeout,
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for name, failure := range failures {
			for _, more := range []string{"", streamed} {
				mark := r.spare.Total()
				r.main.FailNext(1, failure)
				a := r.post(t, pathChat, chat("failover-1", "to jane@example.com", more))
				a.wantPassed(t)
				if got := r.spare.Since(mark); len(got) != 1 || string(got[0].Body) != chat(spareModel, "to [EMAIL]", more) ||
					got[0].Header.Get("Authorization") != "Bearer "+r.spare.Key() {
					t.Errorf("%s: the spare received %d requests, %+v", name, len(got), got)
				}
				if got := r.outcome(t, a.id(t)); got.End != decision.EndCompleted || len(got.Providers) != 1 || got.Providers[0] != "spare" {
					t.Errorf("%s: recorded %+v", name, got)
				}
			}
		}
		if n, m := r.main.Total(), r.spare.Total(); n != m {
			t.Errorf("%d requests arrived at the first provider, %d at the spare", n, m)
		}
	})
}

// TestNoFailover holds failures that no other provider may mend.
func TestNoFailover(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, status := range []llm.Failure{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity} {
			r.main.FailNext(1, status)
			if a := r.post(t, pathChat, chat("failover-1", "hi")); a.status != int(status) {
				t.Errorf("the provider failed with %d, the agent saw %d", status, a.status)
			}
		}
		if n := r.spare.Total(); n != 0 {
			t.Errorf("%d requests arrived at the spare", n)
		}
	})
}

// TestAllProvidersFail leaves the agent with the last failure.
func TestAllProvidersFail(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.main.FailNext(1, http.StatusServiceUnavailable)
		r.spare.FailNext(1, http.StatusBadGateway)
		a := r.post(t, pathChat, chat("failover-1", "hi"))
		if a.status != http.StatusBadGateway || !strings.Contains(string(a.body), "told_to_fail") {
			t.Errorf("the agent saw %d %s", a.status, a.body)
		}
		a.id(t)
		r.main.FailNext(1, llm.Drop)
		r.spare.FailNext(1, llm.Drop)
		a = r.post(t, pathChat, chat("failover-1", "hi"))
		a.wantRefused(t, decision.CodeUpstreamUnavailable)
		if got := r.outcome(t, a.id(t)); got.End != decision.EndFailed {
			t.Errorf("recorded %+v", got)
		}
		r.wantArrivals(t, 4)
	})
}

// TestNoFailoverAfterContent breaks a stream off after its first text: another
// provider's words must not follow.
func TestNoFailoverAfterContent(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(func(w http.ResponseWriter, q *http.Request) {
			streams(nil, chunks(content, "Fine so far. ")[0])(w, q)
			panic(http.ErrAbortHandler)
		})
		a := r.post(t, pathChat, chat("script-failover-1", "hi", streamed))
		a.wantRefused(t, decision.CodeUpstreamUnavailable)
		if text := a.streamed(t); text != "Fine so far. " {
			t.Errorf("the agent received the text %q", text)
		}
		if strings.Contains(string(a.body), "[DONE]") {
			t.Error("the stream says that it is complete")
		}
		if got := r.outcome(t, a.id(t)); got.End != decision.EndFailed || got.Usage.Output == 0 || !got.Usage.Estimated {
			t.Errorf("recorded %+v", got)
		}
		r.wantArrivals(t, 1)
	})
}

// TestFailoverBeforeContent breaks an answer off after its header, before any
// content: the next provider answers.
func TestFailoverBeforeContent(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, kind := range []string{"text/event-stream", "application/json"} {
			r.script.play(func(w http.ResponseWriter, q *http.Request) {
				says(kind, "")(w, q)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			mark := r.spare.Total()
			a := r.post(t, pathChat, chat("script-failover-1", "hi", streamed))
			a.wantPassed(t)
			if r.spare.Total() != mark+1 {
				t.Errorf("%s: the spare was not asked; the agent saw %s", kind, a.body)
			}
		}
	})
}

// TestRefusedKey keeps a provider's refusal of its key from the agent, which
// would take it for its own.
func TestRefusedKey(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "bad key "+q.Header.Get("Authorization"), http.StatusUnauthorized)
		})
		a := r.post(t, pathChat, chat("script-1", "hi"))
		a.wantRefused(t, decision.CodeUpstreamInvalid)
		b := r.post(t, pathMCP+"/script", oddCall("list_things"), bearer(r.token(t, scopeRead))...)
		b.wantRefused(t, decision.CodeUpstreamInvalid)
		for _, got := range []*answer{a, b} {
			if strings.Contains(string(got.body), scriptKey) || got.header.Get("WWW-Authenticate") != "" {
				t.Errorf("the agent saw %v %s", got.header, got.body)
			}
		}
	})
}
