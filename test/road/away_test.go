package road

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/decision"

	"outrider.dev/outrider/test/freeport"
	"outrider.dev/outrider/test/started"
)

// quick is a decision.timeout that a test can wait for.
const quick = 300 * time.Millisecond

// wantUnavailable makes a call of every kind, and demands that each is refused
// and that none took much longer than the timeout.
func (r *Road) wantUnavailable(t *testing.T, token string, timeout time.Duration) {
	t.Helper()
	before := len(r.arrived())
	for _, path := range posts() {
		begun := time.Now()
		a := r.post(t, path, goodBody(path), authorized(path, token)...)
		a.wantRefused(t, decision.CodePDPUnavailable)
		if took := time.Since(begun); took > timeout+2*time.Second {
			t.Errorf("%s: the refusal took %v", path, took)
		}
	}
	r.get(t, r.base+pathModels).wantRefused(t, decision.CodePDPUnavailable)
	r.wantArrivals(t, before)
}

func TestPDPNeverStarted(t *testing.T) {
	s := newSetup(t)
	log := &started.Log{}
	base, admin := dialPlane(t, s, log)
	r := &Road{setup: s, base: base, admins: []string{admin}, log: log, http: newClient(t)}
	r.wantUnavailable(t, r.token(t, scopeRead), time.Second)
	if !strings.Contains(r.metrics(t), "outrider_pdp_errors_total 6") {
		t.Error("the metrics do not count six questions without an answer")
	}
}

// TestPDPMute lets something accept connections that never answers.
func TestPDPMute(t *testing.T) {
	s := newSetup(t, func(s *setup) { s.decision = strings.Replace(s.decision, questionTime, quick.String(), 1) })
	mute(t, s.socket())
	log := &started.Log{}
	base, admin := dialPlane(t, s, log)
	r := &Road{setup: s, base: base, admins: []string{admin}, log: log, http: newClient(t)}
	r.wantUnavailable(t, r.token(t, scopeRead), quick)
}

// mute listens, and says nothing.
func mute(t *testing.T, socket string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			held = append(held, conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
		for _, conn := range held {
			_ = conn.Close()
		}
	})
}

// TestPDPLost takes the decision service away in the middle of a stream, by
// killing it and by stopping it: the agent hears no more of the text.
func TestPDPLost(t *testing.T) {
	events := chunks(content, "Fine so far. ", "Never heard. ", "Nor this. ")
	for name, lose := range map[string]func(*part, string){
		"killed": func(p *part, _ string) { _ = p.signal(syscall.SIGKILL) },
		"hung":   (*part).hang,
	} {
		t.Run(name, func(t *testing.T) {
			r, pdp := apart(t, quick)
			token := r.token(t, scopeRead)
			next := make(chan struct{}, len(events))
			r.script.play(streams(next, events...))
			next <- struct{}{}
			resp := r.open(t.Context(), t, pathChat, chat("script-1", "hi", streamed))
			defer func() { _ = resp.Body.Close() }()
			in := bufio.NewReader(resp.Body)
			if line, err := in.ReadString('\n'); err != nil || line+"\n" != events[0] {
				t.Fatalf("the stream begins with %q, %v", line, err)
			}
			lose(pdp, r.admins[1])
			for range events[1:] {
				next <- struct{}{}
			}
			a := &answer{path: pathChat, status: resp.StatusCode, header: resp.Header, body: rest(t, in)}
			a.wantRefused(t, decision.CodePDPUnavailable)
			if text := string(a.body); strings.Contains(text, "heard") || strings.Contains(text, "Nor") || strings.Contains(text, "[DONE]") {
				t.Errorf("the stream went on with %q", text)
			}
			r.wantUnavailable(t, token, quick)
		})
	}
}

func rest(t *testing.T, in *bufio.Reader) []byte {
	t.Helper()
	var out []byte
	for {
		line, err := in.ReadBytes('\n')
		out = append(out, line...)
		if err != nil {
			return out
		}
	}
}

// TestPDPLostBeforeAnswer stops the decision service while the upstream thinks:
// an answer that nobody judged does not pass, on either surface.
func TestPDPLostBeforeAnswer(t *testing.T) {
	r, pdp := apart(t, quick)
	token := r.token(t, scopeRead)
	for _, tt := range []struct{ path, body, kind, says string }{
		{pathChat, chat("script-1", "hi"), "application/json", `{"choices":[{"message":{"content":"unjudged"}}]}`},
		{pathMCP + "/script", oddCall("get_thing"), "application/json", `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"unjudged"}]}}`},
		{pathMCP + "/script", oddCall("get_thing"), "text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"unjudged\"}]}}\n\n"},
		{pathMCP + "/script", rpc("tools/list", "{}"), "application/json", `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"get_unjudged"}]}}`},
	} {
		r.script.play(func(w http.ResponseWriter, q *http.Request) {
			pdp.hang(r.admins[1])
			says(tt.kind, tt.says)(w, q)
		})
		a := r.post(t, tt.path, tt.body, authorized(tt.path, token)...)
		a.wantRefused(t, decision.CodePDPUnavailable)
		if strings.Contains(string(a.body), "unjudged") {
			t.Errorf("%s: the agent received %s", tt.path, a.body)
		}
		_ = pdp.signal(syscall.SIGCONT)
		eventually(t, "the decision service answers again", func() bool {
			return r.post(t, pathChat, chat("grok-4", "hi")).status == http.StatusOK
		})
	}
}

// TestPDPRestarted runs both parts as processes. The data plane starts first,
// and outlives two decision services.
func TestPDPRestarted(t *testing.T) {
	s := newSetup(t)
	s.ports = ports{freeport.For(t), freeport.For(t), freeport.For(t)}
	plane := startPart(t, s, partSidecar, s.write(t, "sidecar.yaml", s.text(secHead, secSidecar, secLimits, secDecision)))
	r := &Road{setup: s, base: "http://" + s.ports.agent, admins: []string{"http://" + s.ports.admin}, log: &started.Log{}, http: newClient(t)}
	token := r.token(t, scopeRead)
	eventually(t, "the data plane listens", func() bool { return listens(s.ports.admin) && listens(s.ports.agent) })
	for range 2 {
		r.wantUnavailable(t, token, time.Second)
		if a := r.get(t, r.admins[0]+"/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "decision service") {
			t.Errorf("/readyz says %d %s without a decision service", a.status, a.body)
		}
		pdp := startPDPPart(t, s)
		eventually(t, "calls pass again", func() bool { return r.post(t, pathChat, goodBody(pathChat)).status == http.StatusOK })
		r.post(t, pathMCP, goodBody(pathMCP), bearer(token)...).wantPassed(t)
		if a := r.get(t, r.admins[0]+"/readyz"); a.status != http.StatusOK {
			t.Errorf("/readyz says %d %s", a.status, a.body)
		}
		_ = pdp.signal(syscall.SIGKILL)
	}
	if _, err := os.Stat(s.socket()); err != nil {
		t.Errorf("the killed decision service left no stale socket, so nothing replaced one: %v", err)
	}
	if err := plane.signal(syscall.SIGTERM); err != nil {
		t.Errorf("the data plane ended with %v", err)
	}
}

// TestTerminated asks both parts to end: they end in order, and with 0.
func TestTerminated(t *testing.T) {
	r, pdp := apart(t, 2*time.Second)
	r.post(t, pathChat, goodBody(pathChat)).wantPassed(t)
	if err := pdp.signal(syscall.SIGTERM); err != nil {
		t.Errorf("the decision service ended with %v", err)
	}
	if got := r.lastOutcome(t, 1); got.End != decision.EndCompleted {
		t.Errorf("the last record is %+v", got)
	}
	r.wantUnavailable(t, r.token(t, scopeRead), time.Second)
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
