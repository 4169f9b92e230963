package input

import "errors"

// Kind is the type of a field, as both languages know it.
type Kind uint8

// Kinds of fields.
const (
	Text        Kind = iota // string
	Flag                    // bool
	TextList                // []string
	TextMap                 // map[string]string
	Tree                    // map[string]any: a JSON object
	Number                  // int64
	Value                   // whatever an expression yields
	FindingList             // []Finding
	Time                    // time.Time
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

// Stage says from when on a value is known.
type Stage uint8

// The stages of a call.
const (
	Asked   Stage = iota // with the question
	Routed               // once it is known where an LLM call goes
	Guarded              // once the guards have read what there is
)

// Field is one word of the vocabulary.
type Field struct {
	Path  string
	About string // what it is, for people
	Kind  Kind
	Root  Roots // what must exist of a call before the field may be read
	// Args tells that the field holds the arguments of a tool call.
	Args  bool
	Claim *Claim // that the policy declares; nil of other words
	// Depends says what the value comes from, and Stage when it is known.
	Depends Depends
	Stage   Stage
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

func text(path string, root Roots, about string, read func(*Call) string) Field {
	return Field{Path: path, About: about, Kind: Text, Root: root, Depends: OnCall, Text: read, Read: func(c *Call) (any, error) { return read(c), nil }}
}

// keyText is a text that the call's [Key] holds.
func keyText(path string, root Roots, about string, read func(*Call) string) Field {
	f := text(path, root, about, read)
	f.Depends = OnKey
	return f
}

// routed is a field that is known once a call is routed.
func routed(f Field) Field {
	f.Stage = Routed
	return f
}

func textMap(path string, root Roots, about string, read func(*Call) map[string]string) Field {
	return Field{Path: path, About: about, Kind: TextMap, Root: root, Depends: OnCall, Read: func(c *Call) (any, error) {
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

const errNoTime = Error("the time of the call is not known")

// arrival is when the call arrived. Without it nothing may be taken for a time.
func arrival(c *Call) (any, error) {
	if c.Request.Time.IsZero() {
		return nil, errNoTime
	}
	return c.Request.Time.UTC(), nil
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
		{Path: "claims", About: "the token's claims; empty without a token that the policy believes", Kind: Tree, Root: Claims, Depends: OnCall, Read: claims},
		{Path: "jwt", About: "the same as `claims`", Kind: Tree, Root: Claims, Depends: OnCall, Read: claims},
		{Path: "scopes", About: "the token's scopes: `scp`, `scope` and `roles` together", Kind: TextList, Root: Scopes, Depends: OnCall, Read: scopes},
		text("principal.subject", Principal, "the token's subject; empty without one",
			func(c *Call) string { return c.Principal.Subject }),
		text("principal.client", Principal, "the client that got the token; empty where the token names none",
			func(c *Call) string { return c.Principal.Client }),
		text("principal.issuer", Principal, "the token's issuer; empty without a token",
			func(c *Call) string { return c.Principal.Issuer }),
		text("principal.agent", Principal, "the agent as it was authenticated",
			agentName),
		text("agent.name", Agent, "the agent whose data plane asks",
			func(c *Call) string { return c.Request.Caller.Agent }),
		text("agent.namespace", Agent, "its Kubernetes namespace; may be empty",
			func(c *Call) string { return c.Request.Caller.Namespace }),
		text("agent.serviceAccount", Agent, "its Kubernetes service account; may be empty",
			func(c *Call) string { return c.Request.Caller.ServiceAccount }),
		textMap("agent.labels", Agent, "its labels",
			func(c *Call) map[string]string { return c.Request.Caller.Labels }),
		text("session", Session, "the MCP session's name; may be empty",
			func(c *Call) string { return c.Request.Session }),
		text("source", Source, "the agent's address, as host:port",
			func(c *Call) string { return c.Request.Source }),
	}
}

func whatFields() []Field {
	return []Field{
		text("request.method", Request, "the HTTP method",
			func(c *Call) string { return c.Request.HTTP.Method }),
		text("request.path", Request, "the path, without a query",
			func(c *Call) string { return c.Request.HTTP.Path }),
		{Path: "request.time", About: "when the call arrived, by the decision service's clock", Kind: Time, Root: Request, Depends: OnCall, Read: arrival},
		textMap("request.headers", Request, "headers by lower-case name, without credentials and cookies; of MCP calls those of the protocol (`mcp-*`), `user-agent`, `content-type`, `accept` and `traceparent`, since no other travels on",
			func(c *Call) map[string]string { return c.Request.HTTP.Headers }),
		keyText("tool.name", MCP|Tool, "the tool, as its server calls it",
			(*Call).ToolName),
		keyText("tool.exposed", MCP|Tool, "the tool, as the agent calls it",
			(*Call).exposed),
		keyText("tool.server", MCP|Tool, "the MCP server of the tool",
			(*Call).Server),
		{Path: "tool.args", About: "the arguments of the call; unknown while a list is filtered", Kind: Tree, Root: MCP | Tool, Args: true, Depends: OnCall, Read: (*Call).arguments},
		{Path: "tool.annotations", About: "the annotations of the tool's definition, in lists; missing in calls", Kind: Tree, Root: MCP | Tool, Depends: OnEntry, Read: (*Call).annotations},
		keyText("mcp.method", MCP, "the MCP method, such as `tools/call`; entries of a list count as calls",
			func(c *Call) string { return c.Method }),
		keyText("mcp.tool.name", MCP|Tool, "the same as `tool.name`",
			(*Call).ToolName),
		keyText("mcp.tool.target", MCP|Tool, "the same as `tool.server`",
			(*Call).Server),
		{Path: "mcp.tool.arguments", About: "the same as `tool.args`", Kind: Tree, Root: MCP | Tool, Args: true, Depends: OnCall, Read: (*Call).arguments},
		text("resource.uri", MCP|Resource, "the resource that is read or subscribed to",
			func(c *Call) string { return c.Request.Resource }),
		text("prompt.name", MCP|Prompt, "the prompt that is asked for",
			func(c *Call) string { return c.Request.Prompt }),
		keyText("llm.model", LLM, "the model, as the agent asks for it",
			func(c *Call) string { return c.Request.LLM.Model }),
		routed(keyText("llm.provider", LLM, "the provider that the call may go to: each that the model's route names is judged",
			func(c *Call) string { return c.Provider })),
		{Path: "llm.stream", About: "whether the answer is to be streamed", Kind: Flag, Root: LLM, Depends: OnCall, Read: func(c *Call) (any, error) { return c.Request.LLM.Stream, nil }},
		text("llm.dialect", LLM, "the body's format",
			func(c *Call) string { return c.Request.Body.Dialect }),
		{Path: "findings", About: "what the guards found so far; in denies only, which wait for the guards", Kind: FindingList, Root: Findings, Depends: OnCall, Stage: Guarded, Read: (*Call).findings},
	}
}
