package road

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/test/started"
)

// twice is a road with two decision services in processes of their own, which
// share nothing but their configuration.
func twice(t *testing.T) (r *Road, first, second *part) {
	t.Helper()
	s := newSetup(t)
	other := *s
	dir, err := os.MkdirTemp("", "road")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	other.dir = dir
	for name, key := range s.keys() {
		other.write(t, name+".key", key+"\n")
	}
	other.listen = fmt.Sprintf("socket: %q", other.socket())
	s.decision = fmt.Sprintf("{target: [%q, %q], timeout: %s}", "unix://"+s.socket(), "unix://"+other.socket(), questionTime)
	first, second = startPDPPart(t, s), startPDPPart(t, &other)
	log := &started.Log{}
	base, admin := dialPlane(t, s, log)
	r = stand(t, s, log, base, admin, "http://"+s.ports.pdp, "http://"+other.ports.pdp)
	eventually(t, "both services are connected", func() bool { return strings.Count(log.String(), "a decision service is connected") == 2 })
	return r, first, second
}

// outage counts what calls came to while something happened.
type outage struct{ passed, refused, wrong atomic.Int64 }

// during makes calls from several sides, half of which must be refused by their
// policy, until what happens is over.
func (r *Road) during(t *testing.T, happens func()) *outage {
	t.Helper()
	token := r.token(t, scopeRead)
	allowed := []made{{path: pathChat, body: chat("grok-4", "hi")}, {path: pathMCP + "/github", body: toolCall("list_issues", `{"repo":"a/b"}`)}}
	denied := []made{{path: pathChat, body: chat("gpt-4", "hi")}, {path: pathMCP + "/github", body: toolCall("delete_repo", `{"repo":"a/b"}`)}}
	var o outage
	var stop atomic.Bool
	var work sync.WaitGroup
	for worker := range 4 {
		work.Go(func() {
			for n := worker; !stop.Load(); n++ {
				a := r.make(t, allowed[n%2], token)
				switch {
				case a.status == http.StatusOK && !strings.Contains(string(a.body), `"error":`):
					o.passed.Add(1)
				default:
					o.refused.Add(1)
				}
				if a := r.make(t, denied[n%2], token); a.status == http.StatusOK && !strings.Contains(string(a.body), `"error":`) {
					o.wrong.Add(1)
				}
			}
		})
	}
	happens()
	stop.Store(true)
	work.Wait()
	t.Logf("%d passed, %d were refused, %d passed wrongly", o.passed.Load(), o.refused.Load(), o.wrong.Load())
	if o.wrong.Load() > 0 || o.passed.Load() == 0 {
		t.Error("a call passed that no policy allows, or none did")
	}
	return &o
}

// TestOneOfTwo takes one of two decision services away, in every way.
func TestOneOfTwo(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(t *testing.T, p *part)
		most int64 // calls that may be lost: those that it was about to rule on
	}{
		"killed": {func(_ *testing.T, p *part) { _ = p.signal(syscall.SIGKILL) }, 4},
		"hung": {func(_ *testing.T, p *part) {
			_ = p.signal(syscall.SIGSTOP)
			time.Sleep(time.Second)
			_ = p.signal(syscall.SIGCONT)
		}, 3},
		"terminated": {func(t *testing.T, p *part) {
			t.Helper()
			if err := p.signal(syscall.SIGTERM); err != nil {
				t.Errorf("it ended with %v", err)
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, first, _ := twice(t)
			o := r.during(t, func() {
				time.Sleep(200 * time.Millisecond)
				c.lose(t, first)
				time.Sleep(300 * time.Millisecond)
			})
			if o.refused.Load() > c.most {
				t.Errorf("%d calls were refused, at most %d may be", o.refused.Load(), c.most)
			}
			if a := r.get(t, r.admins[0]+"/readyz"); a.status != http.StatusOK {
				t.Errorf("/readyz says %d %s", a.status, a.body)
			}
		})
	}
}
