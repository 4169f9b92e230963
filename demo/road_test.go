package demo

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"outrider.dev/outrider/audit"
)

// slowest is how long the whole story may take.
const slowest = 15 * time.Second

// The story on the real road: both parts as processes of their own.
func TestStory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	state := filepath.Join(t.TempDir(), "state")
	var text strings.Builder
	begun := time.Now()
	err := Run(t.Context(), Options{
		Out:     &text,
		State:   state,
		Command: func(which Part, config string) *exec.Cmd { return part(t, string(which), config) },
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if took := time.Since(begun); took > slowest {
		t.Errorf("the story took %v, at most %v are allowed", took, slowest)
	}
	ids := regexp.MustCompile(`(?m)^  ✓ .* ([a-z0-9]{8})$`).FindAllStringSubmatch(text.String(), -1)
	if len(ids) < 50 {
		t.Errorf("only %d lines end with a decision id:\n%s", len(ids), text.String())
	}
	for _, id := range ids {
		if _, err := audit.Find(state, id[1]); err != nil {
			t.Errorf("a line's decision is not recorded: %v", err)
		}
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if n := utf8.RuneCountInString(line); n > lineWidth && !strings.Contains(line, "/") {
			t.Errorf("%d characters, and no path to excuse it: %q", n, line)
		}
	}
}
