package config

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// Bounds on one file. The parser recurses with depth, and its time grows with
// the square of the keys in one mapping, so both are bounded before it runs.
const (
	maxDepth  = 32
	maxTokens = 1 << 16
	maxKeys   = 1000 // of one block mapping
)

// acceptable refuses what YAML can do and configuration does not need, and
// nesting that the parser would follow down the stack.
func (p *problems) acceptable(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		p.add(Position{File: p.file}, "", "is too long: it has more than 65536 words and signs", "split it into several files")
		return false
	}
	before := len(p.list)
	var depth nesting
	for i, t := range tokens {
		if problem, fix := refusedFeature(t.Type); problem != "" {
			p.add(p.position(t), "", problem, fix)
		}
		if depth.follow(tokens, i) > maxDepth {
			p.add(p.position(t), "", fmt.Sprintf("is nested deeper than %d levels", maxDepth), "flatten the document")
			break
		}
		if depth.keys() > maxKeys {
			p.add(p.position(t), "", fmt.Sprintf("has more than %d keys in one mapping", maxKeys), "split it")
			break
		}
	}
	return len(p.list) == before
}

func refusedFeature(t token.Type) (problem, fix string) {
	switch t {
	case token.AnchorType:
		return "anchors (&name) are not read here", "write the value out, or quote a text that begins with &"
	case token.AliasType:
		return "aliases (*name) are not read here", `put quotes around a text that begins with *, such as "*"`
	case token.MergeKeyType:
		return "merge keys (<<) are not read here", "write the keys out"
	case token.TagType:
		return "tags (!name) are not read here", "remove the tag, or quote a text that begins with !"
	case token.DirectiveType:
		return "directives (%NAME) are not read here", "remove the line, or quote a text that begins with %"
	case token.MappingKeyType:
		return "explicit keys (? key) are not read here", "write key: value"
	default:
		return "", ""
	}
}

// nesting follows how deep the tokens lie: open brackets, and the block
// collections that are not closed yet.
type nesting struct {
	flow   int
	blocks []block
}

// block is an open block collection: the column of its signs, and how many
// stood there.
type block struct{ column, signs int }

// follow takes token i and returns the depth there.
func (n *nesting) follow(tokens token.Tokens, i int) int {
	t := tokens[i]
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flow++
	case token.SequenceEndType, token.MappingEndType:
		n.flow = max(n.flow-1, 0)
	case token.DocumentHeaderType, token.DocumentEndType:
		*n = nesting{}
	case token.SequenceEntryType:
		n.open(t.Position.Column, 0)
	case token.MappingValueType:
		if i > 0 {
			n.open(tokens[i-1].Position.Column, 1)
		}
	}
	return n.flow + len(n.blocks)
}

// keys is how many keys the innermost block mapping has so far.
func (n *nesting) keys() int {
	if len(n.blocks) == 0 {
		return 0
	}
	return n.blocks[len(n.blocks)-1].signs
}

func (n *nesting) open(column, signs int) {
	if n.flow > 0 {
		return
	}
	for len(n.blocks) > 0 && n.blocks[len(n.blocks)-1].column > column {
		n.blocks = n.blocks[:len(n.blocks)-1]
	}
	if len(n.blocks) == 0 || n.blocks[len(n.blocks)-1].column < column {
		n.blocks = append(n.blocks, block{column: column})
	}
	n.blocks[len(n.blocks)-1].signs += signs
}
