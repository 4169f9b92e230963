package program

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// said runs a command and returns its exit code and what it printed.
func said(t *testing.T, p Program, args ...string) (code int, out, problems string) {
	t.Helper()
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "out"), filepath.Join(dir, "problems")}
	for i, to := range []**os.File{&os.Stdout, &os.Stderr} {
		f, err := os.Create(names[i])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		*to = f
	}
	code = p.Execute(args)
	var texts [2]string
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return code, texts[0], texts[1]
}

func TestExecute(t *testing.T) {
	tests := map[string]struct {
		args          []string
		code          int
		out, problems string
		ran           string
	}{
		"runs":        {args: []string{"-c", "a.yaml", "--more", "x"}, ran: "a.yaml x"},
		"help":        {args: []string{"--help"}, out: "Usage: part\n"},
		"version":     {args: []string{"--version"}, out: "v1\n"},
		"no file":     {code: 2, problems: "part: -c FILE is missing\nTry: part --help\n"},
		"an argument": {args: []string{"-c", "a", "b"}, code: 2, problems: "part: unexpected argument b\nTry: part --help\n"},
		"a flag":      {args: []string{"--none"}, code: 2, problems: "part: flag provided but not defined: -none\nTry: part --help\n"},
		"fails":       {args: []string{"-c", "bad"}, code: 1, problems: "part: bad file\n", ran: "bad "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var more, ran string
			p := Program{
				Name: "part", Version: "v1", Help: "Usage: part\n", NeedsFile: true,
				Flags: func(flags *flag.FlagSet) { flags.StringVar(&more, "more", "", "") },
				Run: func(_ context.Context, file string) error {
					ran = file + " " + more
					if file == "bad" {
						return errors.New("bad file")
					}
					return nil
				},
			}
			code, out, problems := said(t, p, tt.args...)
			if code != tt.code || out != tt.out || problems != tt.problems || ran != tt.ran {
				t.Errorf("exit %d, out %q, problems %q, ran %q", code, out, problems, ran)
			}
		})
	}
}

// TestASignalEndsTheContext: a part is asked to end, and ends by itself.
func TestASignalEndsTheContext(t *testing.T) {
	p := Program{Name: "part", Run: func(ctx context.Context, _ string) error {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}
	if code, _, problems := said(t, p); code != 0 {
		t.Errorf("exit %d, %q", code, problems)
	}
}
