package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/peer"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Engine decides. Settle charges an outcome by its handle and reports whether
// that had been done before. Explain counts and records nothing. Loaded reports
// whether there is anything to decide by.
type Engine interface {
	decision.Decider
	Settle(ctx context.Context, o decision.Outcome) (repeated bool)
	Explain(ctx context.Context, r *decision.Request) (*decision.Explanation, error)
	Loaded() bool
}

// service answers the decision API.
type service struct {
	decisionv1.UnimplementedDecisionServiceServer
	engine    Engine
	peers     *peer.List
	operators operators
	log       *slog.Logger
	events    Events
	quiet     quiet

	stopping chan struct{}  // closed when the service stops
	reading  sync.WaitGroup // goroutines that wait for messages; each ends with its stream
}

// refusal is a refusal that gRPC tells as its status and REST as a problem.
type refusal struct{ cause *decision.Error }

// Error implements error.
func (e refusal) Error() string { return e.cause.Error() }

// GRPCStatus is where package status finds how gRPC tells it.
func (e refusal) GRPCStatus() *status.Status {
	s := status.New(codes.Code(e.cause.Code.Status().GRPC), e.cause.Error())
	if e.cause.RetryAfter <= 0 {
		return s
	}
	told, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.cause.RetryAfter)})
	if err != nil {
		return s
	}
	return told
}

// Unwrap returns the refusal in the vocabulary's own form.
func (e refusal) Unwrap() error { return e.cause }

// errStopping ends a stream that asks nothing while the service stops.
var errStopping = status.Error(codes.Unavailable, "the decision service stops: ask another one, or this one later")

// asStatus turns an error into one with a gRPC status. Causes stay here.
func asStatus(err error) error {
	var cause *decision.Error
	if errors.As(err, &cause) {
		return refusal{cause}
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codes.Internal, incomplete)
}

const incomplete = "the decision could not be completed"

// Check answers one question.
func (s *service) Check(ctx context.Context, m *decisionv1.CheckRequest) (*decisionv1.CheckResponse, error) {
	r, err := wire.Request(m.GetRequest())
	if err != nil {
		return nil, asStatus(err)
	}
	ctx, cancel := inTime(ctx, m.GetRequest())
	defer cancel()
	v, err := s.check(ctx, r)
	if err != nil {
		return nil, asStatus(err)
	}
	return &decisionv1.CheckResponse{Verdict: ungranted(v)}, nil
}

// check asks the engine, unless the peer may not ask for the caller.
func (s *service) check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	if reason := s.admit(ctx, &r.Caller); reason != nil {
		return denied(r, reason), nil
	}
	return s.engine.Check(ctx, r)
}

// denied is the answer to a question that never came to the engine.
func denied(r *decision.Request, reason *decision.Reason) *decision.Verdict {
	v := &decision.Verdict{ID: r.ExchangeID, Effect: decision.Deny, Reason: *reason}
	if !decision.ValidID(v.ID) {
		v.ID = decision.NewID()
	}
	return v
}

// inTime bounds the answer to a question by what its asker says that it waits.
func inTime(ctx context.Context, m *decisionv1.Request) (context.Context, context.CancelFunc) {
	if t := m.GetTimeout(); t.IsValid() && t.AsDuration() > 0 {
		return context.WithTimeout(ctx, t.AsDuration())
	}
	return ctx, func() {}
}

// ungranted returns the verdict for a program. Whoever asks without an exchange
// is not authenticated, so no grant may leave, whatever the engine says.
func ungranted(v *decision.Verdict) *decisionv1.Verdict {
	m := wire.VerdictProto(v)
	m.Grants, m.Settlement = nil, nil
	return m
}

// FilterTools tells which tools the caller may see.
func (s *service) FilterTools(ctx context.Context, m *decisionv1.FilterToolsRequest) (*decisionv1.FilterToolsResponse, error) {
	r, err := wire.Request(m.GetRequest())
	if err != nil {
		return nil, asStatus(err)
	}
	tools, err := wire.Tools(m.GetTools())
	if err != nil {
		return nil, asStatus(err)
	}
	if reason := s.admit(ctx, &r.Caller); reason != nil {
		return nil, asStatus(&decision.Error{Code: reason.Code, Message: reason.Message})
	}
	ctx, cancel := inTime(ctx, m.GetRequest())
	defer cancel()
	v, err := s.engine.FilterTools(ctx, r, tools)
	if err != nil {
		return nil, asStatus(err)
	}
	return &decisionv1.FilterToolsResponse{Visible: wire.VisibilityProto(v)}, nil
}

// Settle charges an outcome by its handle, which only a peer that was granted
// the call can know.
func (s *service) Settle(ctx context.Context, m *decisionv1.SettleRequest) (*decisionv1.SettleResponse, error) {
	repeated := s.engine.Settle(ctx, wire.Outcome(m.GetOutcome()))
	return &decisionv1.SettleResponse{Settled: &decisionv1.Settled{RepeatedCall: repeated}}, nil
}

// Exchange accompanies one forwarded call. Whatever ends the stream, the
// exchange is settled: without an outcome, as a disconnect.
func (s *service) Exchange(stream decisionv1.DecisionService_ExchangeServer) error {
	ctx := stream.Context()
	ask, err := s.ask(stream)
	if err != nil {
		return err
	}
	r, err := wire.Request(ask)
	if err != nil {
		return asStatus(err)
	}
	opening, cancel := inTime(ctx, ask)
	v, ex, err := s.open(opening, r)
	cancel()
	if err != nil {
		return asStatus(err)
	}
	if ex != nil {
		defer func() {
			_ = ex.Settle(context.WithoutCancel(ctx), decision.Outcome{ExchangeID: v.ID, End: decision.EndDisconnected})
		}()
	}
	err = stream.Send(&decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Verdict{Verdict: wire.VerdictProto(v)}})
	if err != nil || ex == nil {
		return err
	}
	return accompany(ctx, stream, ex)
}

// ask waits for the question of an exchange. One that has not come when the
// service stops is not waited for: streams may be opened ahead.
func (s *service) ask(stream decisionv1.DecisionService_ExchangeServer) (*decisionv1.Request, error) {
	type received struct {
		m   *decisionv1.ExchangeRequest
		err error
	}
	first := make(chan received, 1)
	s.reading.Go(func() {
		m, err := stream.Recv()
		first <- received{m, err}
	})
	select {
	case got := <-first:
		return got.m.GetAsk(), got.err
	case <-s.stopping:
		return nil, errStopping
	}
}

// open asks the engine, unless the peer may not speak for the agent.
func (s *service) open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	if reason := s.admitGrants(ctx, &r.Caller); reason != nil {
		return denied(r, reason), nil, nil
	}
	return s.engine.Open(ctx, r)
}

// accompany answers the messages of an open exchange until its outcome.
func accompany(ctx context.Context, stream decisionv1.DecisionService_ExchangeServer, ex decision.Exchange) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, done, err := reply(ctx, ex, m)
		if err != nil {
			return asStatus(err)
		}
		if err := stream.Send(answer); err != nil || done {
			return err
		}
	}
}

func reply(ctx context.Context, ex decision.Exchange, m *decisionv1.ExchangeRequest) (answer *decisionv1.ExchangeResponse, done bool, err error) {
	switch m := m.GetMessage().(type) {
	case *decisionv1.ExchangeRequest_Attempt:
		grant, err := ex.Attempt(ctx, decision.Attempt{FailedProvider: m.Attempt.GetFailedProvider(), Error: m.Attempt.GetError()})
		if err != nil {
			return nil, false, err
		}
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Grant{Grant: wire.GrantProto(grant)}}, false, nil
	case *decisionv1.ExchangeRequest_Outcome:
		err := ex.Settle(context.WithoutCancel(ctx), wire.Outcome(m.Outcome))
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Settled{Settled: &decisionv1.Settled{}}}, true, err
	case *decisionv1.ExchangeRequest_Ask:
		return nil, false, decision.Refuse(decision.CodeBodyInvalid, "ask: an exchange has one question; open another stream for another call")
	default:
		return rule(ctx, ex, m)
	}
}

// rule answers a part of an answer. A page of tools without a visibility was
// denied as a whole, which is a ruling.
func rule(ctx context.Context, ex decision.Exchange, m any) (*decisionv1.ExchangeResponse, bool, error) {
	part, err := partOf(m)
	if err != nil {
		return nil, false, err
	}
	ruling, err := ex.Judge(ctx, part)
	if err != nil {
		return nil, false, err
	}
	if part.Tools != nil && ruling.Visibility != nil {
		return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Visible{Visible: wire.VisibilityProto(ruling.Visibility)}}, false, nil
	}
	return &decisionv1.ExchangeResponse{Message: &decisionv1.ExchangeResponse_Ruling{Ruling: wire.RulingProto(ruling)}}, false, nil
}

func partOf(m any) (decision.Part, error) {
	switch m := m.(type) {
	case *decisionv1.ExchangeRequest_Whole:
		body, err := wire.Body(m.Whole)
		return decision.Part{Whole: body}, err
	case *decisionv1.ExchangeRequest_Deltas:
		deltas, err := wire.Deltas(m.Deltas)
		return decision.Part{Deltas: deltas}, err
	case *decisionv1.ExchangeRequest_Tools:
		tools, err := wire.Tools(m.Tools)
		return decision.Part{Tools: tools}, err
	default:
		return decision.Part{}, decision.Refuse(decision.CodeBodyInvalid, "an exchange message of an unknown kind")
	}
}
