package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// document is one YAML document on its way into a message: where each field
// stands, and the problems found so far.
type document struct {
	*problems
	root   ast.Node
	source []string            // the lines of the file
	lines  map[string]Position // by field path
}

// at is the place of a node: for a mapping its first key, for a block scalar
// its first line of text.
func (d *document) at(n ast.Node) Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return d.position(n.Values[0].Key.GetToken())
		}
	case *ast.LiteralNode:
		header := n.GetToken().Position.Line
		line, column := textLine(d.source, header)
		return Position{d.file, line, column}
	}
	return d.position(n.GetToken())
}

// where is the place of a field, or of the nearest field around it.
func (d *document) where(path string) (Position, bool) { return lookup(d.lines, path) }

// has reports whether the field is written in the document.
func (d *document) has(path string) bool {
	_, ok := d.lines[path]
	return ok
}

// fail reports a problem of the field at path.
func (d *document) fail(path, problem, fix string) {
	at, _ := d.where(path)
	d.add(at, path, problem, fix)
}

// sound reports whether nothing was wrong at path or below it so far.
func (d *document) sound(path string) bool {
	for _, e := range d.list {
		if e.Path == path || strings.HasPrefix(e.Path, path+".") || strings.HasPrefix(e.Path, path+"[") {
			return false
		}
	}
	return true
}

// lookup finds a field, or the nearest field around it and false.
func lookup(lines map[string]Position, path string) (Position, bool) {
	if at, ok := lines[path]; ok {
		return at, true
	}
	for path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		if at, ok := lines[path]; ok {
			return at, false
		}
	}
	return Position{}, false
}

// join puts a field's name behind the path of its message.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// place names a message in an error.
func place(path string) string {
	if path == "" {
		return "at the top level"
	}
	return "in " + path
}

// describe says what a node is, in the words of an error message.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a string"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	default:
		return "something else"
	}
}
