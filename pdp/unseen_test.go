package pdp

import (
	"testing"

	"outrider.dev/outrider/decision"
)

// ofPolicy is a policy for the agent of the tests.
func ofPolicy(spec string) string {
	return "\napiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: unseen}\nspec:\n  agents: {matchLabels: {app: copilot}}\n" + spec
}

// TestUnseen: where the asker does not show what a call carries, nothing that
// depends on it is passed, and everything else is.
func TestUnseen(t *testing.T) {
	tool := func(name string) *decision.Request {
		return &decision.Request{Surface: decision.MCP, Method: "tools/call", Caller: copilot(""), Tool: decision.Tool{Server: "github", Name: name}, Unseen: true}
	}
	model := func() *decision.Request {
		return &decision.Request{Surface: decision.LLM, Method: "chat.completions", Caller: copilot(""), LLM: decision.LLMCall{Model: "gpt-5"}, Unseen: true}
	}
	const rules = "  rules:\n    - {name: reads, allow: {tools: [list_issues, create_issue, get_issue]}}\n"
	for _, c := range []struct {
		name, spec string
		r          *decision.Request
		want       decision.Code
	}{
		{"rules that do not read arguments", rules, tool("list_issues"), ""},
		{"a deny that reads those of another tool", rules + "    - {name: no, deny: {tools: [create_issue]}, when: tool.args.repo == 'x'}\n", tool("list_issues"), ""},
		{"a deny that reads them", rules + "    - {name: no, deny: {tools: [create_issue]}, when: has(tool.args.repo) && tool.args.repo == 'x'}\n", tool("create_issue"), decision.CodeRuleError},
		{"an allow that reads them", "  rules: [{name: a, allow: {tools: [create_issue]}, when: \"!has(tool.args.repo)\"}]\n", tool("create_issue"), decision.CodeNotAllowed},
		{"a module that reads them", rules + "  rego: |\n    package outrider\n    visible := true\n    deny contains \"no\" if input.tool.args.repo == \"x\"\n", tool("list_issues"), decision.CodeRuleError},
		{"a mutation of them", rules + "  mutations:\n    - {name: m, match: {tools: [list_issues]}, set: {argument: /per_page, value: 50}}\n", tool("list_issues"), decision.CodeFaceCannotEnforce},
		{"a guard that redacts them", rules + "  backend: {mcp: {guards: {request: [{type: PII, action: Redact}]}}}\n", tool("list_issues"), decision.CodeFaceCannotEnforce},
		{"a guard that observes them", rules + "  backend: {mcp: {guards: {request: [{type: PII, action: Observe}]}}}\n", tool("list_issues"), ""},
		{"a deny that reads what was found", rules + "    - {name: no, deny: {}, when: findings.size() > 0}\n  backend: {mcp: {guards: {request: [{type: PII, action: Observe}]}}}\n", tool("list_issues"), decision.CodeFaceCannotEnforce},
		{"a prompt that nobody reads", "  backend: {llm: {models: {allow: [\"gpt-*\"]}}}\n", model(), ""},
		{"a prompt that a guard reads", "  backend: {llm: {guards: {request: [{type: Injection, action: Block}]}}}\n", model(), decision.CodeFaceCannotEnforce},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := engine(t, false, ofPolicy(c.spec))
			v, err := e.Check(t.Context(), c.r)
			if err != nil || v.Reason.Code != c.want || v.Allowed() != (c.want == "") {
				t.Fatalf("got %+v, %v", v, err)
			}
		})
	}
}
