package wire

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"

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

// Open implements decision.Decider. The exchange outlives ctx: it ends with
// Settle, or when one of its own calls fails.
func (c *Client) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stream, err := c.service.Exchange(streamCtx)
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("open an exchange with the decision service: %w", err)
	}
	e := &exchange{stream: stream, cancel: cancel}
	ask := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: RequestProto(r)}}
	resp, err := e.roundTrip(ctx, ask)
	if err != nil {
		return nil, nil, err
	}
	v, err := Verdict(resp.GetVerdict(), len(r.Body.Raw))
	if err != nil || !v.Allowed() {
		e.close()
		return v, nil, err
	}
	return v, e, nil
}

// exchange is one Exchange stream. One caller at a time; the mutex only keeps
// a Settle on the way out from meeting a call that was given up.
type exchange struct {
	mu     sync.Mutex
	stream decisionv1.DecisionService_ExchangeClient
	cancel context.CancelFunc
	closed bool
}

var errClosed = errors.New("the exchange has ended")

// roundTrip sends one message and waits for its answer. Any failure, and the
// end of ctx, ends the exchange: after a lost message its state is unknown.
func (e *exchange) roundTrip(ctx context.Context, m *decisionv1.ExchangeRequest) (*decisionv1.ExchangeResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	if err := e.stream.Send(m); err != nil {
		// Send hides the status of a broken stream; Recv tells it.
		_, err = e.stream.Recv()
		e.end()
		return nil, fmt.Errorf("ask the decision service: %w", err)
	}
	resp, err := e.stream.Recv()
	if err != nil {
		e.end()
		return nil, fmt.Errorf("hear from the decision service: %w", err)
	}
	return resp, nil
}

// end expects the mutex held.
func (e *exchange) end() {
	e.closed = true
	e.cancel()
}

// close ends the exchange in order: it waits for the server to end its side,
// so that the stream's resources are gone when it returns.
func (e *exchange) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	_ = e.stream.CloseSend()
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
	return Grant(resp.GetGrant()), nil
}

// Judge implements decision.Exchange.
func (e *exchange) Judge(ctx context.Context, p decision.Part) (*decision.Ruling, error) {
	resp, err := e.roundTrip(ctx, partProto(&p))
	if err != nil {
		return nil, err
	}
	if p.Tools != nil {
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
	return ruling(resp.GetRuling(), body)
}

// Settle implements decision.Exchange. A second call does nothing.
func (e *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	m := &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Outcome{Outcome: outcomeProto(&o)}}
	_, err := e.roundTrip(ctx, m)
	if errors.Is(err, errClosed) {
		return nil
	}
	e.close()
	return err
}
