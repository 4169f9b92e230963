package pdp

import (
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
)

// TestBodyWithoutSegments: a data plane that sends a body and no table of its
// texts has it read, and what the body says counts, not what was said of it.
func TestBodyWithoutSegments(t *testing.T) {
	const spec = `  backend:
    llm: {models: {allow: ["gpt-*"]}, guards: {request: [{type: Secret, action: Block}]}}
    mcp: {guards: {request: [{type: Secret, action: Block}]}}
  rules:
    - {name: all, allow: {tools: [list_issues, create_issue]}}
    - {name: no-infra, deny: {tools: [create_issue]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')"}
`
	const secret = "AKIAZ7VRSQ5TJN2XMPLQ"
	e, _ := engine(t, false, ofPolicy(spec))
	tool := func(said, name, args string) *decision.Request {
		raw := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + args + `}}`
		return &decision.Request{
			Surface: decision.MCP, Method: mcp.MethodToolsCall, Server: "github", Body: decision.Body{Dialect: mcp.Dialect, Raw: []byte(raw)},
			Tool: decision.Tool{Exposed: said},
		}
	}
	prompt := func(said, model, text string) *decision.Request {
		raw := `{"model":"` + model + `","messages":[{"role":"user","content":"` + text + `"}]}`
		return &decision.Request{
			Surface: decision.LLM, Method: openai.OperationChat, Body: decision.Body{Dialect: openai.Chat, Raw: []byte(raw)},
			LLM: decision.LLMCall{Model: said},
		}
	}
	image := func(url string) *decision.Request {
		return prompt("gpt-5", "gpt-5", `"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"`+url+`"}}]},{"role":"user","content":"`)
	}
	for _, c := range []struct {
		name string
		r    *decision.Request
		want decision.Code
	}{
		{"a good tool call", tool("list_issues", "list_issues", `{"q":"x"}`), decision.CodeNone},
		{"a secret in arguments", tool("list_issues", "list_issues", `{"q":"`+secret+`"}`), decision.CodeSecret},
		{"arguments of which nothing was said", tool("create_issue", "create_issue", `{"repo":"infra/dns"}`), decision.CodeDeniedByRule},
		{"another tool than was said", tool("list_issues", "drop_table", `{"q":"x"}`), decision.CodeNotAllowed},
		{"a tool twice", tool("list_issues", `list_issues","name":"drop_table`, `{}`), decision.CodeBodyInvalid},
		{"a good prompt", prompt("gpt-5", "gpt-5", "hi"), decision.CodeNone},
		{"a secret in a prompt", prompt("gpt-5", "gpt-5", secret), decision.CodeSecret},
		{"a secret in a data URL without padding", image("data:image/png;base64,A/" + secret), decision.CodeSecret},
		{"a secret in a data URL in capitals", image("data:image/png;BASE64," + secret), decision.CodeSecret},
		{"a secret in a data URL of another alphabet", image("data:image/png;base64,AAA_ " + secret), decision.CodeSecret},
		{"a secret in a data URL with percent signs", image("data:image/png;base64," + secret + "%20AA"), decision.CodeSecret},
		{"a secret in a data URL behind padding", image("data:image/png;base64,AAA=" + secret), decision.CodeSecret},
		{"a secret in a data URL of text", image("data:text/plain;base64," + secret), decision.CodeSecret},
		{"an image", image("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="), decision.CodeNone},
		{"another model than was said", prompt("gpt-5", "o3", "hi"), decision.CodeModelNotAllowed},
	} {
		c.r.Caller, c.r.Face, c.r.ExchangeID = copilot(""), decision.FullFace(), decision.NewID()
		if v, _ := open(t, e, c.r); v.Reason.Code != c.want || v.Allowed() != (c.want == "") {
			t.Errorf("%s: %+v", c.name, v.Reason)
		}
	}
}
