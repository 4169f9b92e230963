package mcp

import (
	"bytes"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Kind is what a JSON-RPC message is.
type Kind uint8

// Kinds of messages.
const (
	Request Kind = iota
	Notification
	Response // a result or an error
)

// Message is one message of a client. Offsets are into the raw body.
type Message struct {
	Kind    Kind
	Method  Method // zero for a response
	ID      []byte // raw JSON, nil when absent; aliases the body
	Era     Era
	Version string // protocol version that the message names, empty without one

	Tool      string // of tools/call, as the client said it
	ToolStart uint32 // of the name, between the quotes
	ToolEnd   uint32
	ArgsStart uint32 // of the arguments object; equal when absent
	ArgsEnd   uint32
	URI       string
	Prompt    string
	Cursor    bool // the message asks for a later page of a list

	Segments []decision.Segment

	params []paramHeader // the Mcp-Param-* headers that came with it
}

// ArgumentsPointer is where a tools/call has its arguments.
const ArgumentsPointer = "/params/arguments"

const (
	maxID   = 256  // bytes of a raw id
	maxName = 1024 // bytes of a tool or prompt name
)

// Read reads one message of a client. It refuses what two readers could take
// for different messages: the faults that package strictjson finds, member
// names that differ only in case, methods that the table does not know, and
// headers that say other than the body. A nil header means that the message
// came without headers, so that nothing is compared. The error is an [*Error].
func Read(raw []byte, header http.Header, lim strictjson.Limits) (*Message, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, invalid(nil, err)
	}
	defer doc.Free()
	root := doc.Root()
	m := &Message{}
	if m.ID, err = readID(root); err != nil {
		return nil, invalid(nil, err)
	}
	if err := m.read(root, header); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Message) read(root strictjson.Value, header http.Header) error {
	if err := root.RefuseFolded(true); err != nil {
		return invalid(m.ID, err)
	}
	if !root.Get("jsonrpc").Is("2.0") {
		return refuse(m.ID, `the message is not JSON-RPC: "jsonrpc" must be "2.0"`)
	}
	if err := m.readKind(root); err != nil {
		return err
	}
	if m.Kind == Response {
		return nil
	}
	params := root.Get("params")
	if k := params.Kind(); k != strictjson.None && k != strictjson.Object {
		return refuse(m.ID, "params must be an object, not "+k.String())
	}
	if err := m.readVersion(params, header); err != nil {
		return err
	}
	if m.Method.Legacy && m.Era == Modern {
		return &Error{ID: m.ID, Code: decision.CodeMethodUnknown, Message: m.Method.Name + " is no method of the protocol from " + modernVersion + " on"}
	}
	if err := m.readNames(params); err != nil {
		return err
	}
	if header != nil {
		if err := m.compare(header, params); err != nil {
			return err
		}
	}
	c := collector{kind: decision.KindArguments, origin: decision.OriginAssistant}
	c.request(root, m.Method)
	if c.over {
		return &Error{ID: m.ID, Code: decision.CodeBodyTooLarge, Message: tooManySegments}
	}
	m.Segments = c.segs
	return nil
}

// readID returns the raw id: a string or an integer, nil when absent.
func readID(root strictjson.Value) ([]byte, error) {
	id := root.Get("id")
	raw := id.Raw()
	switch id.Kind() {
	case strictjson.None:
		return nil, nil
	case strictjson.String:
	case strictjson.Number:
		if bytes.ContainsAny(raw, ".eE") {
			return nil, refuse(nil, "the id must be a string or an integer")
		}
	default:
		return nil, refuse(nil, "the id must be a string or an integer, not "+id.Kind().String())
	}
	if len(raw) > maxID {
		return nil, refuse(nil, "the id is longer than 256 bytes")
	}
	return raw, nil
}

// readKind tells requests, notifications and responses apart and finds the
// method in the table.
func (m *Message) readKind(root strictjson.Value) error {
	method := root.Get("method")
	result, failure := root.Get("result").Kind(), root.Get("error").Kind()
	answers := result != strictjson.None || failure != strictjson.None
	switch {
	case method.Kind() == strictjson.None && answers:
		m.Kind = Response
		return nil
	case method.Kind() == strictjson.None:
		return refuse(m.ID, "the message has no method")
	case answers:
		return refuse(m.ID, "the message has a method and a result or an error; it must be one of them")
	}
	name, ok := method.Text()
	if !ok {
		return refuse(m.ID, "the method must be a string, not "+method.Kind().String())
	}
	m.Method, ok = Lookup(string(name))
	switch {
	case !ok:
		return &Error{ID: m.ID, Code: decision.CodeMethodUnknown, Message: "this method is not known here"}
	case m.Method.FromServer:
		return &Error{ID: m.ID, Code: decision.CodeMethodUnknown, Message: m.Method.Name + " is sent by servers, not by clients"}
	case m.Method.Notification && m.ID != nil:
		return refuse(m.ID, m.Method.Name+" is a notification and must have no id")
	case m.Method.Notification:
		m.Kind = Notification
	case m.ID == nil:
		return refuse(nil, m.Method.Name+" is a request and must have an id")
	}
	return nil
}

// readNames finds what the params name.
func (m *Message) readNames(params strictjson.Value) error {
	m.Cursor = params.Get("cursor").Kind() > strictjson.Null
	switch m.Method.Carries {
	case ToolName:
		return m.readTool(params)
	case PromptName:
		return m.text(params, "name", &m.Prompt)
	case URI:
		return m.text(params, "uri", &m.URI)
	case Reference:
		return m.readReference(params.Get("ref"))
	}
	return nil
}

func (m *Message) readTool(params strictjson.Value) error {
	if err := m.text(params, "name", &m.Tool); err != nil {
		return err
	}
	start, end := params.Get("name").Span()
	m.ToolStart, m.ToolEnd = uint32(start)+1, uint32(end)-1
	args := params.Get("arguments")
	switch args.Kind() {
	case strictjson.None, strictjson.Null:
	case strictjson.Object:
		start, end := args.Span()
		m.ArgsStart, m.ArgsEnd = uint32(start), uint32(end)
	default:
		return refuse(m.ID, "params.arguments must be an object, not "+args.Kind().String())
	}
	return nil
}

func (m *Message) readReference(ref strictjson.Value) error {
	switch kind := ref.Get("type"); {
	case kind.Is("ref/prompt"):
		return m.text(ref, "name", &m.Prompt)
	case kind.Is("ref/resource"):
		return m.text(ref, "uri", &m.URI)
	default:
		return refuse(m.ID, "params.ref.type must be ref/prompt or ref/resource")
	}
}

// text reads a member that names something: a string that is not empty.
func (m *Message) text(of strictjson.Value, member string, to *string) error {
	text, ok := of.Get(member).Text()
	if !ok || len(text) == 0 {
		return refuse(m.ID, m.Method.Name+" needs the string "+member)
	}
	if member == "name" && len(text) > maxName {
		return refuse(m.ID, m.Method.Name+": the name is longer than 1024 bytes")
	}
	*to = string(text)
	return nil
}
