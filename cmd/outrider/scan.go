package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/guards"
)

// maxScan bounds one text, in bytes.
const maxScan = 16 << 20

type scanCommand struct {
	Guards []string `default:"pii,secret,injection" enum:"pii,secret,injection" help:"Which guards run: pii, secret, injection."`
	Hash   bool     `help:"Print with each finding the hash that exceptions in policies name its value by."`
	Config string   `short:"c" type:"path" placeholder:"FILE" help:"The configuration whose guards.key makes the hashes."`
	File   string   `arg:"" optional:"" default:"-" help:"Text, or JSON lines with id, text and phase. - reads standard input."`
}

// Help implements kong.HelpProvider.
func (scanCommand) Help() string {
	return "Personal data and credentials are redacted, injections are blocked. Prints one JSON line for each text; " +
		"start and end are in bytes.\n\nA text of the phase response is judged as what a tool returned: for injections more strictly, and as a whole. Without a phase it is a request: what a user wrote.\n\nExample: echo 'mail me at ann@example.com' | outrider scan"
}

// scanItem is one text to scan.
type scanItem struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Phase string `json:"phase"` // empty: request
}

// Phases of a text: what an agent sends, or what a tool gives back.
const (
	phaseRequest  = "request"
	phaseResponse = "response"
)

type scanFinding struct {
	Type       string  `json:"type"`
	Rule       string  `json:"rule,omitempty"`
	Start      uint32  `json:"start"`
	End        uint32  `json:"end"`
	Confidence float32 `json:"confidence"`
	Hash       string  `json:"hash,omitempty"`
}

type scanResult struct {
	ID       string        `json:"id"`
	Effect   string        `json:"effect"`
	Findings []scanFinding `json:"findings"`
	Text     string        `json:"text"`
}

// scanner is how texts are scanned.
type scanner struct {
	set *guards.Set
	key guards.Key // of the hashes that are printed; nil: none are
}

// Run scans a file or standard input.
func (c scanCommand) Run(context.Context) error {
	s := scanner{}
	var err error
	if len(c.Guards) == 0 {
		return errors.New("scan: --guards names none: name some of pii, secret and injection, or leave it out for all")
	}
	if s.set, err = guards.New(c.specs(), nil); err != nil {
		return err
	}
	if s.key, err = c.key(); err != nil {
		return err
	}
	in, name := io.Reader(os.Stdin), "stdin"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("scan: %w: name a file, or - for standard input", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, c.File
	}
	if c.File == "-" && term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "outrider: reading text from the terminal; end it with Ctrl-D")
	}
	out := bufio.NewWriter(os.Stdout)
	if err := s.scanAll(name, in, out); err != nil {
		return err
	}
	return out.Flush()
}

// key returns the key of hashes, nil where none are asked for.
func (c scanCommand) key() (guards.Key, error) {
	if !c.Hash {
		return nil, nil
	}
	if c.Config == "" {
		return decisionservice.GuardKey(nil)
	}
	loaded, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	return decisionservice.GuardKey(loaded.Config)
}

func (c scanCommand) specs() []guards.Spec {
	var out []guards.Spec
	for _, name := range c.Guards {
		switch name {
		case "pii":
			out = append(out, guards.Spec{Kind: guards.PII, Action: decision.ActionRedact})
		case "secret":
			out = append(out, guards.Spec{Kind: guards.Secret, Action: decision.ActionRedact})
		case "injection":
			out = append(out, guards.Spec{Kind: guards.Injection, Action: decision.ActionBlock})
		}
	}
	return out
}

// scanAll scans JSON lines, or the whole input as one text where its first
// line is none.
func (s scanner) scanAll(name string, in io.Reader, out io.Writer) error {
	raw, err := io.ReadAll(io.LimitReader(in, maxScan+1))
	if errors.Is(err, syscall.EISDIR) {
		return fmt.Errorf("scan %s: is a folder: name a file in it", name)
	}
	if err != nil {
		return fmt.Errorf("scan %s: %w", name, err)
	}
	if len(raw) > maxScan {
		return fmt.Errorf("scan %s: larger than %d bytes: split it", name, maxScan)
	}
	if !utf8.Valid(raw) {
		return fmt.Errorf("scan %s: is not UTF-8, so that offsets would mean nothing: convert it, as with iconv -t UTF-8", name)
	}
	items, err := scanItems(name, raw)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		result, err := s.scanOne(item)
		if err != nil {
			return fmt.Errorf("scan %s: %w", item.ID, err)
		}
		if err := enc.Encode(result); err != nil {
			return err
		}
	}
	return nil
}

func scanItems(name string, raw []byte) ([]scanItem, error) {
	lines := bytes.TrimPrefix(raw, []byte("\ufeff"))
	first, rest, _ := bytes.Cut(bytes.TrimSpace(lines), []byte("\n"))
	if _, ok := parseItem(first); !ok {
		if next, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte("\n")); meantAsItem(first, next) {
			return nil, fmt.Errorf(`scan %s:1: is a JSON object without a "text" that is a string: give it one, or write it on several lines to scan it as it stands`, name)
		}
		return []scanItem{{ID: name, Text: string(raw)}}, nil
	}
	var out []scanItem
	n := 0
	raw = lines
	for line := range bytes.Lines(raw) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		item, ok := parseItem(line)
		if !ok {
			return nil, fmt.Errorf(`scan %s:%d: is not a JSON object with "text", as the first line is: mend the line, or scan it in a file of its own`, name, n)
		}
		if item.Phase != "" && item.Phase != phaseRequest && item.Phase != phaseResponse {
			return nil, fmt.Errorf("scan %s:%d: phase %q is neither %s nor %s", name, n, item.Phase, phaseRequest, phaseResponse)
		}
		if item.ID == "" {
			item.ID = fmt.Sprintf("%s:%d", name, n)
		}
		out = append(out, item)
	}
	return out, nil
}

// meantAsItem reports whether a first line that is no item looks like one: it is
// an object with a text of another kind, or the line behind it is an item.
func meantAsItem(first, next []byte) bool {
	var probe map[string]json.RawMessage
	if json.Unmarshal(first, &probe) != nil {
		return false
	}
	_, isItem := parseItem(next)
	return isItem || probe["text"] != nil && probe["id"] != nil
}

// parseItem reads a line. An id may be a string or a number, which is kept as
// it is written.
func parseItem(line []byte) (scanItem, bool) {
	var probe struct {
		ID    json.RawMessage `json:"id"`
		Text  *string         `json:"text"`
		Phase string          `json:"phase"`
	}
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &probe) != nil || probe.Text == nil {
		return scanItem{}, false
	}
	item := scanItem{Text: *probe.Text, Phase: probe.Phase}
	if json.Unmarshal(probe.ID, &item.ID) != nil {
		item.ID = string(probe.ID)
	}
	return item, true
}

func (s scanner) scanOne(item scanItem) (*scanResult, error) {
	segment := decision.Segment{Kind: decision.KindPrompt, Origin: decision.OriginUser}
	if item.Phase == phaseResponse {
		segment = decision.Segment{Kind: decision.KindResult, Origin: decision.OriginTool}
	}
	findings := s.set.Scan([]byte(item.Text), segment, nil)
	result := &scanResult{ID: item.ID, Effect: decision.Allow.String(), Findings: []scanFinding{}}
	for _, f := range findings {
		one := scanFinding{Type: f.Type, Rule: f.Rule, Start: f.Start, End: f.End, Confidence: f.Confidence}
		if s.key != nil {
			one.Hash = s.key.Hash([]byte(item.Text[f.Start:f.End]))
		}
		result.Findings = append(result.Findings, one)
	}
	text, err := s.redacted(item.Text, findings)
	if err != nil {
		return nil, err
	}
	result.Text = text
	if text != item.Text {
		result.Effect = decision.Mutate.String()
	}
	if _, blocked := guards.Block(findings); blocked {
		result.Effect = decision.Deny.String()
	}
	return result, nil
}

func (s scanner) redacted(text string, findings []decision.Finding) (string, error) {
	edits, err := decision.UniteEdits(s.set.Edits([]byte(text), findings, nil, nil))
	if err != nil {
		return "", err
	}
	splices := make([]decision.Splice, 0, len(edits))
	for _, e := range edits {
		splices = append(splices, decision.Splice{Start: e.Start, End: e.End, With: []byte(e.With)})
	}
	return string(dialect.Apply(nil, []byte(text), splices)), nil
}
