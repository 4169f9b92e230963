package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Op is one operation of a JSON Patch (RFC 6902). It always adds: a member of
// a mapping, or an entry of a list before the one at that index, or at its end (-).
type Op struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Escape makes one step of a JSON pointer of a key.
func Escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// Steps takes a JSON pointer apart.
func Steps(path string) []string {
	steps := strings.Split(path, "/")[1:]
	for i, s := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return steps
}

// Apply returns the tree with the operations applied; the tree that it got
// stays as it is.
func Apply(tree any, ops []Op) (any, error) {
	for _, op := range ops {
		var value any
		if err := json.Unmarshal(op.Value, &value); err != nil {
			return nil, fmt.Errorf("%s: %w", op.Path, err)
		}
		var err error
		if tree, err = add(tree, Steps(op.Path), value); err != nil {
			return nil, fmt.Errorf("%s: %w", op.Path, err)
		}
	}
	return tree, nil
}

var errNowhere = errors.New("the path leads nowhere")

// add copies what lies on the way and shares the rest.
func add(tree any, steps []string, value any) (any, error) {
	switch node := tree.(type) {
	case object:
		out := maps.Clone(node)
		if out == nil {
			out = object{}
		}
		if len(steps) > 1 {
			below, err := add(out[steps[0]], steps[1:], value)
			if err != nil {
				return nil, err
			}
			value = below
		}
		out[steps[0]] = value
		return out, nil
	case []any:
		i, err := Place(steps[0], len(node))
		if err != nil {
			return nil, err
		}
		out := slices.Clone(node)
		if len(steps) == 1 {
			return slices.Insert(out, i, value), nil
		}
		if i == len(node) {
			return nil, errNowhere
		}
		out[i], err = add(node[i], steps[1:], value)
		return out, err
	default:
		return nil, errNowhere
	}
}

// Place reads the step of a JSON pointer into a list of that length.
func Place(step string, length int) (int, error) {
	if step == "-" {
		return length, nil
	}
	i, err := strconv.Atoi(step)
	if err != nil || i < 0 || i > length {
		return 0, errNowhere
	}
	return i, nil
}

// edit gathers the operations on one pod.
type edit struct {
	root string // JSON pointer to the pod
	ops  []Op
}

// add adds the value, which encoding/json can always encode, at the path below
// the pod.
func (e *edit) add(path string, value any) {
	raw, err := json.Marshal(value)
	if err != nil { // only for values that this package does not make
		return
	}
	e.ops = append(e.ops, Op{Op: "add", Path: e.root + path, Value: raw})
}

// append adds entries to a list that may be absent.
func (e *edit) append(o object, key, path string, values ...any) {
	if len(values) == 0 {
		return
	}
	if o[key] == nil {
		e.add(path+"/"+key, values)
		return
	}
	for _, v := range values {
		e.add(path+"/"+key+"/-", v)
	}
}

// member is one entry of a mapping.
type member struct{ key, value string }

// members adds entries to a mapping that may be absent, leaving out what is
// there already.
func (e *edit) members(o object, key, path string, members ...member) {
	have := child(o, key)
	if have == nil {
		all := map[string]string{}
		for _, m := range members {
			all[m.key] = m.value
		}
		e.add(path+"/"+key, all)
		return
	}
	for _, m := range members {
		if have[m.key] != m.value {
			e.add(path+"/"+key+"/"+Escape(m.key), m.value)
		}
	}
}
