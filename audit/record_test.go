package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
)

// line renders the record as one line of JSON.
func (r Record) line() ([]byte, error) { return appendLine(nil, &r) }

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestRecordsAreBounded(t *testing.T) {
	long := strings.Repeat("é\x01", 1<<20)
	r := Record{
		ID: long, Method: long, Agent: long, Subject: long, Model: long, Server: long, Tool: long, Effect: long,
		Rule: long, Policy: long, Version: long, Message: long, Findings: make([]Finding, 1000),
	}
	for range 100 {
		r.Providers = append(r.Providers, long)
		r.Observed = append(r.Observed, Observed{Policy: long, Code: decision.Code(long), Rule: long})
	}
	r.Surface, r.Code, r.End = decision.Surface(long), decision.Code(long), decision.End(long)
	line, err := r.line()
	if err != nil || len(line) > maxLine/4 {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	var back Record
	if err := json.Unmarshal(line, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Findings) != maxFindings || back.MoreFindings != 1000-maxFindings || len(back.Providers) != maxNames {
		t.Errorf("%d findings and %d more, %d providers", len(back.Findings), back.MoreFindings, len(back.Providers))
	}
	if !strings.HasSuffix(back.Tool, "…") || len(back.Tool) > maxText {
		t.Errorf("tool of %d bytes", len(back.Tool))
	}
	if len(back.Observed) != maxNames || len(back.Observed[0].Rule) > maxText || len(back.Surface) > maxText {
		t.Errorf("%d observed refusals, surface of %d bytes", len(back.Observed), len(back.Surface))
	}
	if len(r.Findings) != 1000 || len(r.Providers[0]) != len(long) || len(r.Observed[0].Rule) != len(long) {
		t.Error("the caller's record was changed")
	}
}

// TestNoFieldForContent: a field that could carry content needs a second
// thought, and this list.
func TestNoFieldForContent(t *testing.T) {
	known := "ID Time Phase Surface Method Agent Subject Model Server Tool Effect Code Rule Policy Version Message " +
		"Findings MoreFindings Providers Edits Observed Unread End Usage Explained Explain"
	var got []string
	for field := range reflect.TypeFor[Record]().Fields() {
		got = append(got, field.Name)
	}
	if strings.Join(got, " ") != known {
		t.Errorf("fields %v", got)
	}
}

func TestOutcomeReadsBack(t *testing.T) {
	want := Record{
		ID: "0123456789ab", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Phase: PhaseOutcome, Surface: decision.LLM,
		Effect: "allow", Providers: []string{"openai"}, End: decision.EndDisconnected,
		Usage:    decision.Usage{Input: 12, Output: 3, Cached: 1, Estimated: true},
		Unread:   []Unread{{Service: "ner", Passed: true, Why: "no answer within 500ms"}},
		Observed: []Observed{{Policy: "trial", Code: decision.CodeRateLimited, Rule: "ten a minute"}},
	}
	dir := t.TempDir()
	write(t, dir, want)
	if diff := cmp.Diff([]Record{want}, find(t, dir, want.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// An absent figure takes no place in the line.
	line, err := Record{ID: "0123456789ab"}.line()
	if err != nil || bytes.Contains(line, []byte("usage")) || bytes.Contains(line, []byte("observed")) {
		t.Errorf("line %s, %v", line, err)
	}
}

func TestFindings(t *testing.T) {
	got := Findings([]decision.Finding{{Type: "secret.github", Segment: 1, Start: 2, End: 3, Confidence: 1, Rule: "named", Action: decision.ActionBlock}})
	if len(got) != 1 || got[0] != (Finding{"secret.github", "named", 1, 2, 3, decision.ActionBlock}) {
		t.Errorf("%+v", got)
	}
}

func TestTimeThatCannotBeRendered(t *testing.T) {
	l := &Log{}
	var log strings.Builder
	w := &writer{files: &files{dir: t.TempDir(), max: minFileBytes}, log: textLogger(&log), lost: &l.lost}
	w.add(&Record{ID: "0123456789ab", Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	w.flush()
	if l.Lost() != 1 || !strings.Contains(log.String(), "rendered") {
		t.Errorf("%d lost, log %q", l.Lost(), log.String())
	}
}

func FuzzClip(f *testing.F) {
	f.Add(strings.Repeat("é", maxText))
	f.Add(strings.Repeat("\x80", 2*maxText))
	f.Add(strings.Repeat("a", maxText))
	f.Fuzz(func(t *testing.T, s string) {
		got := clip(s)
		if len(got) > maxText || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("clipped to %q", got)
		}
		if len(s) <= maxText && got != s {
			t.Fatalf("changed to %q", got)
		}
	})
}

// FuzzLine: whatever an agent calls its tool, a record is one line that reads
// back with its id.
func FuzzLine(f *testing.F) {
	f.Add("0123456789ab", "list_issues\n{\"id\":\"forged\"}", "alice\u2028")
	f.Add("<script>\"\\", "\x00\xff", "")
	f.Fuzz(func(t *testing.T, id, tool, subject string) {
		line, err := Record{ID: id, Tool: tool, Subject: subject}.line()
		if err != nil || bytes.Count(line, []byte{'\n'}) != 1 || line[len(line)-1] != '\n' {
			t.Fatalf("line %q, %v", line, err)
		}
		s, err := newSearch(id)
		if err != nil || s.read(bytes.NewReader(line)) != nil {
			t.Fatalf("reading %q: %v", line, err)
		}
		if utf8.ValidString(id) && len(id) <= maxText && (len(s.exact) != 1 || s.exact[0].ID != id) {
			t.Fatalf("%q was not found in %q", id, line)
		}
	})
}

// FuzzFind: no content of the files makes Find fail badly or return another
// decision's records.
func FuzzFind(f *testing.F) {
	line, _ := full("0123456789ab").line()
	f.Add(line, line)
	f.Add([]byte(`{"id":"0123456789ab","time":1}`), []byte(`{"id":["0123456789ab"]}`))
	f.Add([]byte("\x00\n\n0123456789ab"), line[:20])
	f.Fuzz(func(t *testing.T, before, now []byte) {
		dir := t.TempDir()
		for name, raw := range map[string][]byte{older: before, newer: now} {
			if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Find(dir, "0123456789ab")
		if (err == nil) != (len(found) > 0) {
			t.Fatalf("%d records and error %v", len(found), err)
		}
		for _, r := range found {
			if !strings.HasPrefix(r.ID, "0123456789ab") {
				t.Fatalf("found %q", r.ID)
			}
		}
	})
}

func TestFoundRecordsAreBounded(t *testing.T) {
	s, err := newSearch("0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxFound + 5 {
		r := full("0123456789ab")
		r.Findings = []Finding{{Segment: uint32(i)}}
		line, _ := r.line()
		if err := s.read(bytes.NewReader(line)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.result("")
	if err != nil || len(found) != maxFound || found[0].Findings[0].Segment != maxFound+4 {
		t.Errorf("%d records, newest %+v, %v", len(found), found[0].Findings, err)
	}
}

// TestRotationBetweenTheTwoOpens: the newer file is opened, then renamed, then
// opened again as the older one; its records must come once.
func TestRotationBetweenTheTwoOpens(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, full("0123456789ab"))
	if err := os.Link(filepath.Join(dir, newer), filepath.Join(dir, older)); err != nil {
		t.Fatal(err)
	}
	if found := find(t, dir, "0123456789ab"); len(found) != 1 {
		t.Errorf("found %d times", len(found))
	}
}
