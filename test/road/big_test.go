package road

import (
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	huge       = 100 << 20
	heapGrowth = 64 << 20
)

// TestHugeBodies sends 100 MB, with and without saying so before, to every
// path. It is refused, nothing is forwarded, and the memory of both parts
// together stays bounded.
func TestHugeBodies(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range posts() {
			for _, announced := range []bool{true, false} {
				req := r.request(t, path, io.LimitReader(endless{}, huge), authorized(path, token)...)
				if announced {
					req.ContentLength = huge
				}
				grown := heapWhile(func() { r.do(t, req).wantRefused(t, decision.CodeBodyTooLarge) })
				if grown > heapGrowth {
					t.Errorf("%s: the heap grew by %d MiB", path, grown>>20)
				}
			}
		}
		r.wantArrivals(t, 0)
	}, func(s *setup) { s.limits = "{}" })
}

// endless is the beginning of a body without an end.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], `{"a":[`)
	}
	return len(p), nil
}

// heapWhile returns by how much the heap grew at most while do ran.
func heapWhile(do func()) uint64 {
	runtime.GC()
	before, most := heap(), uint64(0)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			most = max(most, heap())
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	do()
	close(done)
	watching.Wait()
	return most - min(before, most)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestLargestBody passes a body of just the allowed size on, whole, and no
// byte more.
func TestLargestBody(t *testing.T) {
	const limit = 1 << 20
	room := limit - len(chat("script-1", ""))
	fits, over := chat("script-1", strings.Repeat("x", room)), chat("script-1", strings.Repeat("x", room+1))
	eachWay(t, func(t *testing.T, r *Road) {
		r.script.play(says("application/json", `{"choices":[]}`))
		r.post(t, pathChat, fits).wantPassed(t)
		if got := r.script.Since(0); len(got) != 1 || string(got[0].Body) != fits {
			t.Errorf("%d requests arrived, want the largest body", len(got))
		}
		r.post(t, pathChat, over).wantRefused(t, decision.CodeBodyTooLarge)
		r.wantArrivals(t, 1)
	})
}
