package road

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
)

// TestSameResults makes the same calls in every way that a road can be built,
// mutual TLS and a second service that is away included, and compares all that was seen: by the agent, by the far
// side and by the record of decisions.
func TestSameResults(t *testing.T) {
	all := append(ways(), way{"over TLS", func(t *testing.T, s *setup) *Road {
		t.Helper()
		overTLS("client")(s)
		return overTheWire(t, s)
	}}, way{"beside a service that is away", func(t *testing.T, s *setup) *Road {
		t.Helper()
		s.decision = fmt.Sprintf("{target: [%q, %q], timeout: %s, failMode: Lifeboat}", "unix://"+s.dir+"/nowhere.sock", "unix://"+s.socket(), questionTime)
		return overTheWire(t, s)
	}})
	var first string
	for _, w := range all {
		t.Run(w.name, func(t *testing.T) {
			r := w.build(t, newSetup(t))
			got := r.transcript(t)
			if len(strings.Split(got, "\n")) < 100 {
				t.Fatalf("the transcript is short:\n%s", got)
			}
			if first == "" {
				first = got
			}
			if line, other := differ(got, first); line != other {
				t.Errorf("%s:\n%s\n%s:\n%s", w.name, line, all[0].name, other)
			}
		})
	}
}

// differ returns the first lines that differ, or nothing.
func differ(a, b string) (string, string) {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		if l != r {
			return l, r
		}
	}
	return "", ""
}

// transcript makes calls and tells all about them, but for what is new in
// every run.
func (r *Road) transcript(t *testing.T) string {
	t.Helper()
	token := r.token(t, scopeWrite)
	answers := makeCalls(t, r, token)
	for _, path := range posts() {
		for _, bad := range badBodies() {
			answers = append(answers, r.spoiled(t, path, token, bad))
		}
	}
	for range perMinute + 1 {
		answers = append(answers, r.post(t, pathChat, chat("limited-1", "hi")))
	}
	r.settled(t, answers[len(answers)-1])
	var out strings.Builder
	for i, a := range answers {
		fmt.Fprintf(&out, "answer %d of %s: %d\n", i, a.path, a.status)
		_ = a.header.WriteSubset(&out, map[string]bool{"Date": true, "Retry-After": true}) // a builder never fails
		fmt.Fprintf(&out, "%s\n", a.body)
	}
	r.tellArrivals(&out)
	tellRecords(&out, r.recorded(t))
	return r.withoutNews(out.String())
}

func (r *Road) tellArrivals(out *strings.Builder) {
	for _, at := range []string{"main", "spare", "github", "slack", "script"} {
		for i, got := range r.recorders()[at].Since(0) {
			a := arrival{at, got}
			fmt.Fprintf(out, "arrival %d at %s: %s\n", i, at, a.whole())
		}
	}
}

// tellRecords tells the records in the order of their kinds: calls that are
// settled after their answer may be recorded in any order.
func tellRecords(out *strings.Builder, records []audit.Record) {
	lines := make([]string, 0, len(records))
	for _, rec := range records {
		lines = append(lines, fmt.Sprintf("record: %s %s %s %s %s %s %q %s %v %v %s %+v", rec.Phase, rec.Surface, rec.Method,
			rec.Model+rec.Server, rec.Tool, rec.Effect+string(rec.Code), rec.Message, rec.Rule, rec.Findings, rec.Providers, rec.End, rec.Usage))
	}
	slices.Sort(lines)
	out.WriteString(strings.Join(lines, "\n"))
}

// withoutNews takes out what is another in every run: ids, keys and waits.
func (r *Road) withoutNews(text string) string {
	for name, key := range r.keys() {
		text = strings.ReplaceAll(text, key, "the key of "+name)
	}
	text = regexp.MustCompile(`\b[0-9a-z]{26}\b`).ReplaceAllString(text, "DECISION")
	text = regexp.MustCompile(`road:\d+:\d+`).ReplaceAllString(text, "PLACE") // a configuration with one section more
	return regexp.MustCompile(`in \d+ s`).ReplaceAllString(text, "in N s")
}
