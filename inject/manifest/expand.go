package manifest

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what aliases grow a document to.
const maxNodes = 1 << 20

// expand puts the content of anchors in the place of their aliases and of merge
// keys, so that an edit of one place changes no other. Documents without any
// stay as they are.
func expand(doc *yaml.Node) error {
	e := &expansion{}
	if !aliased(doc, 0) {
		return nil
	}
	return e.node(doc, 0)
}

// aliased reports whether the node holds an alias.
func aliased(n *yaml.Node, depth int) bool {
	return n.Kind == yaml.AliasNode || depth <= maxDepth && slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return aliased(c, depth+1) })
}

type expansion struct{ nodes int }

func (e *expansion) node(n *yaml.Node, depth int) error {
	if e.nodes++; e.nodes > maxNodes || depth > maxDepth {
		return fmt.Errorf("line %d: its aliases grow beyond bounds: write them out", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		line, head, foot := n.LineComment, n.HeadComment, n.FootComment
		*n = *n.Alias
		n.LineComment, n.HeadComment, n.FootComment = line, head, foot
	}
	n.Anchor = ""
	copied := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		own := *c
		if err := e.node(&own, depth+1); err != nil {
			return err
		}
		copied[i] = &own
	}
	n.Content = copied
	if n.Kind == yaml.MappingNode {
		return merge(n)
	}
	return nil
}

// merge takes the merge keys of a mapping apart: what it says itself counts,
// then what the first of those merged says.
func merge(n *yaml.Node) error {
	var own, merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() != "!!merge" {
			own = append(own, key, value)
			continue
		}
		sources := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			sources = value.Content
		}
		for _, s := range sources {
			if s.Kind != yaml.MappingNode {
				return fmt.Errorf("line %d: << takes a mapping or a list of mappings", key.Line)
			}
			merged = append(merged, s.Content...)
		}
	}
	for i := 0; i+1 < len(merged); i += 2 {
		if find(own, merged[i].Value) < 0 {
			own = append(own, merged[i], merged[i+1])
		}
	}
	n.Content = own
	return nil
}

// find returns where the value of a key stands among keys and values, -1 where
// it does not.
func find(content []*yaml.Node, key string) int {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key {
			return i + 1
		}
	}
	return -1
}
