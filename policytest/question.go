package policytest

import (
	"encoding/json"
	"fmt"
	"slices"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// question is one case, whether it stood in a list or in a table.
type question struct {
	*configv1.TestCase
	at config.Position
}

// questions returns the cases of the document, those of tables last.
func (s *Suite) questions() []question {
	spec := s.test.Doc.GetSpec()
	var out []question
	for i, c := range spec.GetCases() {
		out = append(out, question{c, s.test.Position(fmt.Sprintf("spec.cases[%d]", i))})
	}
	for i, m := range spec.GetMatrices() {
		for _, cell := range s.test.Tables[i] {
			out = append(out, question{&configv1.TestCase{
				Name:      m.GetName() + ": " + cell.Tool + " by " + cell.Principal,
				Principal: cell.Principal,
				Call:      &configv1.TestCall{Tool: cell.Tool, Server: m.GetServer(), Arguments: m.GetArguments()},
				Expect:    &configv1.TestExpectation{Effect: cell.Effect},
			}, cell.At})
		}
	}
	return out
}

// request returns the question as a data plane would ask it. It is made anew
// each time, because the engine completes it.
func (s *Suite) request(q question) (*decision.Request, error) {
	r := &decision.Request{ExchangeID: decision.NewID(), Caller: s.caller(q.GetPrincipal()), Face: decision.FullFace()}
	var err error
	switch {
	case q.GetChat() != nil:
		err = ask(r, decision.LLM, openai.Chat, "/v1/chat/completions", chatBody(q.GetChat()))
	case q.GetList() != nil:
		r.Method = mcp.MethodToolsList
		err = ask(r, decision.MCP, mcp.Dialect, "/mcp", message(mcp.MethodToolsList, nil))
	case q.GetMethod() != nil:
		r.Method, r.Server = q.GetMethod().GetName(), s.places.of(q.GetMethod().GetServer())
		err = ask(r, decision.MCP, mcp.Dialect, "/mcp/"+r.Server, message(r.Method, q.GetMethod().GetParams().AsMap()))
	default:
		r.Method = mcp.MethodToolsCall
		err = ask(r, decision.MCP, mcp.Dialect, "/mcp", message(r.Method, s.params(q.GetCall())))
	}
	return r, err
}

// ask puts the body into the request.
func ask(r *decision.Request, surface decision.Surface, dialect, path string, body any) error {
	raw, err := json.Marshal(body)
	r.Surface, r.HTTP = surface, decision.HTTP{Method: "POST", Path: path}
	r.Body = decision.Body{Dialect: dialect, Raw: raw}
	return err
}

func (s *Suite) caller(principal string) decision.Caller {
	a := s.test.Doc.GetSpec().GetAgent()
	c := decision.Caller{Agent: a.GetName(), Namespace: a.GetNamespace(), ServiceAccount: a.GetServiceAccount(), Labels: a.GetLabels()}
	if bearer := s.bearers[principal]; bearer != "" {
		c.Bearer = decision.Secret(bearer)
	}
	return c
}

// params are those of a tool call, under the name that the agent sees.
func (s *Suite) params(c *configv1.TestCall) map[string]any {
	params := map[string]any{"name": s.places.routes.Expose("", s.places.of(c.GetServer()), c.GetTool())}
	switch {
	case s.arguments != nil:
		params["arguments"] = s.arguments
	case c.GetArguments() != nil:
		params["arguments"] = c.GetArguments().AsMap()
	}
	return params
}

// message is a JSON-RPC request, or a notification where the method is one.
func message(method string, params map[string]any) map[string]any {
	m := map[string]any{"jsonrpc": "2.0", "method": method}
	if known, _ := mcp.Lookup(method); !known.Notification {
		m["id"] = 1
	}
	if params != nil {
		m["params"] = params
	}
	return m
}

// chat is the body of an LLM call, before and after it was changed.
type chat struct {
	Model    string        `json:"model"`
	Messages []chatMessage `json:"messages"`
	Stream   bool          `json:"stream,omitempty"`

	MaxTokens uint64 `json:"max_tokens,omitempty"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func chatBody(c *configv1.TestChat) chat {
	body := chat{Model: c.GetModel(), Stream: c.GetStream(), MaxTokens: c.GetMaxTokens()}
	for _, m := range c.GetMessages() {
		body.Messages = append(body.Messages, chatMessage{m.GetRole(), m.GetContent()})
	}
	if c.GetPrompt() != "" {
		body.Messages = append(body.Messages, chatMessage{"user", c.GetPrompt()})
	}
	return body
}

// tools are the entries of a list, as the data plane shows them to the engine.
func (s *Suite) tools(l *configv1.TestList) []decision.Tool {
	server := s.places.of(l.GetServer())
	out := make([]decision.Tool, 0, len(l.GetTools()))
	for _, name := range l.GetTools() {
		out = append(out, decision.Tool{Server: server, Name: name, Exposed: s.places.routes.Expose("", server, name)})
	}
	return out
}

// split returns the listed tools that are seen and those that are not.
func split(l *configv1.TestList, v *decision.Visibility) (visible, hidden []string) {
	for i, name := range l.GetTools() {
		if v != nil && v.Visible(i) {
			visible = append(visible, name)
		} else {
			hidden = append(hidden, name)
		}
	}
	slices.Sort(visible)
	slices.Sort(hidden)
	return visible, hidden
}
