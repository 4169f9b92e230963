package pdp

import (
	"testing"

	"outrider.dev/outrider/decision"
)

// TestArgumentsWithoutABody: arguments that a program sends by themselves are
// read as strictly as those in a body, and by the same guards.
func TestArgumentsWithoutABody(t *testing.T) {
	const spec = `  backend: {mcp: {guards: {request: [{type: Secret, action: Block}, {type: PII, action: Redact}]}}}
  rules:
    - {name: all, allow: {tools: ["*"]}}
    - {name: no-infra, deny: {tools: [create_issue]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')"}
`
	e, _ := engine(t, false, ofPolicy(spec))
	for args, want := range map[string]decision.Code{
		"":                                       decision.CodeNone,
		`{}`:                                     decision.CodeNone,
		`{"repo":"acme/web"}`:                    decision.CodeNone,
		`{"repo":"infra/dns"}`:                   decision.CodeDeniedByRule,
		`{"repo":"acme/web","repo":"infra/dns"}`: decision.CodeBodyInvalid,
		`{"repo":"acme/web","Repo":"infra/dns"}`: decision.CodeBodyInvalid,
		`{"repo":"acme/web"},"x":{}`:             decision.CodeBodyInvalid,
		`{}}}{"jsonrpc":"2.0"}`:                  decision.CodeBodyInvalid,
		`[]`:                                     decision.CodeBodyInvalid,
		`"text"`:                                 decision.CodeBodyInvalid,
		`{"text":"AKIAZ7VRSQ5TJN2XMPLQ"}`:        decision.CodeSecret,
		`{"db_password":"hunter2!x"}`:            decision.CodeSecret,
		`{"a":[{"pass\u0077ord":"hunter2!x"}]}`:  decision.CodeSecret,
		`{"note":"hunter2!x"}`:                   decision.CodeNone,
		`{"text":"\u0041KIAZ7VRSQ5TJN2XMPLQ"}`:   decision.CodeSecret,
		`{"text":"write to ann@example.com"}`:    decision.CodeFaceCannotEnforce,
	} {
		for _, face := range []decision.Face{{}, decision.FullFace()} {
			v, err := e.Check(t.Context(), &decision.Request{
				Surface: decision.MCP, Method: "tools/call", Caller: copilot(""), Face: face,
				Tool: decision.Tool{Server: "github", Name: "create_issue", Args: []byte(args)},
			})
			if err != nil || v.Reason.Code != want || v.Allowed() != (want == "") {
				t.Errorf("%s: %+v, %v", args, v, err)
			}
		}
	}
}
