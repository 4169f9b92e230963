package mcp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestCallsAtOnce: calls that run side by side keep to themselves.
func TestCallsAtOnce(t *testing.T) {
	up := record(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, after, _ := strings.Cut(string(body), `"id":`)
		id := after[:strings.IndexByte(after, ',')]
		answer := `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"answer ` + id + `"}]}}`
		if n, _ := strconv.Atoi(id); n%2 == 0 {
			says(200, answer)(w, r)
			return
		}
		streams("data: "+answer+"\n\n")(w, r)
	})
	p := &pdp{open: judged(up.grant("s"))}
	srv := sidecarOn(t, p)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t%d"}}`, i, i)
			got := post(t, srv.URL+"/mcp", body)
			if want := fmt.Sprintf(`"id":%d,"result":{"content":[{"type":"text","text":"answer %d"}]}}`, i, i); !strings.Contains(got.body, want) {
				t.Errorf("call %d got %s", i, got.body)
			}
		})
	}
	all.Wait()
	srv.Close() // the last call is settled after its answer
	ids := map[string]bool{}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.asked {
		ids[q.ExchangeID] = true
	}
	if len(ids) != 40 || len(p.settled) != 40 {
		t.Errorf("%d decision ids, %d settled", len(ids), len(p.settled))
	}
	for _, o := range p.settled {
		if !ids[o.ExchangeID] || o.End != decision.EndCompleted {
			t.Errorf("outcome %+v", o)
		}
	}
}

// TestDisconnect: an agent that leaves ends the calls upstream, one or many.
func TestDisconnect(t *testing.T) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			var arrived, left sync.WaitGroup
			arrived.Add(servers)
			left.Add(servers)
			up := record(t, func(_ http.ResponseWriter, r *http.Request) {
				arrived.Done()
				<-r.Context().Done()
				left.Done()
			})
			var grants []decision.Grant
			for i := range servers {
				grants = append(grants, up.grant(fmt.Sprint("s", i)))
			}
			p := &pdp{open: allow(grants...)}
			srv := sidecarOn(t, p)
			ctx, leave := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/mcp", strings.NewReader(listCall))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			go func() {
				arrived.Wait()
				leave()
			}()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close()
				t.Error("an answer came")
			}
			left.Wait()
			if o := p.ended(t); o.End != decision.EndDisconnected || int(o.Attempts) != servers {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

// TestListOfAllDenied: without a ruling on every tool nothing is listed.
func TestListOfAllDenied(t *testing.T) {
	up := record(t, paged("get_a", 2))
	for name, tt := range map[string]struct {
		judge  func(decision.Part) (*decision.Ruling, error)
		status int
		end    decision.End
	}{
		"denied": {func(decision.Part) (*decision.Ruling, error) {
			return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeInjection}}, nil
		}, http.StatusForbidden, decision.EndDenied},
		"undecided": {func(decision.Part) (*decision.Ruling, error) {
			return &decision.Ruling{Effect: decision.Allow}, nil
		}, http.StatusServiceUnavailable, decision.EndDenied},
		"nobody answers": {func(decision.Part) (*decision.Ruling, error) {
			return nil, io.ErrUnexpectedEOF
		}, http.StatusServiceUnavailable, decision.EndDenied},
		"edits beyond a definition": {func(part decision.Part) (*decision.Ruling, error) {
			r := showAll(part)
			r.Visibility.Splices = []decision.Splice{{Start: 1, End: 1000, Index: 3}}
			return r, nil
		}, http.StatusForbidden, decision.EndDenied},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pdp{open: allow(up.grant("a"), up.grant("b")), judge: tt.judge}
			got := post(t, sidecarOn(t, p).URL+"/mcp", listCall)
			if got.status != tt.status || strings.Contains(got.body, "get_a") {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if o := p.ended(t); o.End != tt.end {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

// TestListOfNothing: an empty list is an answer, and nobody is asked about it.
func TestListOfNothing(t *testing.T) {
	up := record(t, says(200, `{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}`))
	for n, want := range map[int]string{1: `{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}`, 2: `{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}`} {
		grants := []decision.Grant{up.grant("a"), up.grant("b")}[:n]
		p := &pdp{open: judged(grants...)}
		if got := post(t, sidecarOn(t, p).URL+"/mcp", listCall); got.body != want || len(p.judged) != 0 {
			t.Errorf("%d servers: %s, judged %v", n, got.body, p.judged)
		}
	}
}
