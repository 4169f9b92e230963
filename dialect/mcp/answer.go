package mcp

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Answer is one message of a server: the response to a call, a notification on
// its way there, or a request that the server makes of the client.
type Answer struct {
	Kind     Kind
	Method   string // of a notification or a request
	ID       []byte // raw JSON; nil when absent or null
	Failed   bool   // the response is an error
	Segments []decision.Segment
}

// ReadAnswer reads one message of a server. The error is an [*Error] with
// [decision.CodeUpstreamInvalid].
func ReadAnswer(raw []byte, lim strictjson.Limits) (*Answer, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	defer doc.Free()
	a, err := readEnvelope(doc.Root())
	if err != nil {
		return nil, err
	}
	return a, a.readText(doc.Root())
}

// readText collects what guards read of a message.
func (a *Answer) readText(root strictjson.Value) error {
	c := collector{kind: decision.KindResult, origin: decision.OriginTool}
	for name, value := range root.Members() {
		switch {
		case name.Is("jsonrpc"), name.Is("id"), name.Is("method") && a.Kind != Response:
		case name.Is("result"), name.Is("params"):
			c.content(value)
		case name.Is("error"):
			c.failure(value)
		default:
			c.member(name, value)
		}
	}
	if c.over {
		return badAnswer(tooManySegments)
	}
	a.Segments = c.segs
	return nil
}

// Answers reports whether the message is the response to the call with this id.
// An error may leave the id out: its server could not read it.
func (a *Answer) Answers(id []byte) bool {
	if a.Kind != Response {
		return false
	}
	if a.ID == nil {
		return a.Failed
	}
	return bytes.Equal(plainID(a.ID), plainID(id))
}

// plainID takes the escapes out of a string id, which every encoder sets in
// its own way. The quotes stay: "1" is not 1.
func plainID(id []byte) []byte {
	if !bytes.ContainsRune(id, '\\') {
		return id
	}
	text, err := jsontext.AppendUnquote([]byte{'"'}, id)
	if err != nil {
		return id
	}
	return append(text, '"')
}

func badAnswer(message string) *Error {
	return &Error{Code: decision.CodeUpstreamInvalid, Message: "the server's answer is refused: " + message}
}

// content adds a result or params, which need not be objects for a guard.
func (c *collector) content(v strictjson.Value) {
	if v.Kind() == strictjson.Object {
		c.result(v)
		return
	}
	c.answer(v)
}

func (c *collector) failure(v strictjson.Value) {
	kind := c.kind
	c.kind = decision.KindError
	c.answer(v)
	c.kind = kind
}

// readEnvelope reads what makes a server's message one of JSON-RPC and refuses
// doubts about the members that clients act on.
func readEnvelope(root strictjson.Value) (*Answer, error) {
	result, failure := root.Get("result"), root.Get("error")
	for _, v := range []strictjson.Value{root, result, failure} {
		if err := v.RefuseFolded(false); err != nil {
			return nil, badAnswer(err.Error())
		}
	}
	for _, item := range result.Get("content").Elements() {
		if err := item.RefuseFolded(false); err != nil {
			return nil, badAnswer(err.Error())
		}
	}
	if !root.Get("jsonrpc").Is("2.0") {
		return nil, badAnswer("it is not JSON-RPC 2.0")
	}
	a := &Answer{Kind: Response}
	if id := root.Get("id"); id.Kind() != strictjson.Null {
		var err error
		if a.ID, err = readID(root); err != nil {
			return nil, badAnswer(err.Error())
		}
	}
	hasResult, hasError := result.Kind() != strictjson.None, failure.Kind() != strictjson.None
	switch method := root.Get("method"); {
	case method.Kind() != strictjson.None && (hasResult || hasError):
		return nil, badAnswer("it is a request and a response at once")
	case method.Kind() != strictjson.None:
		text, ok := method.Text()
		if !ok {
			return nil, badAnswer("its method is not a string")
		}
		a.Method, a.Kind = string(text), Notification
		if a.ID != nil {
			a.Kind = Request
		}
	case hasResult == hasError:
		return nil, badAnswer("it must have either a result or an error")
	case hasError && failure.Kind() != strictjson.Object:
		return nil, badAnswer("its error is not an object")
	}
	a.Failed = hasError
	return a, nil
}
