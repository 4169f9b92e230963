package decision

import (
	"net/http"
	"strings"
)

// Challenge words the WWW-Authenticate header that goes with a refusal (RFC
// 6750 §3), empty where none does: for a token that is missing or bad, and for
// one whose scopes do not suffice. Each scope that it lists would suffice by
// itself.
func (r *Reason) Challenge() string {
	problem := ""
	switch status := r.Code.Status().HTTP; {
	case r.Hidden:
		return ""
	case r.Code == CodeTokenMissing:
		return `Bearer realm="outrider"` // who sent no token learns of no error
	case status == http.StatusUnauthorized:
		problem = "invalid_token"
	case status == http.StatusForbidden && len(r.NeededScopes) > 0:
		problem = "insufficient_scope"
	default:
		return ""
	}
	out := `Bearer error="` + problem + `", error_description="` + quotable(r.description()) + `"`
	if scopes := scopeTokens(r.NeededScopes); scopes != "" {
		out += `, scope="` + scopes + `"`
	}
	return out
}

func (r *Reason) description() string {
	text := r.Message
	if text == "" {
		text = r.Code.Status().Summary
	}
	return text
}

// maxQuoted bounds a quoted value, in bytes: proxies bound header lines.
const maxQuoted = 1 << 10

// quotable keeps to the characters that RFC 6750 allows in a quoted value.
func quotable(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}

// scopeTokens lists the scopes that a header can name (RFC 6749 §3.3), as many
// as fit.
func scopeTokens(scopes []string) string {
	var out strings.Builder
	for _, s := range scopes {
		foreign := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
		if s == "" || foreign {
			continue
		}
		if out.Len()+len(s)+1 > maxQuoted {
			break
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(s)
	}
	return out.String()
}
