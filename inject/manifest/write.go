package manifest

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

// write returns the manifest with the operations on its documents applied. Where nothing is
// added to a document it stays as it is in raw.
func write(raw []byte, isJSON bool, documents []*yaml.Node, ops [][]inject.Op) ([]byte, error) {
	if isJSON {
		err := applyAll(documents[0], ops[0])
		return writeJSON(documents[0]), err
	}
	wide := slices.ContainsFunc(documents, func(d *yaml.Node) bool { return indented(d, 0) })
	places, ok := split(raw, documents)
	if !ok {
		places = make([][]byte, len(documents))
	}
	var out bytes.Buffer
	for n, doc := range documents {
		if ok && len(ops[n]) == 0 {
			out.Write(places[n])
			continue
		}
		text, err := rewrite(doc, places[n], ops[n], wide)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n+1, err)
		}
		if n > 0 || begins(places[n]) {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// rewrite writes one document anew. Read together with its neighbours it may have taken
// their comments for its own, so it is read alone where its place is known.
func rewrite(doc *yaml.Node, place []byte, ops []inject.Op, wide bool) ([]byte, error) {
	if place != nil {
		alone, err := read(place, false)
		if err != nil {
			return nil, err
		}
		doc = alone[0]
		if err := expand(doc); err != nil {
			return nil, err
		}
	}
	if err := applyAll(doc, ops); err != nil {
		return nil, err
	}
	return encode(doc, wide)
}

// begins reports whether a line is the marker that begins a document, whatever stands before it.
func begins(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// split returns where in raw each document stands, from its marker on. It is not ok where one
// begins in another way, or where the reader may have counted lines by other breaks than
// line feeds: all are written anew then.
func split(raw []byte, documents []*yaml.Node) (places [][]byte, ok bool) {
	if bytes.ContainsAny(raw, "\r\u0085\u2028\u2029") {
		return nil, false
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	first := 0 // line of the document
	for n := range documents {
		end := len(lines)
		if n+1 < len(documents) {
			end = documents[n+1].Line - 1
			if end <= first || end >= len(lines) || !begins(lines[end]) {
				return nil, false
			}
		}
		places = append(places, bytes.Join(lines[first:end], nil))
		first = end
	}
	return places, true
}

// encode writes a document, with lists to the right of their keys or below them.
func encode(doc *yaml.Node, wide bool) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if !wide {
		enc.CompactSeqIndent()
	}
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// indented reports whether lists stand to the right of their keys.
func indented(n *yaml.Node, depth int) bool {
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return false
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if value.Kind != yaml.SequenceNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0 {
				continue
			}
			const dash = 2 // before an entry; that of the list itself may be its anchor's place
			if value.Content[0].Column-dash > key.Column {
				return true
			}
		}
	}
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return indented(c, depth+1) })
}
