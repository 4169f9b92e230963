package llm

import (
	"encoding/json"
	"strings"
)

// gistWords bounds how much of the question an answer repeats.
const gistWords = 40

// reply is what the provider says: text, or a call of one of the agent's tools.
type reply struct {
	text  string
	leak  string // the credential within text, if any
	tool  string
	args  string
	isUse bool
}

// reply decides by the last message.
func (p *Provider) reply(req *chatRequest) reply {
	last := req.Messages[len(req.Messages)-1]
	text := last.text()
	lower := strings.ToLower(text)
	switch {
	case last.Role == "tool":
		return reply{text: "The tool answered: " + gist(text)}
	case strings.Contains(lower, "deploy key"):
		return reply{text: "Of course. The deploy key is " + p.planted + " and it opens every repository.", leak: p.planted}
	case strings.Contains(lower, "call the tool") && len(req.Tools) > 0:
		chosen := choose(req.Tools, text)
		return reply{isUse: true, tool: chosen.Function.Name, args: chosen.arguments()}
	default:
		return reply{text: "You said: " + gist(text)}
	}
}

func gist(text string) string {
	words := strings.Fields(text)
	if len(words) > gistWords {
		words = append(words[:gistWords:gistWords], "…")
	}
	return strings.Join(words, " ")
}

func (r reply) finish() string {
	if r.isUse {
		return "tool_calls"
	}
	return "stop"
}

func (r reply) all() string { return r.text + r.tool + r.args }

func (r reply) message() map[string]any {
	m := map[string]any{"role": "assistant", "content": r.text, "refusal": nil}
	if r.isUse {
		m["content"] = nil
		m["tool_calls"] = []any{map[string]any{
			"id": toolCallID, "type": "function",
			"function": map[string]any{"name": r.tool, "arguments": r.args},
		}}
	}
	return m
}

const toolCallID = "call_demo_1"

// tool is a function that the agent offers.
type tool struct {
	Function struct {
		Name       string `json:"name"`
		Parameters struct {
			Properties map[string]struct {
				Type string `json:"type"`
			} `json:"properties"`
			Required []string `json:"required"`
		} `json:"parameters"`
	} `json:"function"`
}

// choose takes the tool that the text names, else the first.
func choose(tools []tool, text string) tool {
	for _, t := range tools {
		if t.Function.Name != "" && strings.Contains(text, t.Function.Name) {
			return t
		}
	}
	return tools[0]
}

// arguments fills the required parameters with plain values of their types.
func (t tool) arguments() string {
	args := map[string]any{}
	for _, name := range t.Function.Parameters.Required {
		switch t.Function.Parameters.Properties[name].Type {
		case "integer", "number":
			args[name] = 1
		case "boolean":
			args[name] = true
		case "array":
			args[name] = []any{}
		case "object":
			args[name] = map[string]any{}
		default:
			args[name] = "demo " + name
		}
	}
	out, err := json.Marshal(args)
	if err != nil {
		return "{}" // cannot be: plain values only
	}
	return string(out)
}
