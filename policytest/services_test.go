package policytest

import (
	"strings"
	"testing"
)

// TestServicesAreNotAsked, and the report says so: what only a service could
// find is expected of nobody.
func TestServicesAreNotAsked(t *testing.T) {
	asking := strings.Replace(policyYAML, "      guards: {request: [{type: PII, action: Redact}]}\n  rules:",
		"      guards: {request: [{type: Recognizer, name: ner, action: Block}, {type: PII, action: Redact}], response: [{type: Classifier, name: mod, action: Block}]}\n  rules:", 1)
	if asking == policyYAML {
		t.Fatal("the policy is another one now")
	}
	cases := headYAML + `  cases:
    - {name: whole, chat: {model: gpt-5, prompt: "Zoë Brown, a@b.example.com"}, expect: {effect: Mutate, text: "Zoë Brown, [EMAIL]"}}
    - {name: stream, chat: {model: gpt-5, prompt: hello, stream: true}, expect: {effect: Deny, code: face_cannot_enforce}}
`
	r := report(t, asking, cases, Options{})
	var out strings.Builder
	r.Text(&out, false)
	if r.Failed() > 0 || !strings.Contains(out.String(), "      services are not asked in tests, as if they found nothing: mod, ner\n") {
		t.Errorf("%s", out.String())
	}
}
