package inject

import (
	"encoding/json"
	"strconv"
)

// object is a mapping of a manifest.
type object = map[string]any

// child returns the mapping below key; nil where there is none.
func child(o object, key string) object {
	m, _ := o[key].(object)
	return m
}

func text(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

func truth(o object, key string) bool {
	b, _ := o[key].(bool)
	return b
}

// number reads an integer, however the decoder holds it.
func number(o object, key string) (int64, bool) {
	switch n := o[key].(type) {
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	case float64:
		return int64(n), n == float64(int64(n))
	case int64:
		return n, true
	case int:
		return int64(n), true
	default:
		return 0, false
	}
}

// objects returns the mappings of the list below key, and whether it is absent
// or a list of nothing else.
func objects(o object, key string) ([]object, bool) {
	if o[key] == nil {
		return nil, true
	}
	list, ok := o[key].([]any)
	if !ok {
		return nil, false
	}
	out := make([]object, 0, len(list))
	for _, e := range list {
		m, ok := e.(object)
		if !ok {
			return nil, false
		}
		out = append(out, m)
	}
	return out, true
}

// at returns the mapping that the keys lead to; nil where there is none.
func at(o object, keys ...string) object {
	for _, key := range keys {
		o = child(o, key)
	}
	return o
}

func index(path string, i int) string { return path + "/" + strconv.Itoa(i) }
