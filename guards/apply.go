package guards

import (
	"slices"
	"strings"
	"unicode"

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
	case "custom":
		return decision.CodePattern
	case "moderation":
		return decision.CodeModeration
	}
	return decision.CodeInjection
}

// maxValue bounds, in bytes, the text of a finding that is masked, hashed,
// tokenized or excepted. What is longer is redacted: a stream would have to
// hold all of it back.
const maxValue = 512

// Edits appends the edits of what was found in one text. Findings that overlap
// are changed as one, by the strictest of their actions. The vault keeps what
// is tokenized; without one it is redacted.
func (s *Set) Edits(text []byte, findings []decision.Finding, v *Vault, out []decision.Edit) []decision.Edit {
	inside := len(findings) > 0 && isJSON(text)
	for k := 0; k < len(findings); {
		if !edits(findings[k].Action) {
			k++
			continue
		}
		first, action, end := &findings[k], findings[k].Action, findings[k].End
		for k++; k < len(findings) && findings[k].Start < end; k++ {
			if next := &findings[k]; edits(next.Action) {
				end = max(end, next.End)
				action = stricter(action, next.Action)
			}
		}
		out = append(out, decision.Edit{
			Segment: first.Segment, Start: first.Start, End: end, Redaction: true,
			With: s.replacement(action, first.Type, text[first.Start:end], v, inside),
		})
	}
	return out
}

func stricter(a, b decision.Action) decision.Action {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// replacement is what stands in the place of a value, inside of JSON or not.
func (s *Set) replacement(a decision.Action, findingType string, value []byte, v *Vault, inside bool) string {
	if len(value) <= maxValue {
		meant := plain(value, inside)
		switch a {
		case decision.ActionMask:
			return embed(mask(meant), inside)
		case decision.ActionHash:
			return "[" + name(findingType) + ":" + s.key.shown(meant) + "]"
		case decision.ActionTokenize:
			if token := v.token(findingType, meant); token != "" {
				return token
			}
		}
	}
	return label(findingType)
}

// label is what stands in the place of a redacted span: [EMAIL] for pii.email,
// [SECRET:GITHUB] for secret.github.
func label(findingType string) string { return "[" + name(findingType) + "]" }

func name(findingType string) string {
	upper := strings.ToUpper(findingType)
	if personal, ok := strings.CutPrefix(upper, "PII."); ok {
		return personal
	}
	return strings.Replace(upper, ".", ":", 1)
}

// Of a value that has many letters and digits, the last few stay readable.
const (
	maskMany = 8
	maskLast = 4
)

// mask puts a star in the place of every letter and digit, save the last few.
func mask(value []byte) string {
	count := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	total := 0
	for _, r := range string(value) {
		if count(r) {
			total++
		}
	}
	hidden := total
	if total >= maskMany {
		hidden = total - maskLast
	}
	return strings.Map(func(r rune) rune {
		if !count(r) || hidden == 0 {
			return r
		}
		hidden--
		return '*'
	}, string(value))
}
