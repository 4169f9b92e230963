package input

import (
	"maps"
	"math"

	"outrider.dev/outrider/authz/number"
)

// Claim declares a claim that a policy's rules read.
type Claim struct {
	Name    string
	Kind    Kind // Text, Number, Flag or TextList
	Default any  // in the Go type of the kind; nil: none
}

// Schema is the claims that a policy declares. Reading a declared claim gives
// its default where the token has none; one of another type is an error.
type Schema []Claim

// fields are the words of the declared claims, one for each name of the token.
func (s Schema) fields() []Field {
	var out []Field
	for i := range s {
		claim := &s[i]
		if !Identifier(claim.Name) {
			continue // read by its key, as in claims["a.b"]
		}
		for _, root := range [...]string{"claims", "jwt"} {
			out = append(out, Field{
				Path: root + "." + claim.Name, Kind: claim.Kind, Root: Claims, Depends: OnCall, Claim: claim,
				Read: func(c *Call) (any, error) { return claim.read(c.Principal.Claims) },
			})
		}
	}
	return out
}

// read returns the claim's value for a token.
func (d *Claim) read(token map[string]any) (any, error) {
	value, has := token[d.Name]
	if !has && d.Default == nil {
		return nil, Error("no such key: " + d.Name)
	}
	if !has {
		return d.Default, nil
	}
	if number.Holds(value) {
		return nil, ErrInexact
	}
	if typed, ok := convert(value, d.Kind); ok {
		return typed, nil
	}
	return nil, Error("the claim " + d.Name + " has another type than the policy declares")
}

// Identifier reports whether a name can stand behind a dot.
func Identifier(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// convert returns a claim in the Go type of the kind.
func convert(value any, k Kind) (any, bool) {
	switch v := value.(type) {
	case string:
		return v, k == Text
	case bool:
		return v, k == Flag
	case int64:
		return v, k == Number
	case float64:
		whole := math.Trunc(v) == v && math.Abs(v) < 1<<53
		return int64(v), k == Number && whole
	case []any:
		for _, e := range v {
			if _, ok := e.(string); !ok {
				return nil, false
			}
		}
		return v, k == TextList
	default:
		return nil, false
	}
}

// filled returns the token's claims with the defaults of those it lacks.
func (s Schema) filled(token map[string]any) map[string]any {
	out := token
	for i := range s {
		if _, has := token[s[i].Name]; has || s[i].Default == nil {
			continue
		}
		if len(out) == len(token) { // no default was added yet
			out = maps.Clone(token)
			if out == nil {
				out = map[string]any{}
			}
		}
		out[s[i].Name] = s[i].Default
	}
	if out == nil {
		return map[string]any{}
	}
	return out
}

// over returns the fields with the schema in force: whole claims are filled,
// and strictly read ones are errors where one has another type than declared.
func (s Schema) over(fields []Field, strict bool) []Field {
	for i := range fields {
		if fields[i].Path != "claims" && fields[i].Path != "jwt" || len(s) == 0 {
			continue
		}
		fields[i].Read = func(c *Call) (any, error) {
			for j := range s {
				if _, has := c.Principal.Claims[s[j].Name]; strict && has {
					if _, err := s[j].read(c.Principal.Claims); err != nil {
						return nil, err
					}
				}
			}
			return s.filled(c.Principal.Claims), nil
		}
	}
	return fields
}
