package input

import "errors"

// Kind is the type of a field, as both languages know it.
type Kind uint8

// Kinds of fields.
const (
	Text     Kind = iota // string
	Flag                 // bool
	TextList             // []string
	TextMap              // map[string]string
	Tree                 // map[string]any: a JSON object
	Number               // int64
	Value                // whatever an expression yields
)

// ErrUnknown says that a value cannot be known yet: the arguments of a tool
// while a list is filtered.
var ErrUnknown = errors.New("not known yet")

// Error says why a field has no value. It never holds what the caller sent.
type Error string

// Error implements error.
func (e Error) Error() string { return string(e) }

// Depends says what of a call a field's value comes from.
type Depends uint8

// What a value may come from. Later ones include earlier ones.
const (
	OnKey   Depends = iota // the call's [Key] alone: known once for each catalogued tool
	OnCall                 // the caller and the request: the same for every entry of a list
	OnEntry                // more of a list's entry than its key
)

// Field is one word of the vocabulary.
type Field struct {
	Path string
	Kind Kind
	Root Roots // what must exist of a call before the field may be read
	// Args tells that the field holds the arguments of a tool call.
	Args  bool
	Claim *Claim // that the policy declares; nil of other words
	// Depends says what the value comes from.
	Depends Depends
	// Read returns the value in the Go type of the Kind, never nil, or
	// [ErrUnknown], or an [Error].
	Read func(*Call) (any, error)
	// Text is Read of a text without boxing; nil of other kinds.
	Text func(*Call) string
}

// Fields returns the whole vocabulary.
func Fields() []Field {
	return append(whoFields(), whatFields()...)
}

func text(path string, root Roots, read func(*Call) string) Field {
	return Field{Path: path, Kind: Text, Root: root, Depends: OnCall, Text: read, Read: func(c *Call) (any, error) { return read(c), nil }}
}

// keyText is a text that the call's [Key] holds.
func keyText(path string, root Roots, read func(*Call) string) Field {
	f := text(path, root, read)
	f.Depends = OnKey
	return f
}

func textMap(path string, root Roots, read func(*Call) map[string]string) Field {
	return Field{Path: path, Kind: TextMap, Root: root, Depends: OnCall, Read: func(c *Call) (any, error) {
		if m := read(c); m != nil {
			return m, nil
		}
		return map[string]string{}, nil
	}}
}

func claims(c *Call) (any, error) {
	if c.Principal.Claims == nil {
		return map[string]any{}, nil
	}
	return c.Principal.Claims, nil
}

func scopes(c *Call) (any, error) {
	if c.Principal.Scopes == nil {
		return []string{}, nil
	}
	return c.Principal.Scopes, nil
}

// agentName is what the principal was authenticated as, else what the data
// plane says.
func agentName(c *Call) string {
	if c.Principal.Agent != "" {
		return c.Principal.Agent
	}
	return c.Request.Caller.Agent
}

func whoFields() []Field {
	return []Field{
		{Path: "claims", Kind: Tree, Root: Claims, Depends: OnCall, Read: claims},
		{Path: "jwt", Kind: Tree, Root: Claims, Depends: OnCall, Read: claims},
		{Path: "scopes", Kind: TextList, Root: Scopes, Depends: OnCall, Read: scopes},
		text("principal.subject", Principal, func(c *Call) string { return c.Principal.Subject }),
		text("principal.issuer", Principal, func(c *Call) string { return c.Principal.Issuer }),
		text("principal.agent", Principal, agentName),
		text("agent.name", Agent, func(c *Call) string { return c.Request.Caller.Agent }),
		text("agent.namespace", Agent, func(c *Call) string { return c.Request.Caller.Namespace }),
		text("agent.serviceAccount", Agent, func(c *Call) string { return c.Request.Caller.ServiceAccount }),
		textMap("agent.labels", Agent, func(c *Call) map[string]string { return c.Request.Caller.Labels }),
		text("session", Session, func(c *Call) string { return c.Request.Session }),
		text("source", Source, func(c *Call) string { return c.Request.Source }),
	}
}

func whatFields() []Field {
	return []Field{
		text("request.method", Request, func(c *Call) string { return c.Request.HTTP.Method }),
		text("request.path", Request, func(c *Call) string { return c.Request.HTTP.Path }),
		textMap("request.headers", Request, func(c *Call) map[string]string { return c.Request.HTTP.Headers }),
		keyText("tool.name", MCP|Tool, (*Call).ToolName),
		keyText("tool.exposed", MCP|Tool, (*Call).exposed),
		keyText("tool.server", MCP|Tool, (*Call).Server),
		{Path: "tool.args", Kind: Tree, Root: MCP | Tool, Args: true, Depends: OnCall, Read: (*Call).arguments},
		{Path: "tool.annotations", Kind: Tree, Root: MCP | Tool, Depends: OnEntry, Read: (*Call).annotations},
		keyText("mcp.method", MCP, func(c *Call) string { return c.Method }),
		keyText("mcp.tool.name", MCP|Tool, (*Call).ToolName),
		keyText("mcp.tool.target", MCP|Tool, (*Call).Server),
		{Path: "mcp.tool.arguments", Kind: Tree, Root: MCP | Tool, Args: true, Depends: OnCall, Read: (*Call).arguments},
		text("resource.uri", MCP|Resource, func(c *Call) string { return c.Request.Resource }),
		text("prompt.name", MCP|Prompt, func(c *Call) string { return c.Request.Prompt }),
		keyText("llm.model", LLM, func(c *Call) string { return c.Request.LLM.Model }),
		{Path: "llm.stream", Kind: Flag, Root: LLM, Depends: OnCall, Read: func(c *Call) (any, error) { return c.Request.LLM.Stream, nil }},
		text("llm.dialect", LLM, func(c *Call) string { return c.Request.Body.Dialect }),
	}
}
