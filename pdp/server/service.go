package server

import (
	"context"
	"errors"
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
	trace     Trace // nil: none

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

// errUnproven ends a stream whose peer's proof has ended: another one shows a new one.
var errUnproven = status.Error(codes.Unavailable, "the token that this stream was opened with does not count any more: open another stream")

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
func inTime(ctx context.Context, m interface{ GetTimeout() *durationpb.Duration }) (context.Context, context.CancelFunc) {
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
// the call can know, or records a call that passed without a verdict, which only a
// peer may tell of that would have been granted calls of the agent.
func (s *service) Settle(ctx context.Context, m *decisionv1.SettleRequest) (*decisionv1.SettleResponse, error) {
	o := wire.Outcome(m.GetOutcome())
	if u := o.Unjudged; u != nil {
		if !decision.ValidID(o.ExchangeID) {
			return nil, asStatus(decision.Refuse(decision.CodeBodyInvalid, "outcome.exchange_id: this is none"))
		}
		caller := decision.Caller{Agent: u.Agent}
		if reason := s.admitGrants(ctx, &caller); reason != nil {
			return nil, asStatus(decision.Refuse(reason.Code, reason.Message))
		}
		u.Agent = caller.Agent
	}
	repeated := s.engine.Settle(ctx, o)
	return &decisionv1.SettleResponse{Settled: &decisionv1.Settled{RepeatedCall: repeated}}, nil
}
