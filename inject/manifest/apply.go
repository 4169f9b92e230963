package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

var errNowhere = errors.New("the path leads nowhere")

// applyAll adds what the operations add to a document.
func applyAll(doc *yaml.Node, ops []inject.Op) error {
	for _, op := range ops {
		if err := apply(doc.Content[0], op); err != nil {
			return fmt.Errorf("%s: %w", op.Path, err)
		}
	}
	return nil
}

// apply adds one value to the document.
func apply(root *yaml.Node, op inject.Op) error {
	doc, err := readJSON(op.Value)
	if err != nil {
		return err
	}
	added := doc.Content[0]
	plain(added)
	steps := inject.Steps(op.Path)
	at := root
	for _, step := range steps[:len(steps)-1] {
		i, err := below(at, step)
		if err != nil {
			return err
		}
		at = at.Content[i]
	}
	return add(at, steps[len(steps)-1], added)
}

// below returns where among the content of a node a step leads.
func below(n *yaml.Node, step string) (int, error) {
	switch n.Kind {
	case yaml.MappingNode:
		if i := find(n.Content, step); i >= 0 {
			return i, nil
		}
	case yaml.SequenceNode:
		if i, err := inject.Place(step, len(n.Content)); err == nil && i < len(n.Content) {
			return i, nil
		}
	}
	return 0, errNowhere
}

func add(n *yaml.Node, step string, added *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		if i := find(n.Content, step); i >= 0 {
			n.Content[i] = added
			return nil
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: step}
		if len(n.Content) == 0 {
			n.Style = 0 // {} grows to a block
		}
		n.Content = append(n.Content, key, added)
		return nil
	case yaml.SequenceNode:
		i, err := inject.Place(step, len(n.Content))
		if err != nil {
			return err
		}
		if len(n.Content) == 0 {
			n.Style = 0
		}
		n.Content = slices.Insert(n.Content, i, added)
		return nil
	default:
		return errNowhere
	}
}

// plain writes what came as JSON as people write YAML.
func plain(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "\n") {
		n.Style = yaml.LiteralStyle
	}
	for _, c := range n.Content {
		plain(c)
	}
}
