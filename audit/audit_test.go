package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLog(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := New(Config{Dir: dir, FileBytes: minFileBytes})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs the log and returns what ends it and waits.
func run(t testing.TB, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// write adds the records and waits until they are in the file.
func write(t testing.TB, dir string, records ...Record) {
	t.Helper()
	l := newLog(t, dir)
	stop := run(t, l)
	for _, r := range records {
		l.Add(r)
	}
	stop()
	if n := l.Lost(); n != 0 {
		t.Fatalf("%d records lost", n)
	}
}

func find(t *testing.T, dir, id string) []Record {
	t.Helper()
	found, err := Find(dir, id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func full(id string) Record {
	return Record{
		ID: id, Time: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), Phase: PhaseRequest, Surface: decision.MCP,
		Method: "tools/call", Agent: "devops-copilot", Subject: "alice", Model: "gpt", Server: "github", Tool: "create_issue",
		Effect: decision.Deny.String(), Code: decision.CodeDeniedByRule, Rule: "no-infra", Policy: "devops-copilot",
		Version: "sha256:1", Message: "Ask the platform team.\nReally: \"ask\" <them>.",
		Findings:  []Finding{{Type: "pii.email", Segment: 2, Start: 3, End: 9, Action: decision.ActionRedact}},
		Providers: []string{"openai"},
	}
}

func TestWrittenAndFound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "outrider")
	request, ruling := full("0123456789ab"), full("0123456789ab")
	ruling.Phase = PhaseRuling
	write(t, dir, request, full("fedcba987654"), ruling)
	for _, id := range []string{"0123456789ab", "01234567"} {
		if diff := cmp.Diff([]Record{ruling, request}, find(t, dir, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, newer), nil, 0o644); err != nil { // the wrong mode
		t.Fatal(err)
	}
	write(t, dir, manyRecords(minFileBytes*3/2)...)
	for _, name := range []string{newer, older} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir, "0123456789ab"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no file: %v", err)
	}
	write(t, dir, full("0123456789ab"), full("0123456789cd"))
	if _, err := Find(dir, "01234567"); err == nil || !strings.Contains(err.Error(), "more characters") {
		t.Errorf("a prefix of two: %v", err)
	}
	if _, err := Find(dir, "0123456"); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("seven characters: %v", err)
	}
	if _, err := Find(dir, "0123456789ef"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), dir) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := Find(filepath.Join(dir, newer), "0123456789ef"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("a file in place of the directory: %v", err)
	}
}

func TestWholeIDWinsOverLongerOnes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, full("01234567"), full("0123456789"))
	if found := find(t, dir, "01234567"); len(found) != 1 || found[0].ID != "01234567" {
		t.Errorf("found %+v", found)
	}
}

func TestIDInAnotherFieldIsNoMatch(t *testing.T) {
	dir := t.TempDir()
	other := full("fedcba987654")
	other.Tool = "0123456789ab"
	other.Subject = "0123456789ab"
	write(t, dir, other)
	if _, err := Find(dir, "0123456789ab"); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

// manyRecords returns records that take about that many bytes.
func manyRecords(size int) []Record {
	line, _ := full("00000000").line()
	out := make([]Record, size/len(line)+1)
	for i := range out {
		out[i] = full(fmt.Sprintf("%08d", i))
	}
	return out
}

func TestRotationBoundsTheFiles(t *testing.T) {
	dir := t.TempDir()
	records := manyRecords(4 * minFileBytes)
	write(t, dir, records...)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("files %v, %v", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Size() > minFileBytes || e.Name() == older && info.Size() < minFileBytes/2 {
			t.Errorf("%s has %d bytes, %v", e.Name(), info.Size(), err)
		}
	}
	n := len(records)
	find(t, dir, records[n-1].ID)
	find(t, dir, records[n-n/5].ID) // at least one full file back
	if _, err := Find(dir, records[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the oldest record: %v", err)
	}
}

func TestRecordsOfOneDecisionAcrossFiles(t *testing.T) {
	dir := t.TempDir()
	first, last := full("first-and-last"), full("first-and-last")
	last.Phase = PhaseRuling
	write(t, dir, append(append([]Record{first}, manyRecords(minFileBytes)...), last)...)
	if diff := cmp.Diff([]Record{last, first}, find(t, dir, "first-and-last")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRestartGoesOnBehindATornLine(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, full("0123456789ab"))
	f, err := os.OpenFile(filepath.Join(dir, newer), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"torn-by-a-crash","time":"20`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, dir, full("fedcba987654"))
	find(t, dir, "0123456789ab")
	find(t, dir, "fedcba987654")
	if _, err := Find(dir, "torn-by-a-crash"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the torn record: %v", err)
	}
}

func TestConcurrentAddsLoseNothing(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	stop := run(t, l)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				l.Add(full(fmt.Sprintf("%04d-%04d", g, i)))
			}
		})
	}
	wg.Wait()
	stop()
	if n := l.Lost(); n != 0 {
		t.Fatalf("%d records lost", n)
	}
	raw, err := os.ReadFile(filepath.Join(dir, newer))
	if err != nil {
		t.Fatal(err)
	}
	for g := range 8 {
		for i := range 200 {
			if n := strings.Count(string(raw), fmt.Sprintf(`"id":"%04d-%04d"`, g, i)); n != 1 {
				t.Fatalf("record %d of %d is there %d times", i, g, n)
			}
		}
	}
}

func TestFullQueueBlocksThenCounts(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, dir) // nobody writes yet
		for i := range queueLength {
			l.Add(full(fmt.Sprintf("%08d", i)))
		}
		begun := time.Now()
		l.Add(full("too-many"))
		if waited := time.Since(begun); waited != maxBlock || l.Lost() != 1 {
			t.Errorf("waited %s, %d lost", waited, l.Lost())
		}
		waiting := make(chan struct{})
		go func() {
			defer close(waiting)
			l.Add(full("just-in-time"))
		}()
		synctest.Wait()
		stop := run(t, l)
		<-waiting
		stop()
		if l.Lost() != 1 {
			t.Errorf("%d lost", l.Lost())
		}
	})
	find(t, dir, "just-in-time")
	find(t, dir, fmt.Sprintf("%08d", queueLength-1))
	if _, err := Find(dir, "too-many"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the lost record: %v", err)
	}
}

// TestEveryRecordIsWrittenOrCounted ends the log while records come in.
func TestEveryRecordIsWrittenOrCounted(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	stop := run(t, l)
	var wg sync.WaitGroup
	const writers, each = 8, 300
	for range writers {
		wg.Go(func() {
			for range each {
				l.Add(Record{ID: "same-decision"})
			}
		})
	}
	stop()
	wg.Wait()
	raw, err := os.ReadFile(filepath.Join(dir, newer))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "\n"); uint64(n)+l.Lost() != writers*each {
		t.Errorf("%d written and %d lost of %d", n, l.Lost(), writers*each)
	}
	before := l.Lost()
	l.Add(full("after-the-end"))
	if l.Lost() != before+1 {
		t.Error("a record after the end is not counted")
	}
}

func TestWriteFailureIsCountedAndMended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	f := &files{dir: dir, max: minFileBytes}
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	l := &Log{}
	var log strings.Builder
	w := &writer{files: f, log: textLogger(&log), lost: &l.lost}
	if err := f.file.Close(); err != nil { // the next write fails
		t.Fatal(err)
	}
	first, second := full("0123456789ab"), full("fedcba987654")
	w.add(&first)
	w.add(&first)
	w.flush()
	if l.Lost() != 2 || !strings.Contains(log.String(), "lost=2") {
		t.Errorf("%d lost, log %s", l.Lost(), log.String())
	}
	w.add(&second)
	w.flush()
	if l.Lost() != 2 || !strings.Contains(log.String(), "written again") {
		t.Errorf("%d lost, log %s", l.Lost(), log.String())
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	find(t, dir, "fedcba987654")
}

func TestFailedRotationNeverGrowsTheFile(t *testing.T) {
	dir := t.TempDir()
	// A directory in the place of the older file: it cannot be replaced.
	if err := os.MkdirAll(filepath.Join(dir, older, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := newLog(t, dir)
	stop := run(t, l)
	records := manyRecords(2 * minFileBytes)
	for _, r := range records {
		l.Add(r)
	}
	stop()
	info, err := os.Stat(filepath.Join(dir, newer))
	if err != nil || info.Size() > minFileBytes {
		t.Errorf("%v, %v", info, err)
	}
	if n := l.Lost(); n == 0 || n >= uint64(len(records)) {
		t.Errorf("%d of %d lost", n, len(records))
	}
}

func TestNewRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no directory":     {},
		"a file":           {Dir: file},
		"below a file":     {Dir: filepath.Join(file, "state")},
		"too small a file": {Dir: t.TempDir(), FileBytes: minFileBytes - 1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	l, err := New(Config{Dir: t.TempDir()})
	if err != nil || l.files.max != defaultFileBytes {
		t.Errorf("default size: %v", err)
	}
	if err := l.files.close(); err != nil {
		t.Error(err)
	}
}
