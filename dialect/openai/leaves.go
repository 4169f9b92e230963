package openai

import (
	"bytes"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// table collects the segments of a body.
type table struct {
	segs []decision.Segment
}

// mark is what a part of a body is to its reader.
type mark uint8

const (
	fromUser mark = iota
	fromSystem
	fromAssistant
	toolArguments
	toolResult
	toolDescription
	description
	completion
	failure
)

func (m mark) segment() decision.Segment {
	return [...]decision.Segment{
		fromUser:        {Kind: decision.KindPrompt, Origin: decision.OriginUser},
		fromSystem:      {Kind: decision.KindPrompt, Origin: decision.OriginSystem},
		fromAssistant:   {Kind: decision.KindPrompt, Origin: decision.OriginAssistant},
		toolArguments:   {Kind: decision.KindArguments, Origin: decision.OriginAssistant},
		toolResult:      {Kind: decision.KindResult, Origin: decision.OriginTool},
		toolDescription: {Kind: decision.KindDescription, Origin: decision.OriginTool},
		description:     {Kind: decision.KindDescription, Origin: decision.OriginSystem},
		completion:      {Kind: decision.KindCompletion, Origin: decision.OriginAssistant},
		failure:         {Kind: decision.KindError, Origin: decision.OriginAssistant},
	}[m]
}

func (t *table) add(v strictjson.Value, m mark) {
	start, end := v.Span()
	if end-start == 2 {
		return // no text
	}
	s := m.segment()
	s.ID, s.Start, s.End = uint32(len(t.segs)), uint32(start)+1, uint32(end)-1
	t.segs = append(t.segs, s)
}

// leaves adds every text in v, which stands under name in the object that
// stands under parent. Its depth is bounded by the parser's.
func (t *table) leaves(parent, name []byte, v strictjson.Value, m mark) {
	switch v.Kind() {
	case strictjson.String:
		if !identifies(name, v) && !isMedia(parent, name, v) {
			t.add(v, m)
		}
	case strictjson.Array:
		for _, e := range v.Elements() {
			t.leaves(parent, name, e, m)
		}
	case strictjson.Object:
		for n, e := range v.Members() {
			t.name(n, m)
			t.leaves(name, key(n), e, m)
		}
	}
}

// name adds a member name that could be text: models read the names of a
// schema as they read its descriptions.
func (t *table) name(n strictjson.Value, m mark) {
	if !isIdentifier(content(n)) {
		t.add(n, m)
	}
}

// key returns the text of a member name: a name that is spelled with escapes
// means the same member.
func key(n strictjson.Value) []byte {
	text, _ := n.Text()
	return text
}

// content returns the raw bytes between the quotes of a string.
func content(v strictjson.Value) []byte {
	raw := v.Raw()
	return raw[1 : len(raw)-1]
}

// identifies reports whether the string is an identifier by its place and by
// its looks. A longer or other text in such a place is text.
func identifies(name []byte, v strictjson.Value) bool {
	switch string(name) {
	case "role", "type", "id", "tool_call_id":
		return isIdentifier(content(v))
	}
	return false
}

const (
	maxIdentifier = 64
	maxLabel      = 128
)

func isIdentifier(s []byte) bool {
	if len(s) > maxIdentifier {
		return false
	}
	for _, c := range s {
		if !isAlphanumeric(c) && c != '_' && c != '.' && c != '-' && c != '$' {
			return false
		}
	}
	return true
}

// isLabel reports whether s is one word of visible ASCII, such as the name of
// a model or the hash of a user.
func isLabel(s []byte) bool {
	if len(s) > maxLabel {
		return false
	}
	for _, c := range s {
		if c <= ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isMedia reports whether the string is base64 in a place for media, and no
// text in it. Guards read text; what an image says they cannot see.
func isMedia(parent, name []byte, v strictjson.Value) bool {
	switch string(name) {
	case "image_url":
		return isDataURL(v)
	case "url":
		return mediaURL(parent) && isDataURL(v)
	case "embedding":
		return isOpaque(v)
	case "data":
		return (string(parent) == "input_audio" || string(parent) == "audio") && isOpaque(v)
	case "file_data":
		return string(parent) == "file" && (isDataURL(v) || isOpaque(v))
	}
	return false
}

func mediaURL(parent []byte) bool {
	switch string(parent) {
	case "image_url", "audio_url", "video_url":
		return true
	}
	return false
}

// isDataURL reports whether the string is a data URL of something that its type
// does not call text, and that holds none. Without a type it is text (RFC 2397).
func isDataURL(v strictjson.Value) bool {
	whole, ok := v.Text()
	head, data, found := bytes.Cut(whole, []byte(","))
	return ok && found && len(head) <= maxLabel && isLabel(head) && bytes.HasSuffix(head, []byte(";base64")) &&
		slices.ContainsFunc(mediaTypes(), func(of string) bool { return bytes.HasPrefix(head, []byte(of)) }) && dialect.Opaque(data)
}

func mediaTypes() []string {
	return []string{"data:image/", "data:audio/", "data:video/", "data:application/"}
}

func isOpaque(v strictjson.Value) bool {
	text, ok := v.Text()
	return ok && dialect.Opaque(text)
}
