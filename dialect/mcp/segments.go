package mcp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// maxSegments bounds the table of one body: 8 MiB of memory.
const maxSegments = 1 << 17

const tooManySegments = "the message holds more than 131072 strings"

// collector gathers the strings that guards read. Whatever text a peer could
// read is a segment; only names that rules judge and values that must arrive
// unchanged (cursors, tokens, states) are left out.
type collector struct {
	segs   []decision.Segment
	kind   decision.SegmentKind
	origin decision.Origin
	over   bool // more than maxSegments
}

func (c *collector) add(v strictjson.Value) {
	start, end := v.Span()
	if end-start <= 2 { // no text between the quotes
		return
	}
	if len(c.segs) == maxSegments {
		c.over = true
		return
	}
	c.segs = append(c.segs, decision.Segment{
		ID: uint32(len(c.segs)), Kind: c.kind, Origin: c.origin, Start: uint32(start) + 1, End: uint32(end) - 1,
	})
}

// all adds every string and member name of v.
func (c *collector) all(v strictjson.Value) {
	switch v.Kind() {
	case strictjson.String:
		c.add(v)
	case strictjson.Array:
		for _, e := range v.Elements() {
			c.all(e)
		}
	case strictjson.Object:
		for name, value := range v.Members() {
			c.add(name)
			c.all(value)
		}
	}
}

// request adds what a client's message says.
func (c *collector) request(root strictjson.Value, m Method) {
	for name, value := range root.Members() {
		switch {
		case name.Is("jsonrpc"), name.Is("id"), name.Is("method"):
		case name.Is("params"):
			c.params(value, m)
		default:
			c.add(name)
			c.all(value)
		}
	}
}

func (c *collector) params(params strictjson.Value, m Method) {
	for name, value := range params.Members() {
		switch {
		case name.Is("_meta"):
			c.meta(value)
		case name.Is("name") && (m.Carries == ToolName || m.Carries == PromptName):
		case name.Is("cursor"), name.Is("requestState"), name.Is("protocolVersion"), name.Is("taskId"):
		case name.Is("arguments"), name.Is("uri"), name.Is("inputResponses"), name.Is("argument"), name.Is("context"), name.Is("ref"):
			c.all(value)
		default:
			c.add(name)
			c.all(value)
		}
	}
}

// meta adds what is text in a _meta object.
func (c *collector) meta(meta strictjson.Value) {
	if meta.Kind() != strictjson.Object {
		c.all(meta)
		return
	}
	for name, value := range meta.Members() {
		switch {
		case name.Is("progressToken"), name.Is("traceparent"), name.Is("tracestate"),
			name.Is(metaVersion), name.Is("io.modelcontextprotocol/logLevel"), name.Is("io.modelcontextprotocol/subscriptionId"):
		case name.Is("io.modelcontextprotocol/clientInfo"), name.Is("io.modelcontextprotocol/clientCapabilities"),
			name.Is("io.modelcontextprotocol/serverInfo"):
			c.all(value)
		default:
			c.add(name)
			c.all(value)
		}
	}
}

// answer adds the text of a server's message. Member names count where they
// are no plain identifiers: data can stand in them.
func (c *collector) answer(v strictjson.Value) {
	switch v.Kind() {
	case strictjson.String:
		c.add(v)
	case strictjson.Array:
		for _, e := range v.Elements() {
			c.answer(e)
		}
	case strictjson.Object:
		for name, value := range v.Members() {
			if !identifier(name) {
				c.add(name)
			}
			if !blob(v, name, value) {
				c.answer(value)
			}
		}
	}
}

// result adds the text of a result or of a notification's params, whose own
// members can hold values that must arrive unchanged.
func (c *collector) result(v strictjson.Value) {
	for name, value := range v.Members() {
		c.member(name, value)
	}
}

func (c *collector) member(name, value strictjson.Value) {
	switch {
	case name.Is("_meta"):
		c.meta(value)
	case name.Is("nextCursor"), name.Is("requestState"), name.Is("progressToken"), name.Is("resultType"), name.Is("cacheScope"):
	default:
		if !identifier(name) {
			c.add(name)
		}
		c.answer(value)
	}
}

// identifierLength is the longest member name of an answer that passes as a
// plain identifier.
const identifierLength = 32

func identifier(name strictjson.Value) bool {
	text, ok := name.Text()
	if !ok || len(text) == 0 || len(text) > identifierLength || '0' <= text[0] && text[0] <= '9' {
		return false
	}
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '$', c == '-':
		default:
			return false
		}
	}
	return true
}

// blob reports whether the member is the base64 of an image, a sound or a
// resource. What is not base64 is text, whatever it is called, and so is what
// holds text.
func blob(of, name, value strictjson.Value) bool {
	switch {
	case name.Is("data"):
		kind := of.Get("type")
		if !kind.Is("image") && !kind.Is("audio") {
			return false
		}
	case name.Is("blob"):
		if of.Get("uri").Kind() != strictjson.String {
			return false
		}
	default:
		return false
	}
	text, ok := value.Text()
	return ok && dialect.Opaque(text)
}
