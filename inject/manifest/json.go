package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readJSON reads a document that is JSON as nodes: what JSON escapes, YAML
// does not read in every case. Numbers stay as they are written.
func readJSON(raw []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	root, err := jsonNode(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("document 1 cannot be read: %w", err)
	}
	return &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}, nil
}

func jsonNode(dec *json.Decoder, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if v == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		n.Style = yaml.FlowStyle
		for dec.More() { // keys and values in turn
			c, err := jsonNode(dec, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		_, err = dec.Token()
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Number:
		if n.Tag, n.Value = "!!int", v.String(); strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, err
}

// writeJSON writes such a document, and what was added to it.
func writeJSON(doc *yaml.Node) []byte {
	var b bytes.Buffer
	writeNode(&b, doc.Content[0], "\n")
	b.WriteByte('\n')
	return b.Bytes()
}

func writeNode(b *bytes.Buffer, n *yaml.Node, line string) {
	open, end := "{", "}"
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag != "!!str" {
			b.WriteString(n.Value)
			return
		}
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(n.Value) // strings can always be encoded
		b.Truncate(b.Len() - 1) // the line's end
		return
	case yaml.SequenceNode:
		open, end = "[", "]"
	}
	b.WriteString(open)
	for i, c := range n.Content {
		value := n.Kind == yaml.MappingNode && i%2 == 1
		switch {
		case value:
			b.WriteString(": ")
		case i > 0:
			b.WriteString("," + line + "  ")
		default:
			b.WriteString(line + "  ")
		}
		writeNode(b, c, line+"  ")
	}
	if len(n.Content) > 0 {
		b.WriteString(line)
	}
	b.WriteString(end)
}
