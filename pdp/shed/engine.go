package shed

import (
	"context"
	"errors"

	"outrider.dev/outrider/decision"
)

// Engine decides.
type Engine interface {
	decision.Decider
	Settle(ctx context.Context, o decision.Outcome) (repeated bool)
	Explain(ctx context.Context, r *decision.Request) (*decision.Explanation, error)
	Loaded() bool
}

// Shedder is an Engine that answers as many questions as can be answered in
// time. It is safe for concurrent use.
type Shedder struct {
	Engine
	line *line
}

// New returns a Shedder around the engine. Told is called for every question
// that is refused, with [Full] or [Late]; it must not block.
func New(engine Engine, told func(why string)) *Shedder {
	return &Shedder{Engine: engine, line: newLine(Turns(), told)}
}

// Waiting returns how many questions wait for their turn.
func (s *Shedder) Waiting() int { return s.line.length() }

// Enter waits for a turn for work on a question that is none of the engine's,
// of so many bytes, and returns what ends it. Whoever holds a turn asks nothing
// of the engine, which takes one itself.
func (s *Shedder) Enter(ctx context.Context, bytes int) (leave func(), err error) {
	return s.line.enter(ctx, fresh, bytes)
}

// Check implements decision.Decider.
func (s *Shedder) Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	leave, err := s.line.enter(ctx, fresh, len(r.Body.Raw))
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.Engine.Check(ctx, r)
}

// Open implements decision.Decider. A question that is shed is a denial, so
// that the agent learns when to try again.
func (s *Shedder) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	leave, err := s.line.enter(ctx, fresh, len(r.Body.Raw))
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return &decision.Verdict{ID: r.ExchangeID, Effect: decision.Deny, Reason: refusal.Reason()}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	v, ex, err := s.Engine.Open(ctx, r)
	if ex == nil {
		return v, nil, err
	}
	return v, &exchange{Exchange: ex, line: s.line}, err
}

// FilterTools implements decision.Decider.
func (s *Shedder) FilterTools(ctx context.Context, r *decision.Request, tools []decision.Tool) (*decision.Visibility, error) {
	leave, err := s.line.enter(ctx, fresh, sizeOf(tools))
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.Engine.FilterTools(ctx, r, tools)
}

// Explain implements Engine.
func (s *Shedder) Explain(ctx context.Context, r *decision.Request) (*decision.Explanation, error) {
	leave, err := s.line.enter(ctx, fresh, len(r.Body.Raw))
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.Engine.Explain(ctx, r)
}

// exchange takes a turn for each question about an open call, and none for its
// outcome.
type exchange struct {
	decision.Exchange
	line *line
}

// Attempt implements decision.Exchange.
func (x *exchange) Attempt(ctx context.Context, a decision.Attempt) (*decision.Grant, error) {
	leave, err := x.line.enter(ctx, begun, 0)
	if err != nil {
		return nil, err
	}
	defer leave()
	return x.Exchange.Attempt(ctx, a)
}

// Judge implements decision.Exchange. A part that is shed is refused: what it
// shows was not judged.
func (x *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	leave, err := x.line.enter(ctx, begun, partSize(p))
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return &decision.Ruling{Effect: decision.Deny, Reason: refusal.Reason()}, nil
	}
	if err != nil {
		return nil, err
	}
	defer leave()
	return x.Exchange.Judge(ctx, p)
}

func partSize(p decision.Part) int {
	n := sizeOf(p.Tools)
	if p.Whole != nil {
		n += len(p.Whole.Raw)
	}
	for _, d := range p.Deltas {
		n += len(d.Text)
	}
	return n
}

func sizeOf(tools []decision.Tool) int {
	n := 0
	for i := range tools {
		n += len(tools[i].Definition)
	}
	return n
}
