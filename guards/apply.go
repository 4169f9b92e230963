package guards

import (
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// maxNamed bounds the finding types that a denial names.
const maxNamed = 8

// Block returns the reason of a denial when a finding blocks. The code is that
// of the first such finding; the message names the types of all, never content.
func Block(findings []decision.Finding) (decision.Reason, bool) {
	var code decision.Code
	var types []string
	for _, f := range findings {
		if f.Action != decision.ActionBlock {
			continue
		}
		if code == decision.CodeNone {
			code = codeOf(f.Type)
		}
		if len(types) < maxNamed && !slices.Contains(types, f.Type) {
			types = append(types, f.Type)
		}
	}
	if code == decision.CodeNone {
		return decision.Reason{}, false
	}
	return decision.Reason{Code: code, Message: code.Status().Summary + ": " + strings.Join(types, ", ")}, true
}

func codeOf(findingType string) decision.Code {
	kind, _, _ := strings.Cut(findingType, ".")
	switch kind {
	case "pii":
		return decision.CodePII
	case "secret":
		return decision.CodeSecret
	}
	return decision.CodeInjection
}

// Edits appends one redaction for every finding that is redacted.
func Edits(findings []decision.Finding, out []decision.Edit) []decision.Edit {
	for _, f := range findings {
		if f.Action == decision.ActionRedact {
			out = append(out, decision.Edit{Segment: f.Segment, Start: f.Start, End: f.End, With: label(f.Type), Redaction: true})
		}
	}
	return out
}

// label is what stands in the place of a redacted span: [EMAIL] for pii.email,
// [SECRET:GITHUB] for secret.github.
func label(findingType string) string {
	kind, name, _ := strings.Cut(strings.ToUpper(findingType), ".")
	if kind == "PII" {
		return "[" + name + "]"
	}
	return "[" + kind + ":" + name + "]"
}
