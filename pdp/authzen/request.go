package authzen

import (
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// request returns the question in the vocabulary. An error that is no
// [*decision.Error] of a malformed question is a denial: see [unknown].
func (q *question) request(limits strictjson.Limits) (*decision.Request, error) {
	caller, err := q.caller()
	if err != nil {
		return nil, err
	}
	r := &decision.Request{ExchangeID: decision.NewID(), Caller: caller}
	if err := q.circumstances(r); err != nil {
		return nil, err
	}
	m, known := meaningOf(q.resource.kind, q.action.id)
	if !known {
		return nil, unknownAction(q)
	}
	r.Surface, r.Method, r.Face = m.surface, m.method, q.face(m.method)
	if m.surface == decision.LLM {
		err = q.llm(r, limits)
	} else {
		err = q.mcp(r, m, limits)
	}
	if err != nil {
		return nil, err
	}
	if r.HTTP.Headers, err = q.headers(m.surface); err != nil {
		return nil, err
	}
	return r, nil
}

// filters is the capability of an asker that leaves out of a list of tools
// those that it asks about in vain.
const filters = "tools.filter"

// face is what the asker can enforce: that a call does not happen, and no more.
// It sends calls on by itself, and shows nothing of what comes back.
func (q *question) face(method string) decision.Face {
	if method != mcp.MethodToolsList {
		return decision.Face{Forwards: true}
	}
	for _, v := range q.context.Get("capabilities").Elements() {
		if v.Is(filters) {
			return decision.Face{}
		}
	}
	return decision.Face{Forwards: true}
}

// circumstances reads what the context says beside the agent and the token.
func (q *question) circumstances(r *decision.Request) (err error) {
	if r.Session, err = optional(q.context.Get("session"), "context.session"); err != nil {
		return err
	}
	r.Source, err = optional(q.context.Get("source"), "context.source")
	return err
}

// headers returns those of the request that the asker received, as rules may
// read them on the road.
func (q *question) headers(s decision.Surface) (map[string]string, error) {
	said, err := texts(q.context.Get("headers"), "context.headers")
	if err != nil || len(said) == 0 {
		return nil, err
	}
	h := http.Header{}
	for name, value := range said {
		h.Add(name, value)
	}
	return inbound.Readable(s, h), nil
}

// llm fills in an LLM call. Its body, where the context has it, must ask for
// the model that the question is about.
func (q *question) llm(r *decision.Request, limits strictjson.Limits) error {
	operation, _ := openai.Lookup(r.Method)
	r.LLM.Model = q.resource.id
	if err := q.bounds(&r.LLM); err != nil {
		return err
	}
	raw, err := q.body()
	if err != nil || raw == nil {
		r.Unseen = true
		return err
	}
	r.Body = decision.Body{Dialect: operation.Dialect, Raw: raw}
	read := openai.ReadChat
	if r.Method == openai.OperationEmbeddings {
		read = openai.ReadEmbeddings
	}
	// A body that cannot be read is denied and recorded as on the road.
	if got, err := read(raw, limits); err == nil && got.Model != q.resource.id {
		return malformed("context.body asks for another model than resource.id")
	}
	return nil
}

// bounds reads what the resource says of an LLM call beside its model. What
// cannot be read must not pass for what was not said.
func (q *question) bounds(c *decision.LLMCall) error {
	stream, most := q.resource.properties.Get("stream"), q.resource.properties.Get("max_tokens")
	var ok bool
	if c.Stream, ok = stream.Bool(); !ok && stream.Kind() != strictjson.None && stream.Kind() != strictjson.Null {
		return malformed("resource.properties.stream is not true or false")
	}
	if c.MaxTokens, ok = most.Uint(); !ok && most.Kind() != strictjson.None && most.Kind() != strictjson.Null {
		return malformed("resource.properties.max_tokens is no non-negative integer of 64 bits")
	}
	return nil
}

// mcp fills in an MCP message: the one that the context has, or the one that
// the question describes. Either is read by the engine as on the road.
func (q *question) mcp(r *decision.Request, m meaning, limits strictjson.Limits) error {
	server, err := optional(q.resource.properties.Get("server"), "resource.properties.server")
	if err != nil {
		return err
	}
	switch {
	case m.generic:
		server = q.resource.kind
	case q.resource.kind == kindServer:
		server = q.resource.id
	}
	r.Server = server
	if m.method == mcp.MethodToolsCall {
		r.Server, r.Tool.Server = "", server
	}
	raw, err := q.body()
	if m.generic || err == nil && raw == nil {
		r.Unseen = !m.generic && q.silent()
		raw, err = q.message(m)
	}
	if err != nil {
		return err
	}
	r.Body = decision.Body{Dialect: mcp.Dialect, Raw: raw}
	if got, err := mcp.Read(raw, nil, limits); err == nil && !q.means(got, m) {
		return malformed("context.body is another call than action and resource describe")
	}
	return nil
}

// silent reports whether the question leaves out arguments, as the default
// mappings of COAZ do. That is not the same as a call without any.
func (q *question) silent() bool {
	takes := q.resource.kind == kindTool || q.resource.kind == kindPrompt
	return takes && q.resource.properties.Get("arguments").Kind() <= strictjson.Null
}

// means reports whether a message is the call that the question describes.
func (q *question) means(got *mcp.Message, m meaning) bool {
	if got.Method.Name != m.method {
		return false
	}
	switch got.Method.Carries {
	case mcp.ToolName:
		return m.generic || got.Tool == q.resource.id
	case mcp.PromptName:
		return got.Prompt == q.resource.id
	case mcp.URI:
		return got.URI == q.resource.id
	case mcp.Reference:
		return got.Prompt == q.resource.id || got.URI == q.resource.id
	default:
		return true
	}
}

// body returns the body that the asker will forward, nil without one. It is a
// text, because those very bytes are judged: an object could be written down
// in many ways.
func (q *question) body() ([]byte, error) {
	v := q.context.Get("body")
	if v.Kind() <= strictjson.Null {
		return nil, nil
	}
	text, ok := v.Text()
	if !ok || len(text) == 0 {
		return nil, malformed("context.body must be the body's text, as it will be forwarded")
	}
	return text, nil
}
