package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts may use beside testscript's own. None can be
// negated.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"capture": capture,
		"exits":   exits,
		"expand":  expand,
		"sigterm": sigterm,
		"widths":  widths,
	}
}

// usage ends the script where a command is used wrongly.
func usage(ts *testscript.TestScript, right bool, text string) {
	if !right {
		ts.Fatalf("usage: %s", text)
	}
}

// exits runs a program and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "exits CODE PROGRAM [ARG...]")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// capture puts the first group of a pattern, as it stands in what the last
// program printed, into a variable.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "capture VARIABLE stdout|stderr PATTERN")
	pattern, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) != 2 {
		ts.Fatalf("no match for %s with one group", args[2])
	}
	ts.Setenv(args[0], found[1])
}

// expand replaces $NAME in files by the script's variables.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "expand FILE...")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// sigterm sends SIGTERM to the programs of a name that run in the background.
func sigterm(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "sigterm PROGRAM")
	sent := 0
	for _, cmd := range ts.BackgroundCmds() {
		if filepath.Base(cmd.Path) == args[0] {
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
			sent++
		}
	}
	if sent == 0 {
		ts.Fatalf("no %s runs in the background", args[0])
	}
}

// widths demands that no line that the last program printed is wider.
func widths(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "widths stdout|stderr COLUMNS")
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > most {
			ts.Fatalf("%d columns, want at most %d: %s", n, most, line)
		}
	}
}
