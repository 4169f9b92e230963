package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDocuments bounds the documents of one file.
const maxDocuments = 256

// parse returns the roots of the documents in src, leaving out empty ones. It
// reports what it cannot accept and then returns nil.
func (p *problems) parse(src string) (roots []ast.Node) {
	// The parser is a stranger's and reads what an operator wrote: should it
	// give up, that is a problem of the file, not the end of the process.
	defer func() {
		if r := recover(); r != nil {
			p.add(Position{File: p.file}, "", "cannot be read as YAML: the parser gave up", "check the indentation and the quotes")
			roots = nil
		}
	}()
	tokens := lexer.Tokenize(src)
	if !p.acceptable(tokens) {
		return nil
	}
	documents := split(tokens)
	if len(documents) > maxDocuments {
		p.add(Position{File: p.file}, "", fmt.Sprintf("holds more than %d documents", maxDocuments), "split it into several files")
		return nil
	}
	for _, one := range documents {
		root, ok := p.parseOne(one)
		if !ok {
			return nil
		}
		if root != nil {
			roots = append(roots, root)
		}
	}
	if len(roots) == 0 {
		p.add(Position{File: p.file}, "", "is empty", "give it a document with apiVersion and kind")
	}
	return roots
}

// split cuts the tokens at the marks between documents. The parser can do that
// too, but it loses what follows an empty document.
func split(tokens token.Tokens) []token.Tokens {
	var out []token.Tokens
	var one token.Tokens
	for _, t := range tokens {
		switch t.Type {
		case token.DocumentHeaderType, token.DocumentEndType:
			out, one = append(out, one), nil
		case token.CommentType:
		default:
			one = append(one, t)
		}
	}
	out = append(out, one)
	kept := out[:0]
	for _, one := range out {
		if len(one) > 0 {
			kept = append(kept, one)
		}
	}
	return kept
}

func (p *problems) parseOne(tokens token.Tokens) (ast.Node, bool) {
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p.addSyntax(err)
		return nil, false
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		p.add(p.position(tokens[0]), "", "cannot be read as YAML", "check the indentation and the quotes")
		return nil, false
	}
	root := file.Docs[0].Body
	if lost := lostToken(tokens, root); lost != nil {
		p.add(p.position(lost), "", "cannot be read as YAML: this text belongs to nothing", "check the indentation and the quotes")
		return nil, false
	}
	return root, true
}

func (p *problems) addSyntax(err error) {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &syntax) {
		p.add(Position{File: p.file}, "", "cannot be read as YAML", "check the indentation and the quotes")
		return
	}
	p.add(p.position(syntax.GetToken()), "", "cannot be read as YAML: "+syntax.GetMessage(), "check the indentation and the quotes")
}

// lostToken returns a scalar that stands in the text and not in the tree. The
// parser must lose nothing: a rule that falls out of the tree is not enforced.
func lostToken(tokens token.Tokens, root ast.Node) *token.Token {
	kept := keptTokens{}
	ast.Walk(kept, root)
	for _, t := range tokens {
		if scalarToken(t.Type) && !kept[t] {
			return t
		}
	}
	return nil
}

type keptTokens map[*token.Token]bool

// Visit implements ast.Visitor.
func (k keptTokens) Visit(n ast.Node) ast.Visitor {
	k[n.GetToken()] = true
	return k
}

func scalarToken(t token.Type) bool {
	switch t {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.BoolType, token.NullType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType,
		token.FloatType, token.InfinityType, token.NanType:
		return true
	default:
		return false
	}
}

// position is the place of a token. The lexer gives column 0 to the text of a
// block scalar.
func (p *problems) position(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{File: p.file}
	}
	return Position{p.file, max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// textLine is where the text of a block scalar begins: the line below its
// header, at the text's indentation.
func textLine(lines []string, header int) (line, column int) {
	for _, text := range lines[min(header, len(lines)):] {
		if trimmed := strings.TrimLeft(text, " "); strings.TrimSpace(trimmed) != "" {
			return header + 1, len(text) - len(trimmed) + 1
		}
	}
	return header + 1, 1
}
