package envoy

import (
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// answerRoom is as many bytes as most allows take.
const answerRoom = 512

// Marshal implements encoding.CodecV2. The allows of ext_authz are written here: the
// library walks their map of metadata by reflection, twice.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*authv3.CheckResponse); ok {
		if raw, ok := appendAllow(make([]byte, 0, answerRoom), m); ok {
			return mem.BufferSlice{mem.SliceBuffer(raw)}, nil
		}
	}
	return c.CodecV2.Marshal(v)
}

// appendAllow appends an allow as respond.go makes them. It is not ok where the
// message is another, or the library must say what is wrong with it.
func appendAllow(b []byte, m *authv3.CheckResponse) (_ []byte, ok bool) {
	answer := m.GetOkResponse()
	//nolint:staticcheck // DynamicMetadata is deprecated: whoever sets it has the library write it
	if answer == nil || proto.Size(m.GetStatus()) > 0 || answer.DynamicMetadata != nil ||
		len(answer.GetQueryParametersToSet())+len(answer.GetQueryParametersToRemove()) > 0 {
		return nil, false
	}
	w := writer{b: b, ok: true}
	if m.Status != nil {
		w.end(w.begin(1))
	}
	inside := w.begin(3)
	w.headers(2, answer.GetHeaders())
	for _, name := range answer.GetHeadersToRemove() {
		w.text(5, name)
	}
	w.headers(6, answer.GetResponseHeadersToAdd())
	w.end(inside)
	if m.DynamicMetadata != nil {
		inside := w.begin(4)
		w.metadata(m.DynamicMetadata)
		w.end(inside)
	}
	return w.b, w.ok
}

// writer appends fields of messages.
type writer struct {
	b  []byte
	ok bool // nothing was met that it does not write
}

// begin appends the head of a field that is a message, and returns where the
// message begins. Its length takes one byte until end knows better.
func (w *writer) begin(number protowire.Number) (at int) {
	w.b = append(protowire.AppendTag(w.b, number, protowire.BytesType), 0)
	return len(w.b)
}

// end writes the length of the message that began there.
func (w *writer) end(at int) {
	length := len(w.b) - at
	if length < 0x80 {
		w.b[at-1] = byte(length) //nolint:gosec // of one byte
		return
	}
	more := protowire.SizeVarint(uint64(length)) - 1
	for range more {
		w.b = append(w.b, 0)
	}
	copy(w.b[at+more:], w.b[at:at+length])
	protowire.AppendVarint(w.b[:at-1], uint64(length))
}

func (w *writer) text(number protowire.Number, s string) {
	w.ok = w.ok && utf8.ValidString(s)
	w.b = protowire.AppendString(protowire.AppendTag(w.b, number, protowire.BytesType), s)
}

// set is text that is left out where it is empty.
func (w *writer) set(number protowire.Number, s string) {
	if s != "" {
		w.text(number, s)
	}
}

func (w *writer) headers(number protowire.Number, list []*corev3.HeaderValueOption) {
	for _, h := range list {
		value := h.GetHeader()
		//nolint:staticcheck // Append is deprecated: whoever sets it has the library write it
		if value == nil || h.Append != nil || h.KeepEmptyValue || len(value.RawValue) > 0 {
			w.ok = false
			return
		}
		option := w.begin(number)
		header := w.begin(1)
		w.set(1, value.Key)
		w.set(2, value.Value)
		w.end(header)
		if h.AppendAction != 0 {
			w.b = protowire.AppendVarint(protowire.AppendTag(w.b, 3, protowire.VarintType), uint64(h.AppendAction)) //nolint:gosec // as the library does
		}
		w.end(option)
	}
}

// metadata appends the entries of a map.
func (w *writer) metadata(m *structpb.Struct) {
	for name, value := range m.Fields {
		entry := w.begin(1)
		w.text(1, name)
		inside := w.begin(2)
		w.value(value)
		w.end(inside)
		w.end(entry)
	}
}

// value appends a text; all else is left to the library.
func (w *writer) value(v *structpb.Value) {
	if text, ok := v.GetKind().(*structpb.Value_StringValue); ok && text != nil {
		w.text(3, text.StringValue)
		return
	}
	b, err := proto.MarshalOptions{}.MarshalAppend(w.b, v)
	if err != nil || v == nil {
		w.ok = false
		return
	}
	w.b = b
}
