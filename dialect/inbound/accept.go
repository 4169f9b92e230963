package inbound

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// Accept checks all that can be checked without the body, and reads what the
// headers say into the question. The error is a *decision.Error.
func (c *Call) Accept() error {
	if c.row.method == "" {
		return decision.Refuse(decision.CodeMethodUnknown, "nothing is served under this path: LLM calls go to "+paths()+", MCP to "+pathMCP+" or "+pathMCP+"/{server}")
	}
	if c.in.Method != c.row.method {
		return c.wrongMethod()
	}
	if err := checkOrigin(c.in.Header); err != nil {
		return err
	}
	if err := checkUpgrade(c.in.Header); err != nil {
		return err
	}
	if c.Ask.Surface == decision.MCP {
		if !serverName(c.Ask.Server) {
			return decision.Refuse(decision.CodeServerUnknown, "the path names no MCP server: a name has 1 to 32 of a-z, 0-9 and -")
		}
		if err := tokenFreeQuery(c.in.Query); err != nil {
			return err
		}
	}
	if c.HasBody() {
		if err := checkBody(c.in.Header); err != nil {
			return err
		}
	}
	bearer, err := Bearer(c.in.Header)
	if err != nil {
		return err
	}
	c.Ask.Caller.Bearer = bearer
	c.Ask.HTTP = decision.HTTP{Method: c.in.Method, Path: c.in.Path, Headers: Readable(c.Ask.Surface, c.in.Header)}
	return nil
}

func (c *Call) wrongMethod() error {
	if c.Ask.Surface == decision.MCP {
		return decision.Refuse(decision.CodeMethodNotAllowed,
			"send every message as its own POST: sessions and GET streams are not served")
	}
	return decision.Refuse(decision.CodeMethodNotAllowed, "this path is served by "+c.row.method)
}

// checkOrigin refuses what a web page of another host sent. A browser beside
// the agent reaches the same loopback, also by a foreign name that was rebound
// to it, and would speak with the agent's rights.
func checkOrigin(h http.Header) error {
	for _, origin := range h.Values("Origin") {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || !decision.LoopbackHost(u.Host) {
			return decision.Refuse(decision.CodeOriginRefused, "web pages of other hosts may not call this address")
		}
	}
	return nil
}

// checkUpgrade refuses calls that ask for another protocol on their connection:
// a proxy that takes it up would let what follows pass unread. Some clients
// offer h2c with every call and go on without it.
func checkUpgrade(h http.Header) error {
	for _, line := range h.Values("Upgrade") {
		for protocol := range strings.SplitSeq(line, ",") {
			if !strings.EqualFold(strings.TrimSpace(protocol), "h2c") {
				return decision.Refuse(decision.CodeMethodNotAllowed, "calls are plain requests: leave out the Upgrade header")
			}
		}
	}
	return nil
}

// checkBody refuses a body that could not be judged as it stands: another
// content type than JSON, or an encoding.
func checkBody(h http.Header) error {
	if err := checkType(h.Values("Content-Type")); err != nil {
		return err
	}
	for _, e := range h.Values("Content-Encoding") {
		if !strings.EqualFold(e, "identity") && e != "" {
			return decision.Refuse(decision.CodeBodyEncoding, "a compressed body cannot be judged: send it without Content-Encoding")
		}
	}
	return nil
}

// checkType accepts JSON. A second header could be the one that the upstream
// goes by.
func checkType(values []string) error {
	if len(values) != 1 {
		return decision.Refuse(decision.CodeContentType, "the body must be sent with one Content-Type, application/json")
	}
	if values[0] == "application/json" { // as nearly all say
		return nil
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "application/json" {
		return decision.Refuse(decision.CodeContentType, "the body must be sent as application/json")
	}
	if c, given := params["charset"]; given && !strings.EqualFold(c, "utf-8") {
		return decision.Refuse(decision.CodeContentType, "the body must be UTF-8")
	}
	return nil
}

// tokenFreeQuery refuses credentials in the URL, which ends up in logs.
func tokenFreeQuery(raw string) error {
	if raw == "" {
		return nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return decision.Refuse(decision.CodeBodyInvalid, "the query of the URL cannot be read; leave it out")
	}
	for name := range query {
		if slices.Contains(credentialNames(), strings.ToLower(name)) {
			return decision.Refuse(decision.CodeBodyInvalid, "a token in the URL is refused: send it in the Authorization header")
		}
	}
	return nil
}

func credentialNames() []string {
	return []string{"access_token", "token", "id_token", "bearer", "authorization", "jwt", "api_key", "apikey", "api-key", "key"}
}

// Bearer returns the credential of an Authorization header, nil when there is
// none. The scheme is not case-sensitive (RFC 9110 section 11.1). Two
// credentials, also in one line as some proxies join them, are a
// *decision.Error: readers disagree about which one counts.
func Bearer(h http.Header) (decision.Secret, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return nil, nil
	}
	scheme, value, found := strings.Cut(values[0], " ")
	value = strings.TrimSpace(value)
	bearer := found && strings.EqualFold(scheme, "Bearer")
	switch {
	case len(values) > 1, bearer && strings.Contains(value, ","):
		return nil, decision.Refuse(decision.CodeTokenMalformed, "there is more than one credential: send one Authorization header")
	case !bearer, value == "":
		return nil, nil
	}
	return decision.Secret(value), nil
}
