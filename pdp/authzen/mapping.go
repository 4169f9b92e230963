package authzen

import (
	"bytes"
	"context"
	"errors"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// A server may declare how a call of its tool is to be asked about (COAZ-MCP,
// x-authzen-mapping). The server is the one that is being authorised, so its
// word only narrows: what the mapping makes of the call is asked in addition,
// on behalf of the same caller, and every answer must be a permission.

// Bounds on a declared mapping.
const (
	mappingName  = "x-authzen-mapping"
	maxMapping   = 64 << 10 // bytes
	maxMapped    = 16       // evaluations
	anySubject   = "identity"
	evaluation   = "evaluation"
	evaluations  = "evaluations"
	noSubject    = "an entry of evaluations names a subject"
	otherSubject = "it names another subject than the question"
)

// declared returns the mapping that came with a question about a tool, absent
// where there is none.
func (q *question) declared(r *decision.Request) strictjson.Value {
	if q.resource.kind != kindTool || r.Method != mcp.MethodToolsCall {
		return strictjson.Value{}
	}
	return q.resource.properties.Get(mappingName)
}

// narrow asks what the mapping makes of a permitted call. It returns the first
// denial, or the decision as it is.
func (w *work) narrow(ctx context.Context, q *question, r *decision.Request, passed Decision, subject string) (Decision, error) {
	mapping := q.declared(r)
	if mapping.Kind() <= strictjson.Null || !passed.Decision {
		return passed, nil
	}
	asked, err := w.questions(ctx, q, r, mapping, subject)
	var unusable *malformedError
	switch {
	case errors.As(err, &unusable):
		return unmapped(unusable), nil
	case err != nil:
		return Decision{}, err
	}
	for _, text := range asked {
		d, err := w.checkMapped(ctx, q, r, text)
		if err != nil || !d.Decision {
			return d, err
		}
	}
	return passed, nil
}

// questions works out the mapping, in a turn of its own. A *malformedError is
// the mapping's fault.
func (w *work) questions(ctx context.Context, q *question, r *decision.Request, mapping strictjson.Value, subject string) ([][]byte, error) {
	leave, err := w.Turns.Enter(ctx, len(r.Body.Raw))
	if err != nil {
		return nil, err
	}
	defer leave()
	x, err := newExpressions(r, subject, w.budget)
	if err != nil {
		return nil, err
	}
	return q.mapped(ctx, mapping, x)
}

// checkMapped asks one question that a mapping made. Who asks is settled: the
// server does not choose which policies judge.
func (w *work) checkMapped(ctx context.Context, q *question, r *decision.Request, text []byte) (Decision, error) {
	doc, err := strictjson.Parse(text, w.Limits)
	if err != nil {
		return unmapped(err), nil
	}
	defer doc.Free()
	made, err := partsOf(doc.Root()).question()
	if err != nil {
		return unmapped(err), nil
	}
	if made.subject.id != q.subject.id {
		return unmapped(malformed(otherSubject)), nil
	}
	asked, err := made.request(w.Limits)
	if err != nil {
		return unmapped(err), nil
	}
	asked.Caller, asked.Session, asked.Source, asked.HTTP, asked.Face = r.Caller, r.Session, r.Source, r.HTTP, r.Face
	v, err := w.Checker.Check(ctx, asked)
	if err != nil {
		return Decision{}, err
	}
	return made.decided(v), nil
}

// mapped returns the questions that a mapping makes of the call.
func (q *question) mapped(ctx context.Context, mapping strictjson.Value, x *expressions) ([][]byte, error) {
	if mapping.Kind() != strictjson.Object || mapping.Len() != 1 || len(mapping.Raw()) > maxMapping {
		return nil, malformed("it must be an object with evaluation or evaluations, of 64 KiB at most")
	}
	top := partsOf(mapping.Get(evaluation))
	if mapping.Get(evaluation).Kind() == strictjson.Object {
		text, err := q.fill(ctx, top, x)
		return [][]byte{text}, err
	}
	envelope := mapping.Get(evaluations)
	list := envelope.Get(evaluations)
	if list.Kind() != strictjson.Array || list.Len() == 0 || list.Len() > maxMapped {
		return nil, malformed("evaluations must hold an array evaluations with 1 to 16 entries")
	}
	var out [][]byte
	for _, entry := range list.Elements() {
		if entry.Get("subject").Kind() != strictjson.None {
			return nil, malformed(noSubject)
		}
		text, err := q.fill(ctx, partsOf(entry).or(partsOf(envelope)), x)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// fill writes one question with its expressions worked out. Without a subject
// it is that of the question.
func (q *question) fill(ctx context.Context, p parts, x *expressions) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(`{"subject":`)
	if err := q.fillSubject(ctx, &out, p.subject, x); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name  string
		value strictjson.Value
	}{{"action", p.action}, {"resource", p.resource}, {"context", p.context}} {
		text, err := x.resolve(ctx, part.value)
		if err != nil {
			return nil, err
		}
		if text != nil {
			out.WriteString(`,"` + part.name + `":`)
			out.Write(text)
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (q *question) fillSubject(ctx context.Context, out *bytes.Buffer, v strictjson.Value, x *expressions) error {
	for i, one := range []struct{ name, otherwise string }{{"type", quoted(anySubject)}, {"id", quoted(q.subject.id)}, {"properties", "{}"}} {
		text, err := x.resolve(ctx, v.Get(one.name))
		if err != nil {
			return err
		}
		if text == nil {
			text = []byte(one.otherwise)
		}
		out.WriteByte("{,,"[i])
		out.WriteString(`"` + one.name + `":`)
		out.Write(text)
	}
	out.WriteByte('}')
	return nil
}

// unmapped denies a call whose mapping cannot be applied.
func unmapped(err error) Decision {
	return denied(decision.Reason{
		Code:    decision.CodeMappingInvalid,
		Message: "the mapping that the tool's server declares cannot be applied: " + err.Error(),
	}, "", "")
}
