package mcp

// Dialect names this body format in requests and verdicts.
const Dialect = "mcp"

// Class says what a method is to the rules.
type Class uint8

// Classes of methods.
const (
	Handshake Class = iota // a token and a policy that selects the agent are enough
	List                   // listing what there is; tools are judged one by one
	Call                   // rules must allow it
)

// Carries says which name stands in a method's params.
type Carries uint8

// What params can name.
const (
	Nothing    Carries = iota
	ToolName           // params.name, a tool
	PromptName         // params.name, a prompt
	URI                // params.uri, a resource
	Reference          // params.ref, a prompt or a resource template
)

// Method is one row of the table.
type Method struct {
	Name         string
	Class        Class
	Carries      Carries
	Notification bool
	FromServer   bool // only servers send it; refused from a client
	Legacy       bool // the modern era has it no more; refused there
}

// Methods that the data plane treats by name.
const (
	MethodInitialize = "initialize"
	MethodDiscover   = "server/discover"
	MethodPing       = "ping"
	MethodToolsList  = "tools/list"
	MethodToolsCall  = "tools/call"
)

const methodCount = 34

// table is the one table of MCP methods, both eras. What is not in it is refused.
func table() [methodCount]Method {
	return [...]Method{
		{MethodToolsCall, Call, ToolName, false, false, false},
		{MethodToolsList, List, Nothing, false, false, false},
		{MethodInitialize, Handshake, Nothing, false, false, true},
		{MethodDiscover, Handshake, Nothing, false, false, false},
		{MethodPing, Handshake, Nothing, false, false, true},

		{"resources/list", List, Nothing, false, false, false},
		{"resources/templates/list", List, Nothing, false, false, false},
		{"prompts/list", List, Nothing, false, false, false},

		{"resources/read", Call, URI, false, false, false},
		{"resources/subscribe", Call, URI, false, false, true},
		{"resources/unsubscribe", Call, URI, false, false, true},
		{"prompts/get", Call, PromptName, false, false, false},
		{"completion/complete", Call, Reference, false, false, false},
		{"logging/setLevel", Call, Nothing, false, false, true},
		{"subscriptions/listen", Call, Nothing, false, false, false},
		{"tasks/get", Call, Nothing, false, false, false},
		{"tasks/result", Call, Nothing, false, false, true},
		{"tasks/list", Call, Nothing, false, false, true},
		{"tasks/cancel", Call, Nothing, false, false, false},

		{"notifications/initialized", Handshake, Nothing, true, false, true},
		{"notifications/cancelled", Handshake, Nothing, true, false, false},
		{"notifications/progress", Handshake, Nothing, true, false, false},
		{"notifications/roots/list_changed", Handshake, Nothing, true, false, true},
		{"notifications/tasks/status", Handshake, Nothing, true, false, false},

		{"sampling/createMessage", Call, Nothing, false, true, false},
		{"elicitation/create", Call, Nothing, false, true, false},
		{"roots/list", Call, Nothing, false, true, false},
		{"notifications/message", Handshake, Nothing, true, true, false},
		{"notifications/resources/updated", Handshake, Nothing, true, true, false},
		{"notifications/resources/list_changed", Handshake, Nothing, true, true, false},
		{"notifications/tools/list_changed", Handshake, Nothing, true, true, false},
		{"notifications/prompts/list_changed", Handshake, Nothing, true, true, false},
		{"notifications/elicitation/complete", Handshake, Nothing, true, true, false},
		{"notifications/subscriptions/acknowledged", Handshake, Nothing, true, true, false},
	}
}

// Methods returns every row of the table.
func Methods() []Method {
	t := table()
	return t[:]
}

// Lookup returns the row of a method; ok is false for one that is not known.
func Lookup(name string) (m Method, ok bool) {
	for _, m := range table() {
		if m.Name == name {
			return m, true
		}
	}
	return Method{}, false
}

// Era is the family of protocol versions that a message speaks.
type Era uint8

// The two eras. A message that names no version is of the legacy era.
const (
	Legacy Era = iota // up to 2025-11-25: initialize first
	Modern            // from 2026-07-28: every message stands alone
)

// modernVersion is the first version of the modern era. Versions are dates, so
// they compare as strings; whatever else compares greater takes the stricter
// rules of the modern era.
const modernVersion = "2026-07-28"

// EraOf returns the era of a protocol version.
func EraOf(version string) Era {
	if version >= modernVersion {
		return Modern
	}
	return Legacy
}
