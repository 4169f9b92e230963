package road

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// records waits for the records of a decision, newest first; phase is the one
// that must be among them.
func (r *Road) records(t *testing.T, id string, phase audit.Phase) []audit.Record {
	t.Helper()
	var found []audit.Record
	eventually(t, "a record of decision "+id+" of phase "+string(phase), func() bool {
		var err error
		if found, err = audit.Find(r.state(), id); err != nil && !errors.Is(err, audit.ErrNotFound) {
			t.Fatal(err)
		}
		return phaseOf(found, phase) != nil
	})
	return found
}

func phaseOf(records []audit.Record, phase audit.Phase) *audit.Record {
	for i := range records {
		if records[i].Phase == phase {
			return &records[i]
		}
	}
	return nil
}

// outcome waits for the record of how a call ended.
func (r *Road) outcome(t *testing.T, id string) *audit.Record {
	t.Helper()
	return phaseOf(r.records(t, id, audit.PhaseOutcome), audit.PhaseOutcome)
}

// lastOutcome waits until so many calls are recorded as granted, and every one
// as settled, and returns the outcome that was recorded last. Records are
// written in their order, but some time after the answer.
func (r *Road) lastOutcome(t *testing.T, atLeast int) *audit.Record {
	t.Helper()
	var last *audit.Record
	eventually(t, "all calls are settled", func() bool {
		granted, settled := 0, 0
		for _, rec := range r.recorded(t) {
			switch {
			case rec.Phase == audit.PhaseOutcome:
				settled, last = settled+1, &rec
			case rec.Phase == audit.PhaseRequest && rec.Effect != decision.Deny.String():
				granted++
			}
		}
		return granted >= atLeast && granted == settled
	})
	return last
}

// recorded reads the whole record of decisions.
func (r *Road) recorded(t *testing.T) []audit.Record {
	t.Helper()
	var out []audit.Record
	for line := range strings.Lines(r.recordFiles(t)) {
		var rec audit.Record
		if json.Unmarshal([]byte(line), &rec) == nil { // the last line may be half written
			out = append(out, rec)
		}
	}
	return out
}

// recordFiles returns all that the decision service keeps.
func (r *Road) recordFiles(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(r.state(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// settled waits until all is recorded of the calls up to the one with this answer.
func (r *Road) settled(t *testing.T, last *answer) {
	t.Helper()
	r.records(t, last.id(t), audit.PhaseRequest)
	r.lastOutcome(t, 1)
}
