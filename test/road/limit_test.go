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
