package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/inject"
	"outrider.dev/outrider/inject/manifest"
)

type injectCommand struct {
	File   string `short:"f" required:"" placeholder:"FILE" help:"The manifest: YAML or JSON, one document or several. - reads standard input."`
	Config string `short:"c" type:"path" placeholder:"FILE" help:"An Injection document: image, ports, decision service. Without it everything has its default."`
	Image  string `placeholder:"IMAGE" help:"The sidecar's image, before what the document says."`
	Quiet  bool   `short:"q" help:"Report warnings and skipped pods alone."`
}

// Help implements kong.HelpProvider.
func (injectCommand) Help() string {
	return "Puts the sidecar into every pod of a manifest: pods, whatever has a template of one, and lists of them. Prints the manifest on " +
		"standard output and what became of each pod on standard error. The webhook makes the same of a pod.\n\n" +
		"It is no failure that a pod is skipped or warned of: the report says why.\n\nExample: outrider inject -f agent.yaml | kubectl apply -f -"
}

// Run prints the injected manifest.
func (c injectCommand) Run(context.Context) error {
	cfg, err := config.LoadInjection(c.Config)
	if err != nil {
		return err
	}
	settings := inject.SettingsOf(cfg, inject.Native)
	if c.Image != "" {
		settings.Image = c.Image
	}
	injector, err := inject.New(settings)
	if err != nil {
		return err
	}
	raw, name, err := readManifest(c.File)
	if err != nil {
		return err
	}
	out, reports, err := manifest.Inject(raw, injector)
	if err != nil {
		return fmt.Errorf("inject %s: %w", name, err)
	}
	if len(reports) == 0 {
		fmt.Fprintf(os.Stderr, "outrider: %s holds no pod; it is printed as it is\n", name)
	}
	printReports(os.Stderr, reports, c.Quiet)
	_, err = os.Stdout.Write(out)
	return err
}

// readManifest reads a file, or standard input.
func readManifest(file string) (raw []byte, name string, err error) {
	in := io.Reader(os.Stdin)
	if name = "stdin"; file != "-" {
		f, err := os.Open(file) //nolint:gosec // the user names it
		if err != nil {
			return nil, file, fmt.Errorf("inject: %w: name a file, or - for standard input", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, file
	} else if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "outrider: reading a manifest from the terminal; end it with Ctrl-D")
	}
	raw, err = io.ReadAll(io.LimitReader(in, manifest.MaxBytes+1))
	if err != nil {
		return nil, name, fmt.Errorf("inject %s: %w", name, err)
	}
	return raw, name, nil
}

// printReports tells what became of each pod, a block each.
func printReports(w io.Writer, reports []inject.Report, quiet bool) {
	var b bytes.Buffer
	for _, r := range reports {
		b.WriteString(reportText(r, quiet))
	}
	_, _ = w.Write(b.Bytes())
}

func reportText(r inject.Report, quiet bool) string {
	var b strings.Builder
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + r.Name
	}
	fmt.Fprintf(&b, "%s %s: ", r.Kind, name)
	switch r.Outcome {
	case inject.Skipped:
		fmt.Fprintf(&b, "not injected (%s): %s\n", r.Reason, r.Detail)
	case inject.Unchanged:
		fmt.Fprintf(&b, "was injected before; nothing changed\n")
	default:
		fmt.Fprintf(&b, "injected; the agent's name is %s (%s)\n", r.Agent, r.From)
	}
	width, shown := 0, 0
	for _, n := range r.Notes {
		width = max(width, len(place(n)))
	}
	for _, n := range r.Notes {
		if quiet && !n.Warning {
			continue
		}
		mark := " "
		if n.Warning {
			mark = "!"
		}
		fmt.Fprintf(&b, "  %s %-*s  %s\n", mark, width, place(n), n.Text)
		shown++
	}
	if quiet && shown == 0 && r.Outcome != inject.Skipped {
		return ""
	}
	return b.String()
}

func place(n inject.Note) string {
	if n.Container == "" {
		return "pod"
	}
	return "container " + n.Container
}
