package audit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// appendLine appends the record as one line of JSON. The usual record, of a
// call that passed and where nothing was found or of its outcome, is written
// here: reflection would cost as much as the decision did.
func appendLine(b []byte, r *Record) ([]byte, error) {
	if !r.usual() {
		raw, err := json.Marshal(r.bounded())
		return append(append(b, raw...), '\n'), err
	}
	before := len(b)
	b = appendMember(append(b, '{'), "id", r.ID)
	b, err := r.Time.AppendText(append(b, `,"time":"`...))
	if err != nil {
		return b[:before], fmt.Errorf("time of a record: %w", err)
	}
	b = appendMember(append(b, `",`...), "phase", r.Phase)
	b = appendMember(append(b, ','), "surface", r.Surface)
	b = appendOptional(b, "method", r.Method)
	b = appendOptional(b, "agent", r.Agent)
	b = appendOptional(b, "subject", r.Subject)
	b = appendOptional(b, "model", r.Model)
	b = appendOptional(b, "server", r.Server)
	b = appendOptional(b, "tool", r.Tool)
	b = appendMember(append(b, ','), "effect", r.Effect)
	b = appendOptional(b, "code", r.Code)
	b = appendOptional(b, "rule", r.Rule)
	b = appendOptional(b, "policy", r.Policy)
	b = appendOptional(b, "version", r.Version)
	b = appendOptional(b, "message", r.Message)
	b = appendNames(b, "providers", r.Providers)
	b = appendOptional(b, "end", r.End)
	b = appendUsage(b, r.Usage)
	return append(b, '}', '\n'), nil
}

// usual reports whether the record holds nothing but texts, names and figures.
func (r *Record) usual() bool {
	return len(r.Findings) == 0 && r.MoreFindings == 0 && len(r.Edits) == 0 && len(r.Observed) == 0 && len(r.Unread) == 0 && r.Explained == nil
}

func appendUsage(b []byte, u decision.Usage) []byte {
	if u == (decision.Usage{}) {
		return b
	}
	b = strconv.AppendUint(append(b, `,"usage":{"Input":`...), u.Input, 10)
	b = strconv.AppendUint(append(b, `,"Output":`...), u.Output, 10)
	b = strconv.AppendUint(append(b, `,"Cached":`...), u.Cached, 10)
	return append(strconv.AppendBool(append(b, `,"Estimated":`...), u.Estimated), '}')
}

func appendOptional[S ~string](b []byte, name string, value S) []byte {
	if value == "" {
		return b
	}
	return appendMember(append(b, ','), name, value)
}

func appendMember[S ~string](b []byte, name string, value S) []byte {
	b = append(append(append(b, '"'), name...), `":`...)
	return appendText(b, clip(string(value)))
}

func appendNames(b []byte, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	for i, v := range values[:min(len(values), maxNames)] {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		b = appendText(append(b, sep), clip(v))
	}
	return append(b, ']')
}

// appendText appends a JSON string. What needs care is left to the library.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			raw, _ := json.Marshal(s) // a string always marshals
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
