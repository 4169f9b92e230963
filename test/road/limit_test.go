package road

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestRateLimit(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for range perMinute {
			r.post(t, pathChat, chat("limited-1", "hi")).wantPassed(t)
		}
		for _, more := range []string{"", streamed} {
			a := r.post(t, pathChat, chat("limited-1", "hi", more))
			a.wantRefused(t, decision.CodeRateLimited)
			if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after < 1 || after > 61 {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}
		r.wantArrivals(t, perMinute)
		r.post(t, pathChat, chat("grok-4", "hi")).wantPassed(t) // another provider has no limit
	})
}

// TestRateLimitAtOnce asks many times at once. Never may more pass than the
// limit says.
func TestRateLimitAtOnce(t *testing.T) {
	const asked = 40
	eachWay(t, func(t *testing.T, r *Road) {
		var passed, limited atomic.Int64
		var all sync.WaitGroup
		for range asked {
			all.Go(func() {
				resp, err := r.http.Do(r.request(t, pathChat, strings.NewReader(chat("limited-1", "hi"))))
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusTooManyRequests:
					limited.Add(1)
				}
			})
		}
		all.Wait()
		if passed.Load() != perMinute || limited.Load() != asked-perMinute {
			t.Errorf("%d calls passed and %d were limited, want %d and %d", passed.Load(), limited.Load(), perMinute, asked-perMinute)
		}
		r.wantArrivals(t, perMinute)
	})
}

// TestFailoverKeepsLimits reaches a limit, then fails over to the limited
// provider: the agent is left with the failure of the first one.
func TestFailoverKeepsLimits(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.main.FailNext(1, http.StatusServiceUnavailable)
		r.post(t, pathChat, chat("failover-limited-1", "hi")).wantPassed(t)
		for range perMinute - 1 {
			r.post(t, pathChat, chat("limited-1", "hi")).wantPassed(t)
		}
		mark := r.main.Total()
		r.main.FailNext(1, http.StatusServiceUnavailable)
		if a := r.post(t, pathChat, chat("failover-limited-1", "hi")); a.status != http.StatusServiceUnavailable {
			t.Errorf("the agent saw %d %s", a.status, a.body)
		}
		if got := r.main.Total() - mark; got != 1 {
			t.Errorf("%d requests arrived, want the one that failed", got)
		}
	})
}

// TestFailureGivesBack has the limited provider fail more often than its limit
// allows calls: what failed there does not count there.
func TestFailureGivesBack(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for range 2 * perMinute {
			r.main.FailNext(1, http.StatusServiceUnavailable)
			r.post(t, pathChat, chat("limited-first-1", "hi")).wantPassed(t)
		}
		if first, spare := r.main.Total(), r.spare.Total(); first != 2*perMinute || spare != 2*perMinute {
			t.Errorf("%d requests arrived at the limited provider and %d at the spare", first, spare)
		}
	})
}
