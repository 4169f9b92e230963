package input

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"outrider.dev/outrider/authz/number"
)

// Bounds of what is shown of one value.
const (
	maxText  = 80 // bytes of a text
	maxItems = 16 // elements of a list
	// maxNumber bounds the numbers that are shown of arguments: counts, sizes and
	// pages are below it, account and telephone numbers are not.
	maxNumber = 100_000
)

// Reading is a value that a rule reads: a word of the vocabulary, and the way
// into it.
type Reading struct {
	Field Field
	Path  []string // whole, in parts
}

// Name is the path as an expression writes it.
func (r Reading) Name() string {
	var b strings.Builder
	for i, part := range r.Path {
		switch {
		case i == 0:
			b.WriteString(part)
		case Identifier(part):
			b.WriteString("." + part)
		default:
			b.WriteString("[" + strconv.Quote(part) + "]")
		}
	}
	return b.String()
}

// Argument returns the way into the arguments of the tool call, nil where the
// reading is of anything else or of all of them.
func (r Reading) Argument() []string {
	if !r.Field.Args || r.Field.Kind == Value {
		return nil
	}
	return r.inside()
}

// inside is the part of the path behind the word.
func (r Reading) inside() []string {
	return r.Path[min(len(r.Path), strings.Count(r.Field.Path, ".")+1):]
}

// Show returns the value as an operator may see it: whole where it names what
// is asked for or what a token opens, else its type and size.
func (r Reading) Show(c *Call) string {
	value, err := r.Field.Read(c)
	if errors.Is(err, ErrUnknown) {
		return "not known while a list is filtered"
	}
	if err != nil {
		return "missing"
	}
	for _, part := range r.inside() {
		var ok bool
		if value, ok = member(value, part); !ok {
			return "missing"
		}
	}
	switch r.exposure() {
	case whole:
		return show(value)
	case small:
		return showSmall(value)
	default:
		return shape(value)
	}
}

// member returns a member of an object.
func member(value any, name string) (any, bool) {
	switch m := value.(type) {
	case map[string]any:
		v, ok := m[name]
		return v, ok
	case map[string]string:
		v, ok := m[name]
		return v, ok
	}
	return nil, false
}

// exposure is how much is shown of a value. The zero value is the least.
type exposure uint8

const (
	masked exposure = iota // its type and size
	small                  // bools and small numbers, too
	whole
)

// exposure is decided by lists of what may be seen, so that a word that is new
// is masked until somebody decides otherwise.
func (r Reading) exposure() exposure {
	switch path := r.Field.Path; {
	case path == "claims" || path == "jwt" || r.Field.Claim != nil:
		if len(r.Path) == 2 && slices.Contains(openClaims(), r.Path[1]) {
			return whole
		}
	case r.Field.Args && r.Field.Kind != Value, path == "tool.annotations":
		return small
	case slices.Contains(openWords(), path):
		return whole
	}
	return masked
}

// openClaims say what a token is for and how long, not who a person is.
func openClaims() []string {
	return []string{
		"scp", "scope", "scopes", "roles", "azp", "cid", "client_id", "appid", "iss", "aud", "exp", "iat", "nbf",
		"auth_time", "acr", "amr", "ver", "token_type",
	}
}

// openWords are those that records hold, or that the deployment gave itself.
func openWords() []string {
	return []string{
		"scopes", "principal.client", "principal.issuer", "principal.agent",
		"agent.name", "agent.namespace", "agent.serviceAccount", "agent.labels",
		"request.method", "request.path", "request.time",
		"tool.name", "tool.exposed", "tool.server", "mcp.method", "mcp.tool.name", "mcp.tool.target", "prompt.name",
		"llm.model", "llm.provider", "llm.stream", "llm.dialect",
	}
}

// show returns a value as JSON would write it, bounded.
func show(value any) string {
	if at, ok := value.(time.Time); ok {
		return at.UTC().Format(time.RFC3339)
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return "null"
	case v.Kind() == reflect.String:
		return strconv.Quote(clip(v.String()))
	case v.Kind() == reflect.Slice:
		items := make([]string, 0, min(v.Len(), maxItems)+1)
		for i := range min(v.Len(), maxItems) {
			items = append(items, show(v.Index(i).Interface()))
		}
		if v.Len() > maxItems {
			items = append(items, fmt.Sprintf("and %d more", v.Len()-maxItems))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case v.Kind() == reflect.Bool, v.CanInt(), v.CanUint(), v.CanFloat():
		return fmt.Sprint(value)
	case v.Type() == reflect.TypeFor[map[string]string]():
		return showMap(value.(map[string]string))
	default:
		return shape(value)
	}
}

func showMap(m map[string]string) string {
	var items []string
	for name, value := range m {
		items = append(items, clip(name)+": "+strconv.Quote(clip(value)))
	}
	slices.Sort(items)
	if more := len(items) - maxItems; more > 0 {
		items = append(items[:maxItems], fmt.Sprintf("and %d more", more))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// showSmall shows what holds no more than a choice or a count.
func showSmall(value any) string {
	switch v := value.(type) {
	case nil, bool:
		return show(v)
	case int64:
		if -maxNumber < v && v < maxNumber {
			return show(v)
		}
	case float64:
		if -maxNumber < v && v < maxNumber && v*100 == float64(int64(v*100)) {
			return show(v)
		}
	}
	return shape(value)
}

// shape says what kind of value it is and how large.
func shape(value any) string {
	if number.Holds(value) {
		return "a value that does not fit 64 bits exactly"
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return "null"
	case v.Kind() == reflect.String:
		return plural(utf8.RuneCountInString(v.String()), "text of ", "character")
	case v.Kind() == reflect.Slice:
		return plural(v.Len(), "list of ", "element")
	case v.Kind() == reflect.Map:
		return plural(v.Len(), "object of ", "member")
	case v.Kind() == reflect.Bool:
		return "a bool"
	case v.CanInt(), v.CanUint(), v.CanFloat():
		return "a number"
	default:
		return "a value"
	}
}

func plural(n int, before, what string) string {
	if n != 1 {
		what += "s"
	}
	return before + strconv.Itoa(n) + " " + what
}

// clip cuts a text at a rune.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
