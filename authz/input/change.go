package input

import (
	"encoding/json"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// ChangeKind is what a [Change] is about.
type ChangeKind uint8

// Kinds of changes.
const (
	SetArgument ChangeKind = iota
	ClampArgument
	RemoveArgument
	ForceModel
	ClampTokens
	AddHeader
)

// Change is what one mutation demands of a call. Which fields matter follows
// from the kind.
type Change struct {
	Kind     ChangeKind
	Argument string   // a JSON pointer below the arguments
	Value    []byte   // of a set: raw JSON
	Min, Max *float64 // of a clamp: at least one
	Model    string
	Tokens   uint64 // the most that may be asked for
	Header   string
	Text     string // of the header
}

// Roots returns what must exist of a call that can be changed so.
func (c *Change) Roots() Roots {
	switch c.Kind {
	case SetArgument, ClampArgument, RemoveArgument:
		return MCP | Tool
	case ForceModel, ClampTokens:
		return LLM
	default:
		return 0
	}
}

// Check says what is wrong with the change and what to do, or nothing.
func (c *Change) Check() (problem, fix string) {
	switch c.Kind {
	case SetArgument, ClampArgument, RemoveArgument:
		return c.checkArgument()
	case ForceModel:
		if c.Model == "" || len(c.Model) > maxName {
			return "the model has no name, or one that is too long", "name the model that calls go to"
		}
	case ClampTokens:
		if c.Tokens == 0 {
			return "the bound of tokens is 0", "give at least 1"
		}
	case AddHeader:
		switch {
		case !decision.PolicyHeader(c.Header):
			return "the header is not one that a policy may add", "take another name: credentials, the connection, the body, MCP and what the data plane sets itself are no business of policies"
		case !decision.HeaderText(c.Text):
			return "the header's value is empty, too long, or not printable ASCII", "give a text that a header can carry"
		}
	}
	return "", ""
}

// Bounds of what a change names.
const (
	maxName    = 512 // bytes of a model's name or a pointer
	maxPointer = 16  // names on the way of a pointer
)

func (c *Change) checkArgument() (problem, fix string) {
	tokens, ok := strictjson.Tokens(c.Argument)
	switch {
	case !ok || len(tokens) == 0:
		return "the argument is not named by a JSON pointer", "begin with a slash, as in /per_page or /filter/limit"
	case len(tokens) > maxPointer || len(c.Argument) > maxName:
		return "the argument's pointer is too long", "name an argument that is less deep"
	case c.Kind == SetArgument && !json.Valid(c.Value):
		return "the value is not JSON", "give a string, number, boolean, list or mapping"
	case c.Kind == ClampArgument && c.Min == nil && c.Max == nil:
		return "the clamp has neither min nor max", "give one of them"
	case c.Kind == ClampArgument && c.Min != nil && c.Max != nil && *c.Min > *c.Max:
		return "the clamp's min is above its max", "mend one of them"
	}
	return "", ""
}

// What names what the change is about, for records.
func (c *Change) What() string {
	switch c.Kind {
	case ForceModel:
		return "model"
	case ClampTokens:
		return "max tokens"
	case AddHeader:
		return "header " + strings.ToLower(c.Header)
	default:
		return "argument " + c.Argument
	}
}
