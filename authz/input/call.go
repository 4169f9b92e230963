package input

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// Methods whose calls carry a root of their own, whatever else they carry.
const (
	methodCallTool  = "tools/call"
	methodGetPrompt = "prompts/get"
)

// Call is one exchange as rules see it. It reads lazily and remembers what it
// parsed: one goroutine at a time. Its fields must not change after [New].
type Call struct {
	Request   *decision.Request
	Principal *decision.Principal // never nil
	Method    string              // MCP method or LLM operation
	Tool      decision.Tool       // of the call or of the list entry
	// ArgsUnknown is set while a list is filtered: nobody knows yet with
	// which arguments the tool will be called.
	ArgsUnknown bool
	// Provider is where an LLM call may go; empty before it is routed.
	Provider string
	// Guarded is set once the guards have read what there is, which is the
	// call or, with Answer set, the call and what came back of its answer.
	Guarded, Answer bool
	Found           []Finding

	args   *tree // shared by every copy of the call that means the same tool
	labels *tree // the tool's annotations
	own    trees
	once   []kept
}

// kept is a value that was worked out for the call.
type kept struct {
	number int
	value  any
	err    error
}

// Once returns what work returned when it was first called with this number
// for this call.
func (c *Call) Once(number int, work func(*Call) (any, error)) (any, error) {
	for i := range c.once { // few: what the rules about one tool read
		if c.once[i].number == number {
			return c.once[i].value, c.once[i].err
		}
	}
	value, err := work(c)
	c.once = append(c.once, kept{number, value, err})
	return value, err
}

// trees are what args and labels point to in the call that was made first.
type trees struct{ args, labels tree }

// New returns the call that r asks about on behalf of p, which may be nil
// where nobody was authenticated.
func New(r *decision.Request, p *decision.Principal) *Call {
	c := &Call{}
	c.Ask(r, p)
	return c
}

// Ask turns c into the call that [New] would return, and returns it.
func (c *Call) Ask(r *decision.Request, p *decision.Principal) *Call {
	if p == nil {
		p = &decision.Principal{Agent: r.Caller.Agent}
	}
	*c = Call{Request: r, Principal: p, Method: r.Method, Tool: r.Tool}
	c.args, c.labels = &c.own.args, &c.own.labels
	return c
}

// Listed returns the call of the tool t with arguments that nobody knows yet.
// A list entry is judged as the call it stands for, its method included:
// otherwise a rule on tools/call would show in lists what it refuses.
func (c *Call) Listed(t decision.Tool) *Call {
	d := *c
	d.Method, d.ArgsUnknown = methodCallTool, true
	d.args, d.labels = &d.own.args, &d.own.labels
	d.Relist(&t)
	return &d
}

// Relist turns a call that [Call.Listed] made into that of another tool, so
// that a long list needs no call for each entry.
func (c *Call) Relist(t *decision.Tool) { c.Tool, c.own, c.once = *t, trees{}, nil }

// Rename turns the key of a call that [Call.Listed] made into that of the same
// call for another tool.
func (c *Call) Rename(k *Key, t *decision.Tool) {
	k.Server, k.Tool, k.Exposed = serverOf(t, c.Request), nameOf(t), exposedOf(t)
}

// Anonymous returns the call as a policy sees it that does not trust the
// token's issuer: without subject, claims and scopes.
func (c *Call) Anonymous() *Call {
	d := *c
	d.Principal, d.once = &decision.Principal{Agent: c.Principal.Agent}, nil
	return &d
}

// As returns the call as it would be by somebody else.
func (c *Call) As(p *decision.Principal) *Call {
	d := *c
	d.Principal, d.once = p, nil
	return &d
}

// WithArguments returns the call as it would be with other arguments.
func (c *Call) WithArguments(args []byte) *Call {
	r := *c.Request
	r.Tool = c.Tool
	r.Tool.Args, r.Tool.ArgsStart, r.Tool.ArgsEnd = args, 0, 0
	return c.about(&r)
}

// WithModel returns the call as it would be if another model had been asked for.
func (c *Call) WithModel(model string) *Call {
	r := *c.Request
	r.LLM.Model = model
	return c.about(&r)
}

// about returns the call as it would be about another request, with what is
// known beside requests.
func (c *Call) about(r *decision.Request) *Call {
	d := New(r, c.Principal)
	d.Method, d.Provider = c.Method, c.Provider
	d.Guarded, d.Answer, d.Found = c.Guarded, c.Answer, c.Found
	return d
}

// WithScope returns the call as it would be if the token had one more scope.
func (c *Call) WithScope(scope string) *Call {
	p := *c.Principal
	p.Scopes = append(slices.Clip(p.Scopes), scope)
	p.Claims = make(map[string]any, len(c.Principal.Claims)+2)
	for name, v := range c.Principal.Claims {
		p.Claims[name] = v
	}
	for _, name := range []string{"scp", "scope"} {
		list, _ := p.Claims[name].([]any)
		p.Claims[name] = append(slices.Clip(list), scope)
	}
	d := *c
	d.Principal, d.once = &p, nil
	return &d
}

// Key is what rules that know neither caller nor arguments judge a call by:
// all of what the values of [OnKey] and the roots of a call come from.
type Key struct {
	Roots                                Roots
	Method, Server, Tool, Exposed, Model string
	Provider                             string
}

// Key returns the call's key.
func (c *Call) Key() Key {
	return Key{Roots: c.Roots(), Method: c.Method, Server: c.Server(), Tool: c.ToolName(), Exposed: c.exposed(), Model: c.Request.LLM.Model, Provider: c.Provider}
}

// Clone returns the key with texts that hold on to nothing else.
func (k Key) Clone() Key {
	for _, text := range []*string{&k.Method, &k.Server, &k.Tool, &k.Exposed, &k.Model, &k.Provider} {
		*text = strings.Clone(*text)
	}
	return k
}

// Size is how long the key's texts are together, in bytes.
func (k Key) Size() int {
	return len(k.Method) + len(k.Server) + len(k.Tool) + len(k.Exposed) + len(k.Model) + len(k.Provider)
}

// Roots returns the roots that exist for the call. A method decides as much
// as a value: a tools/call without a name is still the call of a tool, so that
// no rule on tools can be evaded by leaving the name out.
func (c *Call) Roots() Roots {
	have := always
	if c.Request.Surface == decision.LLM {
		return have | LLM
	}
	have |= MCP
	if c.Method == methodCallTool || c.Tool.Named() {
		have |= Tool
	}
	if c.Request.Resource != "" || ofResource(c.Method) {
		have |= Resource
	}
	if c.Request.Prompt != "" || c.Method == methodGetPrompt {
		have |= Prompt
	}
	return have
}

// ofResource reports whether the method is about one resource.
func ofResource(method string) bool {
	switch strings.TrimPrefix(method, "resources/") {
	case "read", "subscribe", "unsubscribe":
		return true
	}
	return false
}

// Server returns the MCP server that the call means, empty where it means all.
func (c *Call) Server() string { return serverOf(&c.Tool, c.Request) }

func serverOf(t *decision.Tool, r *decision.Request) string {
	if t.Server != "" {
		return t.Server
	}
	return r.Server
}

// ToolName returns the server's own name of the tool.
func (c *Call) ToolName() string { return nameOf(&c.Tool) }

func nameOf(t *decision.Tool) string {
	if t.Name != "" {
		return t.Name
	}
	return t.Exposed
}

// exposed is the name that the agent sees; plain names are the server's own.
func (c *Call) exposed() string { return exposedOf(&c.Tool) }

func exposedOf(t *decision.Tool) string {
	if t.Exposed != "" {
		return t.Exposed
	}
	return t.Name
}
