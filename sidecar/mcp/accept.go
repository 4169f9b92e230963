package mcp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	message "outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/sidecar/gate"
)

// read takes the call in and fills in the question. What it refuses is never
// asked about.
func (x *exchange) read() error {
	if err := acceptable(x.r); err != nil {
		if x.r.Method != http.MethodPost {
			x.w.Header().Set("Allow", http.MethodPost)
		}
		return err
	}
	raw, err := gate.ReadBody(x.w, x.r, int64(x.Limits.Bytes))
	if err != nil {
		return err
	}
	msg, err := message.Read(raw, x.r.Header, x.Limits)
	if err != nil {
		return err
	}
	x.msg = msg
	if msg.Kind == message.Response {
		return decision.Refuse(decision.CodeBodyInvalid, "responses are not accepted: no server can ask the agent through here")
	}
	x.ask = question(x.ask.ExchangeID, x.Agent, x.r, msg, raw)
	return nil
}

// acceptable checks what can be checked without the body.
func acceptable(r *http.Request) error {
	if r.Method != http.MethodPost {
		return decision.Refuse(decision.CodeMethodNotAllowed,
			"send every message as its own POST: sessions and GET streams are not served")
	}
	if err := gate.CheckOrigin(r.Header); err != nil {
		return err
	}
	if !serverName(r.PathValue("server")) {
		return decision.Refuse(decision.CodeServerUnknown, "the path names no MCP server: a name has 1 to 32 of a-z, 0-9 and -")
	}
	return tokenFreeQuery(r.URL.RawQuery)
}

// serverName accepts the names that a configuration can give, and none at all.
func serverName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) <= 32
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

// question puts the call into the vocabulary.
func question(id string, agent decision.Caller, r *http.Request, msg *message.Message, raw []byte) decision.Request {
	agent.Bearer = gate.Bearer(r.Header)
	q := decision.Request{
		ExchangeID: id,
		Surface:    decision.MCP,
		Method:     msg.Method.Name,
		Caller:     agent,
		Face:       decision.FullFace(),
		HTTP:       decision.HTTP{Method: r.Method, Path: r.URL.Path, Headers: readable(r.Header)},
		Body:       decision.Body{Dialect: message.Dialect, Raw: raw, Segments: msg.Segments},
		Server:     r.PathValue("server"),
		Resource:   msg.URI,
		Prompt:     msg.Prompt,
		Source:     r.RemoteAddr,
	}
	if msg.Tool != "" {
		q.Tool = decision.Tool{Exposed: msg.Tool, ArgsStart: msg.ArgsStart, ArgsEnd: msg.ArgsEnd}
	}
	return q
}
