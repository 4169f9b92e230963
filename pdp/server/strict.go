package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/problem"
	"outrider.dev/outrider/strictjson"
	"outrider.dev/outrider/suggest"
)

// strict reads the body of a question before the gateway does, with the reader
// of the road: a question that two readers could understand differently, or
// with a slip in it that would be taken for an absent member, is refused.
type strict struct {
	asks protoreflect.MessageDescriptor
	most int // bytes
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := readJSON(w, r, s.most)
	if err == nil {
		err = known(raw, s.asks, strictjson.Limits{Bytes: s.most})
	}
	if err != nil {
		problem.From(err).Write(w)
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	s.next.ServeHTTP(w, r)
}

// readJSON reads the body of a request that says that it is plain JSON.
func readJSON(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, decision.Refuse(decision.CodeContentType, "send the question as Content-Type: application/json")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, decision.Refuse(decision.CodeBodyEncoding, "send the body without a Content-Encoding")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, decision.Refuse(decision.CodeBodyTooLarge, fmt.Sprintf("the body is larger than %d bytes", most))
	case err != nil:
		return nil, &decision.Error{Code: decision.CodeBodyInvalid, Message: "the body ends too early", Err: err}
	}
	return raw, nil
}

// known refuses a body that is no strict JSON, and members that its message
// does not have.
func known(raw []byte, m protoreflect.MessageDescriptor, limits strictjson.Limits) error {
	doc, err := strictjson.Parse(raw, limits)
	if err != nil {
		return err
	}
	defer doc.Free()
	return knownMembers(doc.Root(), m)
}

func knownMembers(v strictjson.Value, m protoreflect.MessageDescriptor) error {
	if v.Kind() != strictjson.Object || m.FullName().Parent() == "google.protobuf" {
		return nil // the gateway refuses another kind of value
	}
	for name, value := range v.Members() {
		said, _ := name.Text()
		field := m.Fields().ByJSONName(string(said))
		if field == nil {
			field = m.Fields().ByTextName(string(said)) // as the contract writes it
		}
		if field == nil {
			return unknownMember(name, string(said), m)
		}
		if field.Message() == nil || field.IsMap() {
			continue
		}
		if err := knownInside(value, field); err != nil {
			return err
		}
	}
	return nil
}

func knownInside(v strictjson.Value, field protoreflect.FieldDescriptor) error {
	if !field.IsList() {
		return knownMembers(v, field.Message())
	}
	for _, one := range v.Elements() {
		if err := knownMembers(one, field.Message()); err != nil {
			return err
		}
	}
	return nil
}

func unknownMember(name strictjson.Value, said string, m protoreflect.MessageDescriptor) error {
	var names []string
	for i := range m.Fields().Len() {
		names = append(names, m.Fields().Get(i).JSONName())
	}
	words := name.Pointer() + ": the member is not known"
	if near := suggest.Nearest(said, names); near != "" {
		words += ", did you mean " + near + "?"
	}
	return decision.Refuse(decision.CodeBodyInvalid, words)
}

// misfit is how protojson says that a value is none for its field.
const misfit = `invalid value for \w+ field \w+|duplicate field`

// unquoted keeps what protojson says of a body without the value that it
// quotes, which may be a token.
func unquoted(err error) error {
	var refusal *decision.Error
	if s, ok := status.FromError(err); ok && s.Code() == codes.InvalidArgument && !errors.As(err, &refusal) {
		words := "the question does not fit its schema: see /openapi.json"
		if found := regexp.MustCompile(misfit).FindString(s.Message()); found != "" {
			words = found + ": see /openapi.json"
		}
		return decision.Refuse(decision.CodeBodyInvalid, words)
	}
	return err
}
