package manifest

import (
	"errors"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds nesting; manifests stay far below.
const maxDepth = 100

// value reads a node as the API server would after a client made JSON of it.
func value(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nests deeper than %d levels", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return mapping(n, depth)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := value(c, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.ScalarNode:
		return scalar(n), nil
	default:
		return nil, fmt.Errorf("line %d: is neither a mapping, a list nor a value", n.Line)
	}
}

// line says where a node stands; nothing for JSON, which keeps no lines.
func line(n *yaml.Node) string {
	if n.Line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d: ", n.Line)
}

var errKey = errors.New("a key is no text")

func mapping(n *yaml.Node, depth int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: %w", key.Line, errKey)
		}
		if _, twice := out[key.Value]; twice {
			return nil, fmt.Errorf("%sthe key %q stands twice in one mapping: remove one", line(key), key.Value)
		}
		v, err := value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		out[key.Value] = v
	}
	return out, nil
}

// scalar reads what injection asks about: texts, truth, whole numbers. Clients
// of Kubernetes read YAML 1.1, where yes and on are true.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return word(n.Value)
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return i
		}
		return n.Value
	case "!!str":
		if n.Style == 0 {
			return word(n.Value)
		}
		return n.Value
	default:
		return n.Value
	}
}

func word(s string) any {
	switch s {
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y":
		return true
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N":
		return false
	default:
		return s
	}
}
