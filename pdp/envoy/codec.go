package envoy

import (
	"errors"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// codec reads Envoy's questions itself, and leaves all else to the codec around
// which it stands. The library reads maps by reflection, and a question is
// mostly a map of headers: it takes three times as long.
type codec struct{ encoding.CodecV2 }

// NewCodec returns a codec for the faces around one for the other messages.
func NewCodec(others encoding.CodecV2) encoding.CodecV2 { return codec{others} }

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*authv3.CheckRequest)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	raw := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer raw.Free()
	return readQuestion(raw.ReadOnlyData(), m)
}

// readQuestion reads what the library would read, and refuses what it refuses. The
// fields that most of a question consists of are read here, all others by the
// library.
func readQuestion(raw []byte, m *authv3.CheckRequest) error {
	return fields(raw, m, func(number protowire.Number, value []byte) (bool, error) {
		if number != 1 {
			return false, nil
		}
		if m.Attributes == nil {
			m.Attributes = &authv3.AttributeContext{}
		}
		return true, readAttributes(value, m.Attributes)
	})
}

func readAttributes(raw []byte, m *authv3.AttributeContext) error {
	return fields(raw, m, func(number protowire.Number, value []byte) (bool, error) {
		switch number {
		case 4:
			if m.Request == nil {
				m.Request = &authv3.AttributeContext_Request{}
			}
			return true, readRequest(value, m.Request)
		case 10:
			return true, readEntry(value, &m.ContextExtensions, texts{})
		}
		return false, nil
	})
}

func readRequest(raw []byte, m *authv3.AttributeContext_Request) error {
	return fields(raw, m, func(number protowire.Number, value []byte) (bool, error) {
		if number != 2 {
			return false, nil
		}
		if m.Http == nil {
			m.Http = &authv3.AttributeContext_HttpRequest{}
		}
		return true, readHTTP(value, m.Http)
	})
}

func readHTTP(raw []byte, m *authv3.AttributeContext_HttpRequest) error {
	own := textsOf(raw)
	return fields(raw, m, func(number protowire.Number, value []byte) (bool, error) {
		switch number {
		case 1:
			return true, own.read(value, &m.Id)
		case 2:
			return true, own.read(value, &m.Method)
		case 3:
			return true, readEntry(value, &m.Headers, own)
		case 4:
			return true, own.read(value, &m.Path)
		case 5:
			return true, own.read(value, &m.Host)
		case 6:
			return true, own.read(value, &m.Scheme)
		case 10:
			return true, own.read(value, &m.Protocol)
		case 11:
			return true, own.read(value, &m.Body)
		case 12:
			m.RawBody = append([]byte{}, value...)
			return true, nil
		}
		return false, nil
	})
}

// readEntry reads one entry of a map. The last of one key counts.
func readEntry(raw []byte, into *map[string]string, own texts) error {
	const room = 16 // as many headers as most calls have, without growing
	var key, value string
	for len(raw) > 0 {
		number, kind, head, whole, err := next(raw)
		if err != nil {
			return err
		}
		if kind == protowire.BytesType && number <= 2 {
			text, _ := protowire.ConsumeBytes(raw[head:])
			to := &key
			if number == 2 {
				to = &value
			}
			if err := own.read(text, to); err != nil {
				return err
			}
		}
		raw = raw[whole:]
	}
	if *into == nil {
		*into = make(map[string]string, room)
	}
	(*into)[key] = value
	return nil
}

// texts makes the texts of a message. Those of a small one lie in one piece of
// memory, which is to be had at the price of one of them. What must outlive the
// question, as the names of agents do, is read without: it would keep all of it.
type texts struct {
	raw []byte
	all string // raw; empty: each text is by itself
}

// together is up to how many bytes of a message the texts lie together.
const together = 4 << 10

func textsOf(raw []byte) texts {
	t := texts{raw: raw}
	if len(raw) <= together {
		t.all = string(raw)
	}
	return t
}

// read makes a text of a part of the message.
func (t texts) read(part []byte, into *string) error {
	switch {
	case !utf8.Valid(part):
		return errors.New("a text of the question is not UTF-8")
	case t.all == "":
		*into = string(part)
	default:
		at := cap(t.raw) - cap(part) // a part reaches as far as its whole does
		*into = t.all[at : at+len(part)]
	}
	return nil
}

// fields hands each field of a message that has a length to read, which says
// whether it took it. What it did not take, and fields of other kinds, the library
// merges into the message.
func fields(raw []byte, m proto.Message, read func(number protowire.Number, value []byte) (taken bool, err error)) error {
	var left []byte
	for len(raw) > 0 {
		number, kind, head, whole, err := next(raw)
		if err != nil {
			return err
		}
		taken := false
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(raw[head:])
			if taken, err = read(number, value); err != nil {
				return err
			}
		}
		if !taken {
			left = append(left, raw[:whole]...)
		}
		raw = raw[whole:]
	}
	if left == nil {
		return nil
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(left, m)
}

// next tells the number and the kind of the first field, and the lengths of its
// head and of all of it.
func next(raw []byte) (number protowire.Number, kind protowire.Type, head, whole int, err error) {
	number, kind, head = protowire.ConsumeTag(raw)
	if head < 0 || number > protowire.MaxValidNumber {
		return 0, 0, 0, 0, errors.New("a field of the question has no number")
	}
	length := protowire.ConsumeFieldValue(number, kind, raw[head:])
	if length < 0 {
		return 0, 0, 0, 0, errors.New("a field of the question ends too early")
	}
	return number, kind, head, head + length, nil
}
