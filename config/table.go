package config

import (
	"fmt"
	"slices"
	"strings"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/suggest"
)

// Cell is one expectation of a matrix.
type Cell struct {
	Tool      string
	Principal string
	Effect    string
	At        Position
}

// Words of a table that are no names.
const (
	corner        = "tool" // begins the first line: YAML takes its indentation for that of the block
	noExpectation = "-"
)

// table reads the table of a matrix, which stands at path. The first line
// names principals; every other one a tool and an effect for each of them.
func (d *document) table(path string, m *configv1.TestMatrix, principals []string) []Cell {
	at, _ := d.where(path)
	if m.GetTable() == "" {
		return nil // reported as missing
	}
	lines := strings.Split(strings.TrimSpace(m.GetTable()), "\n")
	columns, ok := strings.CutPrefix(lines[0], corner+" ")
	if !ok {
		d.fail(path, fmt.Sprintf("%s: the first line does not begin with %q", path, corner), "write tool and the principals, as a block of text after |, and below it a line for each tool")
		return nil
	}
	names := strings.Fields(columns)
	d.columns(path, at, names, principals)
	var cells []Cell
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		at.Line++
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case len(words) != len(names)+1:
			problem := fmt.Sprintf("%s: the row %s has %d effects for %d principals", path, quoted(words[0]), len(words)-1, len(names))
			d.add(at, path, problem, "give one for each, - where nothing is expected")
			continue
		case seen[words[0]]:
			d.add(at, path, fmt.Sprintf("%s: a second row for %s", path, quoted(words[0])), "keep one")
			continue
		}
		seen[words[0]] = true
		cells = append(cells, d.row(path, at, words, names)...)
	}
	if len(cells) == 0 && d.sound(path) {
		d.fail(path, path+" expects nothing", "give an effect in one of its places")
	}
	return cells
}

// columns checks the first line.
func (d *document) columns(path string, at Position, columns, principals []string) {
	for i, name := range columns {
		switch {
		case slices.Contains(columns[:i], name):
			d.add(at, path, fmt.Sprintf("%s: %s has two columns", path, quoted(name)), "keep one")
		case !slices.Contains(principals, name):
			d.add(at, path, fmt.Sprintf("%s: no principal is called %s", path, quoted(name)), meant(name, principals))
		}
	}
}

func (d *document) row(path string, at Position, words, columns []string) []Cell {
	effects := rulesOf((&configv1.TestExpectation{}).ProtoReflect().Descriptor().Fields().ByName("effect")).GetValues()
	var cells []Cell
	for i, effect := range words[1:] {
		switch {
		case effect == noExpectation:
		case !slices.Contains(effects, effect):
			d.add(at, path, fmt.Sprintf("%s: %s is not an effect", path, quoted(effect)), meant(effect, append(slices.Clone(effects), noExpectation)))
		default:
			cells = append(cells, Cell{Tool: words[0], Principal: columns[i], Effect: effect, At: at})
		}
	}
	return cells
}

// meant is the fix for a word that is none of the known ones.
func meant(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(known) == 0 {
		return "there are none yet"
	}
	return "known are " + strings.Join(known, ", ")
}
