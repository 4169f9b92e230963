package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Client is a decision.Decider behind a gRPC connection. The connection
// belongs to the caller, who closes it.
type Client struct {
	service decisionv1.DecisionServiceClient
}

var _ decision.Decider = (*Client)(nil)

// NewClient returns a client on the connection.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{service: decisionv1.NewDecisionServiceClient(conn)}
}

// Check implements decision.Decider.
func (c *Client) Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	resp, err := c.service.Check(ctx, &decisionv1.CheckRequest{Request: RequestProto(r)})
	if err != nil {
		return nil, fmt.Errorf("ask the decision service: %w", err)
	}
	return Verdict(resp.GetVerdict(), len(r.Body.Raw))
}

// FilterTools implements decision.Decider.
func (c *Client) FilterTools(ctx context.Context, r *decision.Request, tools []decision.Tool) (*decision.Visibility, error) {
	resp, err := c.service.FilterTools(ctx, &decisionv1.FilterToolsRequest{Request: RequestProto(r), Tools: ToolsProto(tools)})
	if err != nil {
		return nil, fmt.Errorf("ask the decision service about tools: %w", err)
	}
	return visibility(resp.GetVisible(), tools)
}

// Settle reports the outcome of an exchange that was lost, by its settlement
// handle. It waits for a connection. Late tells that the service had settled
// the exchange before, or knows nothing of it: then nothing was charged.
func (c *Client) Settle(ctx context.Context, o decision.Outcome) (late bool, err error) {
	resp, err := c.service.Settle(ctx, &decisionv1.SettleRequest{Outcome: outcomeProto(&o)}, grpc.WaitForReady(true))
	if err != nil {
		return false, fmt.Errorf("report the outcome to the decision service: %w", err)
	}
	return resp.GetSettled().GetRepeatedCall(), nil
}

// Open implements decision.Decider. The exchange outlives ctx: it ends with
// Settle, or when one of its own calls fails.
func (c *Client) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	e, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	question := RequestProto(r)
	if deadline, ok := ctx.Deadline(); ok { // the stream outlives it, so that gRPC does not tell it
		question.Timeout = durationpb.New(max(time.Until(deadline), time.Nanosecond))
	}
	ask := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: question}}
	resp, err := e.roundTrip(ctx, ask)
	if err != nil {
		return nil, nil, err
	}
	v, err := Verdict(resp.GetVerdict(), len(r.Body.Raw))
	if err != nil || !v.Allowed() {
		e.close(ctx)
		return v, nil, err
	}
	return v, e, nil
}

// open opens the stream. That waits for a connection, at most until ctx ends.
func (c *Client) open(ctx context.Context) (*exchange, error) {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	stream, err := c.service.Exchange(streamCtx)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open an exchange with the decision service: %w", err)
	}
	return &exchange{stream: stream, cancel: cancel}, nil
}

// exchange is one Exchange stream. One caller at a time; the mutex only keeps
// a Settle on the way out from meeting a call that was given up.
type exchange struct {
	mu     sync.Mutex
	stream decisionv1.DecisionService_ExchangeClient
	cancel context.CancelFunc
	closed bool
}

var (
	errClosed = errors.New("the exchange has ended")
	errUnread = errors.New("an answer came before its question")
)

// roundTrip sends one message and waits for its answer. Any failure, and the
// end of ctx, ends the exchange: after a lost message its state is unknown.
func (e *exchange) roundTrip(ctx context.Context, m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	stop := context.AfterFunc(ctx, e.cancel)
	resp, err := e.sendAndReceive(m)
	if !stop() {
		err = ctx.Err() // the stream is cut, whether or not the answer was quicker
	}
	if err != nil {
		e.end()
		return nil, fmt.Errorf("ask the decision service: %w", err)
	}
	return resp, nil
}

func (e *exchange) sendAndReceive(m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	err := e.stream.Send(m)
	if err == nil {
		return e.stream.Recv()
	}
	if errors.Is(err, io.EOF) { // the stream has ended, and its status is told by Recv
		if _, err = e.stream.Recv(); err == nil {
			err = errUnread
		}
	}
	return nil, err
}

// end expects the mutex held.
func (e *exchange) end() {
	e.closed = true
	e.cancel()
}

// close ends the exchange in order: it waits for the status of the stream, at
// most until ctx ends, so that neither side counts it as cancelled.
func (e *exchange) close(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	_ = e.stream.CloseSend()
	_, _ = e.stream.Recv()
	e.end()
}

// Attempt implements decision.Exchange.
func (e *exchange) Attempt(ctx context.Context, a decision.Attempt) (*decision.Grant, error) {
	m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Attempt{
		Attempt: &decisionv1.Attempt{FailedProvider: a.FailedProvider, Error: a.Error},
	}}
	resp, err := e.roundTrip(ctx, m)
	if err != nil {
		return nil, err
	}
	if resp.GetGrant() == nil {
		return nil, outOfTurn("grant")
	}
	return Grant(resp.GetGrant()), nil
}

// Judge implements decision.Exchange. A page of tools is answered with their
// visibility, or with a ruling that denies all of them.
func (e *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	resp, err := e.roundTrip(ctx, partProto(&p))
	if err != nil {
		return nil, err
	}
	if p.Tools != nil && resp.GetRuling() == nil {
		v, err := visibility(resp.GetVisible(), p.Tools)
		if err != nil {
			return nil, err
		}
		return &decision.Ruling{Effect: decision.Allow, Visibility: v}, nil
	}
	var body int
	if p.Whole != nil {
		body = len(p.Whole.Raw)
	}
	r, err := ruling(resp.GetRuling(), body)
	if err == nil && p.Tools != nil {
		r.Effect = decision.Deny // nothing was said of any tool
	}
	return r, err
}

// Settle implements decision.Exchange. A second call does nothing.
func (e *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Outcome{Outcome: outcomeProto(&o)}}
	_, err := e.roundTrip(ctx, m)
	if errors.Is(err, errClosed) {
		return nil
	}
	e.close(ctx)
	return err
}
