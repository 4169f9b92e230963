package road

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestManyAtOnce lets agents of all scopes call at the same time. Each gets
// what is its own: its answer, its list, its decision.
func TestManyAtOnce(t *testing.T) {
	const agents = 48
	eachWay(t, func(t *testing.T, r *Road) {
		scopes := []string{scopeRead, scopeWrite, scopeAdmin}
		var tokens []string
		for _, scope := range scopes {
			tokens = append(tokens, r.token(t, scope))
		}
		var ids sync.Map
		var all sync.WaitGroup
		for i := range agents {
			all.Go(func() {
				scope, header := scopes[i%3], bearer(tokens[i%3])
				word := fmt.Sprintf("word%d", i)
				answers := []string{
					r.heard(t, &ids, pathChat, chat("grok-4", word, []string{"", streamed}[i%2])),
					r.heard(t, &ids, pathMCP+"/slack", rpc("tools/list", "{}"), header...),
					r.heard(t, &ids, pathMCP, toolCall("github__search_code", `{"query":"`+word+`"}`), header...),
				}
				if !strings.Contains(answers[0], word) || !strings.Contains(answers[2], word) {
					t.Errorf("agent %d heard %q", i, answers)
				}
				may := slices.Contains(toolsOf(scope)["slack"], "post_message")
				if got := strings.Contains(answers[1], "post_message"); got != may {
					t.Errorf("scope %s sees %s", scope, answers[1])
				}
			})
		}
		all.Wait()
		r.wantArrivals(t, 3*agents)
	})
}

// heard makes a call that must pass, with a decision of its own. It may be
// called beside the test's own goroutine.
func (r *Road) heard(t *testing.T, ids *sync.Map, path, body string, header ...string) string {
	req := r.request(t, path, strings.NewReader(body), header...)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %d, %v: %s", path, resp.StatusCode, err, got)
	}
	if _, twice := ids.LoadOrStore(resp.Header.Get("Outrider-Decision"), true); twice {
		t.Errorf("the decision %s was given twice", resp.Header.Get("Outrider-Decision"))
	}
	return string(got)
}
