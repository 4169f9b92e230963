package mcp

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Headers that mirror the body.
const (
	headerVersion = "Mcp-Protocol-Version"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
	headerParam   = "Mcp-Param-"
)

// metaVersion is where the modern era says its version in params._meta.
const metaVersion = "io.modelcontextprotocol/protocolVersion"

// Marks of a header value that is not plain.
const (
	base64Open  = "=?base64?"
	base64Close = "?="
)

// maxParams bounds the Mcp-Param-* headers of one message.
const maxParams = 32

// paramHeader is one Mcp-Param-* header, decoded.
type paramHeader struct{ name, value string }

func mismatch(id []byte, message string) *Error {
	return &Error{ID: id, Code: decision.CodeBodyInvalid, Message: message, mismatch: true}
}

// readVersion finds the era. Either the header or the body makes a message
// modern, so that leaving one out does not loosen the rules.
func (m *Message) readVersion(params strictjson.Value, header http.Header) error {
	inBody, _ := params.Get("_meta").Get(metaVersion).Text()
	m.Version = string(inBody)
	if header != nil {
		inHeader, present, ok := single(header, headerVersion)
		switch {
		case !ok:
			return mismatch(m.ID, "the MCP-Protocol-Version header stands twice")
		case len(inBody) > 0 && present && inHeader != m.Version:
			return mismatch(m.ID, "the MCP-Protocol-Version header and params._meta name different versions")
		case !present && EraOf(m.Version) == Modern && m.Kind == Request:
			return mismatch(m.ID, "the MCP-Protocol-Version header is missing; params._meta names a version that needs it")
		case present:
			m.Version = inHeader
		}
	}
	m.Era = EraOf(m.Version)
	return nil
}

// compare holds the headers that mirror the body against it: those of the
// modern era must be there, and every one that is there must agree.
func (m *Message) compare(header http.Header, params strictjson.Value) error {
	obliged := m.Era == Modern && m.Kind == Request
	if err := m.agree(header, headerMethod, m.Method.Name, obliged); err != nil {
		return err
	}
	if name, mirrored := m.mirrored(); mirrored {
		if err := m.agree(header, headerName, name, obliged); err != nil {
			return err
		}
	}
	return m.readParamHeaders(header, params.Get("arguments"))
}

// mirrored returns the name that the Mcp-Name header repeats.
func (m *Message) mirrored() (string, bool) {
	switch m.Method.Carries {
	case ToolName:
		return m.Tool, true
	case PromptName:
		return m.Prompt, true
	case URI:
		return m.URI, true
	default:
		return "", false
	}
}

func (m *Message) agree(header http.Header, name, body string, obliged bool) error {
	value, present, ok := single(header, name)
	switch {
	case !ok:
		return mismatch(m.ID, "the "+name+" header stands twice")
	case !present && obliged:
		return mismatch(m.ID, "the "+name+" header is missing")
	case !present:
		return nil
	}
	if decoded, ok := decodeValue(value); !ok || decoded != body {
		return mismatch(m.ID, "the "+name+" header does not match the body")
	}
	return nil
}

// single returns the one value of a header; ok is false when there are more.
func single(header http.Header, name string) (value string, present, ok bool) {
	switch values := header[name]; len(values) {
	case 0:
		return "", false, true
	case 1:
		return values[0], true, true
	default:
		return "", true, false
	}
}

func decodeValue(value string) (string, bool) {
	encoded, opened := strings.CutPrefix(value, base64Open)
	encoded, closed := strings.CutSuffix(encoded, base64Close)
	if !opened || !closed {
		return value, true
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return string(decoded), err == nil
}

// encodeValue writes a value as a header can carry it.
func encodeValue(value string) string {
	plain := value == strings.TrimSpace(value) && !strings.HasPrefix(value, base64Open)
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			plain = false
		}
	}
	if plain {
		return value
	}
	return base64Open + base64.StdEncoding.EncodeToString([]byte(value)) + base64Close
}

// readParamHeaders keeps the headers that repeat arguments. One that repeats
// no value of the arguments would carry text that nobody judges.
func (m *Message) readParamHeaders(header http.Header, args strictjson.Value) error {
	for name, values := range header {
		if !strings.HasPrefix(name, headerParam) {
			continue
		}
		value, ok := decodeValue(values[0])
		if !ok || len(values) != 1 || len(m.params) == maxParams {
			return mismatch(m.ID, "an Mcp-Param header is not encoded well, stands twice or is one of more than 32")
		}
		m.params = append(m.params, paramHeader{name, value})
	}
	if len(m.params) == 0 {
		return nil
	}
	repeated := make(map[string]bool, len(m.params))
	for _, p := range m.params {
		repeated[scalarKey(p.value)] = false
	}
	eachScalar(args, func(text string) {
		if key := scalarKey(text); !repeated[key] {
			if _, wanted := repeated[key]; wanted {
				repeated[key] = true
			}
		}
	})
	for _, found := range repeated {
		if !found {
			return mismatch(m.ID, "an Mcp-Param header does not match the arguments")
		}
	}
	return nil
}

// eachScalar visits the strings, numbers and booleans below v, in order.
func eachScalar(v strictjson.Value, visit func(text string)) {
	switch v.Kind() {
	case strictjson.String:
		text, _ := v.Text()
		visit(string(text))
	case strictjson.Number, strictjson.Bool:
		visit(string(v.Raw()))
	case strictjson.Array:
		for _, e := range v.Elements() {
			eachScalar(e, visit)
		}
	case strictjson.Object:
		for _, e := range v.Members() {
			eachScalar(e, visit)
		}
	}
}

// scalarKey is equal for values that a header and a body may spell in two
// ways: 42 and 42.0 are one number.
func scalarKey(text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(number, 'g', -1, 64)
}

// MirrorHeaders returns the protocol headers of the message as edited: the
// version as it came and, in the modern era, the method and the name as they
// stand in the edited body. Mcp-Param headers follow the arguments that they
// repeat; where an edit leaves it open which one that is, the error has
// [decision.CodeEditConflict]. An edited body that is no good message is
// refused in the same way.
func MirrorHeaders(m *Message, raw, edited []byte, lim strictjson.Limits) (http.Header, error) {
	out := make(http.Header, 4)
	if m.Version != "" && m.Method.Name != MethodInitialize {
		out[headerVersion] = []string{m.Version}
	}
	if len(raw) == len(edited) && (len(raw) == 0 || &raw[0] == &edited[0]) { // nothing was edited
		m.mirrorNames(out)
		for _, p := range m.params {
			out[p.name] = []string{encodeValue(p.value)}
		}
		return out, nil
	}
	after, err := Read(edited, nil, lim)
	if err != nil || after.Method != m.Method || string(after.ID) != string(m.ID) {
		return nil, conflict("the policy's edits leave no readable message")
	}
	after.Era = m.Era
	after.mirrorNames(out)
	return out, m.mirrorParams(out, raw, edited, after, lim)
}

func conflict(message string) error { return decision.Refuse(decision.CodeEditConflict, message) }

func (m *Message) mirrorNames(out http.Header) {
	if m.Era == Legacy {
		return
	}
	out[headerMethod] = []string{m.Method.Name}
	if name, mirrored := m.mirrored(); mirrored {
		out[headerName] = []string{encodeValue(name)}
	}
}

// mirrorParams finds each header's argument by its place in the arguments. The
// header of one that an edit took out goes with it.
func (m *Message) mirrorParams(out http.Header, raw, edited []byte, after *Message, lim strictjson.Limits) error {
	if len(m.params) == 0 {
		return nil
	}
	before, err := argumentScalars(raw, m, lim)
	if err != nil {
		return err
	}
	now, err := argumentScalars(edited, after, lim)
	if err != nil {
		return err
	}
	for _, p := range m.params {
		values := map[string]bool{} // that the places of the header's value hold now
		for at, text := range before {
			if scalarKey(text) != scalarKey(p.value) {
				continue
			}
			if text, stays := now[at]; stays {
				values[text] = true
			} else {
				values[gone] = true
			}
		}
		if len(values) > 1 {
			return conflict("an Mcp-Param header repeats a value that the policy's edits change in one place only")
		}
		for text := range values {
			if text != gone {
				out[p.name] = []string{encodeValue(text)}
			}
		}
	}
	return nil
}

// gone stands for an argument that is no more; no text of JSON is like it.
const gone = "\xff"

// argumentScalars returns the strings, numbers and booleans of the arguments by
// their JSON pointers.
func argumentScalars(raw []byte, m *Message, lim strictjson.Limits) (map[string]string, error) {
	out := map[string]string{}
	if m.ArgsStart == m.ArgsEnd {
		return out, nil
	}
	doc, err := strictjson.Parse(raw[m.ArgsStart:m.ArgsEnd], lim)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	placeScalars(out, "", doc.Root())
	return out, nil
}

func placeScalars(out map[string]string, at string, v strictjson.Value) {
	eachHere := func(text string) { out[at] = text }
	switch v.Kind() {
	case strictjson.Object:
		for name, value := range v.Members() {
			text, _ := name.Text()
			placeScalars(out, at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(string(text)), value)
		}
	case strictjson.Array:
		for i, e := range v.Elements() {
			placeScalars(out, at+"/"+strconv.Itoa(i), e)
		}
	default:
		eachScalar(v, eachHere)
	}
}
