package input

import "strings"

// Roots is a set of the first words of fields. A rule applies only to calls
// where every root that it reads exists.
type Roots uint16

// The roots. Those up to Findings exist for every call.
const (
	Claims Roots = 1 << iota
	Scopes
	Principal
	Agent
	Session
	Source
	Request
	Findings
	Tool
	MCP
	Resource
	Prompt
	LLM
)

const always = Claims | Scopes | Principal | Agent | Session | Source | Request | Findings

// Has reports whether every root of o is in r.
func (r Roots) Has(o Roots) bool { return r&o == o }

// Names returns the roots' names, in the order of the constants.
func (r Roots) Names() []string {
	names := [...]string{"claims", "scopes", "principal", "agent", "session", "source", "request", "findings", "tool", "mcp", "resource", "prompt", "llm"}
	var out []string
	for i, name := range names {
		if r&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String lists the names.
func (r Roots) String() string { return strings.Join(r.Names(), ", ") }

// Clash returns two roots of r that no call has together, or empty strings.
func (r Roots) Clash() (a, b string) {
	apart := [...]Roots{
		LLM | Tool, LLM | MCP, LLM | Resource, LLM | Prompt,
		Tool | Resource, Tool | Prompt, Resource | Prompt,
	}
	for _, pair := range apart {
		if r.Has(pair) {
			names := pair.Names()
			return names[0], names[1]
		}
	}
	return "", ""
}

// OnMCP reports whether an MCP call can have every root of r.
func (r Roots) OnMCP() bool { return r&LLM == 0 }

// OnLLM reports whether an LLM call can have every root of r.
func (r Roots) OnLLM() bool { return r&(Tool|MCP|Resource|Prompt) == 0 }
