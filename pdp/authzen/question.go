package authzen

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Bounds on what a question may name.
const (
	maxName        = 4 << 10 // bytes of a type, an id or a name
	maxEvaluations = 256
)

// entity is a subject, an action or a resource. Actions have no type, and
// their name is the id.
type entity struct {
	kind, id   string
	properties strictjson.Value // an object or absent
}

// question is one evaluation.
type question struct {
	subject, action, resource entity
	context                   strictjson.Value // an object or absent
	raw                       parts
}

// parts are the members of one evaluation as they came, or of the defaults
// that hold for it.
type parts struct{ subject, action, resource, context strictjson.Value }

func partsOf(v strictjson.Value) parts {
	return parts{v.Get("subject"), v.Get("action"), v.Get("resource"), v.Get("context")}
}

// or returns the parts with those of the defaults where there are none. An
// entity holds whole or not at all.
func (p parts) or(defaults parts) parts {
	for _, one := range [...]struct{ to, from *strictjson.Value }{
		{&p.subject, &defaults.subject},
		{&p.action, &defaults.action},
		{&p.resource, &defaults.resource},
		{&p.context, &defaults.context},
	} {
		if one.to.Kind() == strictjson.None {
			*one.to = *one.from
		}
	}
	return p
}

// question reads the parts. The error says what is missing.
func (p parts) question() (*question, error) {
	q := &question{raw: p}
	var err error
	if q.subject, err = readEntity(p.subject, "subject", "type", "id"); err != nil {
		return nil, err
	}
	if q.action, err = readEntity(p.action, "action", "", "name"); err != nil {
		return nil, err
	}
	if q.resource, err = readEntity(p.resource, "resource", "type", "id"); err != nil {
		return nil, err
	}
	q.context, err = object(p.context, "context")
	return q, err
}

func readEntity(v strictjson.Value, name, kind, id string) (e entity, err error) {
	if v.Kind() != strictjson.Object {
		return e, malformed(name + " must be an object")
	}
	if kind != "" {
		if e.kind, err = word(v.Get(kind), name+"."+kind); err != nil {
			return e, err
		}
	}
	if e.id, err = word(v.Get(id), name+"."+id); err != nil {
		return e, err
	}
	e.properties, err = object(v.Get("properties"), name+".properties")
	return e, err
}

// object accepts an object, null and nothing; both of the latter are absent.
func object(v strictjson.Value, name string) (strictjson.Value, error) {
	switch v.Kind() {
	case strictjson.Object:
		return v, nil
	case strictjson.None, strictjson.Null:
		return strictjson.Value{}, nil
	default:
		return v, malformed(name + " must be an object, not " + v.Kind().String())
	}
}

// word reads a text that must be there.
func word(v strictjson.Value, name string) (string, error) {
	text, ok := v.Text()
	switch {
	case !ok, len(text) == 0:
		return "", malformed(name + " must be a text")
	case len(text) > maxName:
		return "", malformed(name + " is too long")
	}
	return string(text), nil
}

// optional reads a text that may be missing.
func optional(v strictjson.Value, name string) (string, error) {
	if k := v.Kind(); k == strictjson.None || k == strictjson.Null {
		return "", nil
	}
	return word(v, name)
}

// malformedError is a question that cannot be read: the asker's mistake, and no
// decision about anything.
type malformedError struct{ refusal *decision.Error }

// Error implements error.
func (e *malformedError) Error() string { return e.refusal.Error() }

// Unwrap returns the refusal in the vocabulary's own form.
func (e *malformedError) Unwrap() error { return e.refusal }

func malformed(message string) error {
	return &malformedError{decision.Refuse(decision.CodeBodyInvalid, message)}
}
