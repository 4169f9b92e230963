package rego

import (
	"encoding/json"
	"errors"
	"strconv"

	"outrider.dev/outrider/authz/input"
)

// maxChanges bounds what one module demands of one call.
const maxChanges = 64

// HasMutate reports whether the module defines mutate.
func (m *Module) HasMutate() bool { return m.mutate != nil }

// Mutate returns what the elements of mutate demand of the call. Each is an
// object of one of these forms; anything else is an error:
//
//	{"argument": "/per_page", "value": 50}
//	{"argument": "/limit", "min": 1, "max": 100}
//	{"argument": "/force", "remove": true}
//	{"model": "…"}, {"maxTokens": 1024}, {"header": "X-Team", "value": "…"}
func (m *Module) Mutate(c *input.Call) ([]input.Change, error) {
	value, err := m.mutate.eval(c, deadline)
	if err != nil || value == nil {
		return nil, err
	}
	set, _ := value.([]any)
	if len(set) > maxChanges {
		return nil, errors.New("mutate holds more than " + strconv.Itoa(maxChanges) + " changes")
	}
	out := make([]input.Change, 0, len(set))
	for _, element := range set {
		object, _ := element.(map[string]any)
		change, ok := changeOf(object)
		if !ok {
			return nil, errors.New("mutate holds what is no change")
		}
		if problem, _ := change.Check(); problem != "" {
			return nil, errors.New("mutate: " + problem)
		}
		if c.Roots().Has(change.Roots()) { // else it is about other calls
			out = append(out, change)
		}
	}
	return out, nil
}

// changeOf reads one object. It knows each form by all of its members, so that
// a misspelt one is no change.
func changeOf(o map[string]any) (c input.Change, ok bool) {
	value, hasValue := o["value"]
	switch {
	case o["model"] != nil && len(o) == 1:
		c.Kind = input.ForceModel
		c.Model, ok = o["model"].(string)
		return c, ok
	case o["maxTokens"] != nil && len(o) == 1:
		c.Kind = input.ClampTokens
		number, _ := o["maxTokens"].(json.Number)
		tokens, err := strconv.ParseUint(number.String(), 10, 64)
		c.Tokens = tokens
		return c, err == nil
	case o["header"] != nil && hasValue && len(o) == 2:
		c.Kind = input.AddHeader
		name, named := o["header"].(string)
		c.Header = name
		c.Text, ok = value.(string)
		return c, ok && named
	case o["argument"] != nil:
		return argumentChange(o)
	default:
		return c, false
	}
}

func argumentChange(o map[string]any) (c input.Change, ok bool) {
	if c.Argument, ok = o["argument"].(string); !ok {
		return c, false
	}
	value, sets := o["value"]
	switch {
	case sets && len(o) == 2:
		c.Kind = input.SetArgument
		raw, err := json.Marshal(value)
		c.Value = raw
		return c, err == nil
	case o["remove"] == true && len(o) == 2:
		c.Kind = input.RemoveArgument
		return c, true
	}
	c.Kind = input.ClampArgument
	least, hasLeast := numberOf(o["min"])
	most, hasMost := numberOf(o["max"])
	given := 1
	if hasLeast {
		c.Min = &least
		given++
	}
	if hasMost {
		c.Max = &most
		given++
	}
	return c, len(o) == given && given > 1
}

func numberOf(v any) (float64, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := number.Float64()
	return f, err == nil
}
