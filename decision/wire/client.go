package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Client is a decision.Decider behind a gRPC connection. The connection
// belongs to the caller, who closes it.
type Client struct {
	// Trace returns the trace context of an exchange in the forms of W3C's
	// headers; nil: what the stream's own metadata says. Set it before the first call.
	Trace func(context.Context) (parent, state string)

	service decisionv1.DecisionServiceClient
	idle    streams
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
