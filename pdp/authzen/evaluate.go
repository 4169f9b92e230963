package authzen

import (
	"context"
	"errors"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Checker decides one question. It never grants.
type Checker interface {
	Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error)
}

// Turns has work wait for its turn among the questions that are decided. The
// error of work that could not be done in time is a *decision.Error.
type Turns interface {
	Enter(ctx context.Context, bytes int) (leave func(), err error)
}

// Service answers AuthZEN questions.
type Service struct {
	Checker Checker
	Turns   Turns             // of what mappings take
	Limits  strictjson.Limits // of a question
}

// work answers one request.
type work struct {
	*Service
	budget *budget
}

// Decisions answers several questions.
type Decisions struct {
	Evaluations []Decision `json:"evaluations"`
}

// semantic says when several evaluations end.
type semantic struct {
	ends     bool // before the last
	decision bool // with the first of these
}

// Evaluation answers the body of an Access Evaluation request. The error of one
// that cannot be read is a *decision.Error.
func (s *Service) Evaluation(ctx context.Context, raw []byte) (*Decision, error) {
	doc, err := s.parse(raw)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	d, err := (&work{s, newBudget()}).one(ctx, partsOf(doc.Root()))
	return &d, err
}

// Evaluations answers the body of an Access Evaluations request: without any
// evaluations a *Decision, else *Decisions.
func (s *Service) Evaluations(ctx context.Context, raw []byte) (any, error) {
	doc, err := s.parse(raw)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	list, sem, err := batch(doc.Root())
	if err != nil {
		return nil, err
	}
	defaults, w := partsOf(doc.Root()), &work{s, newBudget()}
	if list.Len() == 0 {
		d, err := w.one(ctx, defaults)
		return &d, err
	}
	return w.several(ctx, list, defaults, sem)
}

func (w *work) several(ctx context.Context, list strictjson.Value, defaults parts, sem semantic) (*Decisions, error) {
	out := &Decisions{}
	for _, v := range list.Elements() {
		d, err := w.item(ctx, v, defaults)
		if err != nil {
			return nil, err
		}
		out.Evaluations = append(out.Evaluations, d)
		if sem.ends && d.Decision == sem.decision {
			break
		}
	}
	return out, nil
}

// item answers one of several. What cannot be read is denied in its place; an
// error means that nobody decided.
func (w *work) item(ctx context.Context, v strictjson.Value, defaults parts) (Decision, error) {
	if v.Kind() != strictjson.Object {
		return failed(malformed("an evaluation must be an object")), nil
	}
	d, err := w.one(ctx, partsOf(v).or(defaults))
	var unread *malformedError
	if errors.As(err, &unread) {
		return failed(unread), nil
	}
	return d, err
}

// one answers a question that stands alone.
func (w *work) one(ctx context.Context, p parts) (Decision, error) {
	q, err := p.question()
	if err != nil {
		return Decision{}, err
	}
	return w.ask(ctx, q)
}

// ask has a question decided. What means nothing here is denied.
func (w *work) ask(ctx context.Context, q *question) (Decision, error) {
	r, err := q.request(w.Limits)
	var unknown *unknownError
	if errors.As(err, &unknown) {
		return denied(unknown.reason, "", ""), nil
	}
	if err != nil {
		return Decision{}, err
	}
	v, err := w.Checker.Check(ctx, r)
	if err != nil {
		return Decision{}, err
	}
	return w.narrow(ctx, q, r, q.decided(v), v.Subject)
}

func failed(err error) Decision {
	return Decision{Context: &Context{Reason: decision.CodeBodyInvalid, Error: &Failure{Status: 400, Message: err.Error()}}}
}

// parse reads a question with the reader of the road. Members that it does not
// know are left alone, as the specification demands, but none may be taken for
// another.
func (s *Service) parse(raw []byte) (*strictjson.Doc, error) {
	doc, err := strictjson.Parse(raw, s.Limits)
	if err != nil {
		return nil, err
	}
	if err := doc.Root().RefuseFolded(true); err != nil {
		doc.Free()
		return nil, err
	}
	return doc, nil
}

// batch reads what is special to several evaluations.
func batch(root strictjson.Value) (list strictjson.Value, sem semantic, err error) {
	list = root.Get("evaluations")
	switch {
	case list.Kind() > strictjson.Null && list.Kind() != strictjson.Array:
		return list, sem, malformed("evaluations must be an array, not " + list.Kind().String())
	case list.Len() > maxEvaluations:
		return list, sem, decision.Refuse(decision.CodeBodyTooLarge, "evaluations: more than 256; ask in several requests")
	}
	options, err := object(root.Get("options"), "options")
	if err != nil {
		return list, sem, err
	}
	switch said := options.Get("evaluations_semantic"); {
	case said.Kind() == strictjson.None, said.Is("execute_all"):
	case said.Is("deny_on_first_deny"):
		sem = semantic{ends: true, decision: false}
	case said.Is("permit_on_first_permit"):
		sem = semantic{ends: true, decision: true}
	default:
		err = malformed("options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit")
	}
	return list, sem, err
}
