package authz

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
)

var update = flag.Bool("update", false, "write docs/policy.md anew")

const page = "../docs/policy.md"

// wordsTable is the vocabulary for people.
func wordsTable() string {
	var b strings.Builder
	b.WriteString("| CEL | type | Rego | of | |\n|---|---|---|---|---|\n")
	for _, f := range input.Fields() {
		kind := map[input.Kind]string{
			input.Text: "string", input.Flag: "bool", input.TextList: "list(string)", input.TextMap: "map(string, string)", input.Tree: "map(string, dyn)",
			input.FindingList: "list of findings", input.Time: "timestamp",
		}[f.Kind]
		fmt.Fprintf(&b, "| `%s` | %s | `input.%s` | %s | %s |\n", f.Path, kind, f.Path, calls(f.Root), f.About)
	}
	return b.String()
}

// calls says which calls have a root.
func calls(r input.Roots) string {
	switch {
	case r.Has(input.LLM):
		return "LLM calls"
	case r.Has(input.Tool):
		return "tools"
	case r.Has(input.Resource):
		return "resources"
	case r.Has(input.Prompt):
		return "prompts"
	case r.Has(input.MCP):
		return "MCP calls"
	default:
		return "every call"
	}
}

// The page lists every word that rules may read, and no other.
func TestWordsOfThePage(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(raw), "-update -->\n")
	table, tail, ended := strings.Cut(rest, "<!-- words: end")
	if !found || !ended {
		t.Fatal("the page has no place for the words")
	}
	want := wordsTable()
	if *update {
		if err := os.WriteFile(page, []byte(head+"-update -->\n"+want+"<!-- words: end"+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table of words is another: run go test ./authz -run TestWordsOfThePage -update\n%s", table)
	}
	for _, f := range input.Fields() {
		if f.About == "" {
			t.Errorf("%s: nobody says what it is", f.Path)
		}
	}
}

// The examples on the page load without a warning.
func TestExamplesOfThePage(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(raw), "```")
	for i := 1; i < len(blocks); i += 2 {
		language, text, _ := strings.Cut(blocks[i], "\n")
		doc := parse(t, "spec: {}")
		switch language {
		case "yaml":
			doc = parse(t, text)
		case "rego":
			doc.Spec.Rego = text
		default:
			t.Fatalf("a block of %q", language)
		}
		if doc.Metadata == nil {
			doc.Metadata = parse(t, "metadata: {name: p}").Metadata
		}
		for _, w := range load(t, Source{Doc: doc}).Warnings() {
			t.Errorf("%s: %s", language, w)
		}
	}
}
