package main

import (
	"bufio"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sample is one labelled text.
type sample struct {
	Text   string `json:"text"`
	Label  int    `json:"label"` // 1: an attack
	Source string `json:"source"`
	line   int    // of the template it was made from; zero: of none
}

//go:embed corpus
var corpusFiles embed.FS

// readFolder reads every .jsonl file of a folder.
func readFolder(dir string) (out []sample, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".jsonl" {
			return err
		}
		f, err := os.Open(name) //nolint:gosec // the folder that the operator named
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 4<<20)
		for n := 1; lines.Scan(); n++ {
			var s sample
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil || s.Label>>1 != 0 || s.Source == "" {
				return fmt.Errorf(`%s:%d: want {"text", "label": 0 or 1, "source"}`, name, n)
			}
			out = append(out, s)
		}
		return lines.Err()
	})
	return out, err
}

// grammar expands templates. In a template {name} stands for one of the
// choices of a slot, {a|b} for one of those that stand there.
type grammar struct {
	slots map[string][]string
	r     *rand.Rand
}

const maxNested = 8

func newGrammar() *grammar { return &grammar{slots: map[string][]string{}} }

// seed makes what follows depend on a source and a place in its file alone.
func (g *grammar) seed(source string, line int) {
	g.r = rand.New(rand.NewPCG(uint64(len(source)), uint64(line))) //nolint:gosec // texts, not secrets
}

func (g *grammar) expand(template string, depth int) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok || depth > maxNested {
			return b.String()
		}
		inner := closed(rest)
		choices := g.slots[inner]
		if parts := split(inner); len(parts) > 1 {
			choices = parts
		}
		if len(choices) == 0 { // a brace of the text itself
			b.WriteString("{")
			template = rest
			continue
		}
		b.WriteString(g.expand(choices[g.r.IntN(len(choices))], depth+1))
		template = rest[len(inner)+1:]
	}
}

// closed returns what stands before the brace that closes the one before rest;
// nothing if none does.
func closed(rest string) string {
	open := 0
	for k := range len(rest) {
		switch rest[k] {
		case '{':
			open++
		case '}':
			if open == 0 {
				return rest[:k]
			}
			open--
		}
	}
	return ""
}

// split cuts choices at the bars that stand in no braces of their own.
func split(inner string) (out []string) {
	open, from := 0, 0
	for k := range len(inner) {
		switch inner[k] {
		case '{':
			open++
		case '}':
			open--
		case '|':
			if open == 0 {
				out = append(out, inner[from:k])
				from = k + 1
			}
		}
	}
	return append(out, inner[from:])
}

// ownCorpus expands the templates that are committed beside this file.
func ownCorpus() ([]sample, error) {
	g := newGrammar()
	names, err := fs.Glob(corpusFiles, "corpus/*.txt")
	if err != nil {
		return nil, err
	}
	var out []sample
	var files [][]string
	for _, name := range names {
		raw, err := corpusFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(raw), "\n")
		files = append(files, lines)
		g.readSlots(lines)
	}
	for k, lines := range files {
		more, err := g.read(lines)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[k], err)
		}
		out = append(out, more...)
	}
	return out, nil
}

// readSlots reads the lines that define slots: "@name = a | b | c".
func (g *grammar) readSlots(lines []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, "@") {
			continue
		}
		name, choices, _ := strings.Cut(line[1:], "=")
		name = strings.TrimSpace(name)
		for c := range strings.SplitSeq(choices, " | ") {
			g.slots[name] = append(g.slots[name], strings.TrimSpace(c))
		}
	}
}

// read expands the sections of a file. "== source label times" begins one;
// every other line is a template, in which ¶ stands for a line end.
func (g *grammar) read(lines []string) (out []sample, err error) {
	source, label, times := "", 0, 1
	for n, line := range lines {
		switch {
		case line == "" || line[0] == '@' || strings.HasPrefix(line, "# "):
		case strings.HasPrefix(line, "== "):
			f := strings.Fields(line)
			if len(f) != 4 {
				return nil, fmt.Errorf("line %d: want == source label times", n+1)
			}
			source = f[1]
			label, _ = strconv.Atoi(f[2])
			times, _ = strconv.Atoi(f[3])
			g.seed(source, n)
		default:
			var seen []string
			for range times {
				text := strings.ReplaceAll(g.expand(line, 0), "¶", "\n")
				if !slices.Contains(seen, text) {
					seen = append(seen, text)
					out = append(out, sample{text, label, source, n + 1})
				}
			}
		}
	}
	return out, nil
}
