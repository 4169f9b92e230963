package main

import (
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/guards/catalogue"
)

func TestPageIsWhatTheTablesSay(t *testing.T) {
	got, err := os.ReadFile("../../docs/reference/guards.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page() {
		t.Error("docs/reference/guards.md is not what the tables below guards/ say: run make generate")
	}
}

func TestRulesAreWhole(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range sections() {
		for _, r := range s.rules {
			if ids[r.ID] {
				t.Errorf("%s stands twice", r.ID)
			}
			ids[r.ID] = true
			kind, name, _ := strings.Cut(r.Type, ".")
			if r.ID == "" || kind != strings.ToLower(s.title) || name == "" || r.Description == "" || r.Form == "" && len(r.Examples) == 0 || r.Confidence <= 0 || r.Confidence > 1 {
				t.Errorf("%+v is not whole", r)
			}
		}
	}
}

func TestCells(t *testing.T) {
	if got := cell("a |\n b"); got != `a \| b` {
		t.Error(got)
	}
	if got := known(catalogue.Rule{Form: "f", Examples: []string{"x", "y"}}); got != "f; as in `x`, `y`" {
		t.Error(got)
	}
}
