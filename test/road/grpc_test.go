package road

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Programs ask over gRPC too, and data planes that are not Outrider's own, which
// show a body and say nothing of what is in it.

type asker func(ctx context.Context, client decisionv1.DecisionServiceClient, q *decisionv1.Request) (*decisionv1.Verdict, error)

// byGRPC sends calls the way of a peer of the unix socket.
func byGRPC(ask asker) func(*testing.T, *Road) func(*testing.T, call) decision.Code {
	return func(t *testing.T, r *Road) func(*testing.T, call) decision.Code {
		t.Helper()
		conn, err := grpc.NewClient("unix://"+r.socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		client := decisionv1.NewDecisionServiceClient(conn)
		return func(t *testing.T, c call) decision.Code {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			v, err := ask(ctx, client, inQuestion(c))
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			switch reason := v.GetReason(); {
			case v.GetEffect() != decisionv1.Effect_EFFECT_DENY:
				return ""
			case reason.GetHidden():
				return decision.CodeToolUnknown
			default:
				return decision.Code(reason.GetCode())
			}
		}
	}
}

// inQuestion shows the body, and says where the call goes and who makes it.
func inQuestion(c call) *decisionv1.Request {
	q := &decisionv1.Request{
		Surface: "mcp", Body: &decisionv1.Body{Dialect: "mcp", Raw: []byte(c.body)},
		Caller: &decisionv1.Caller{Agent: agentName, Labels: map[string]string{"app": "road"}},
	}
	for _, o := range openai.Operations() {
		if "/v1"+o.Path == c.path {
			q.Surface, q.Body.Dialect = "llm", o.Dialect
		}
	}
	if server, named := strings.CutPrefix(c.path, pathMCP+"/"); named {
		q.Server = server
	}
	if token, ok := strings.CutPrefix(c.value("Authorization"), "Bearer "); ok {
		q.Caller.Bearer = []byte(token)
	}
	return q
}

func byCheck(ctx context.Context, client decisionv1.DecisionServiceClient, q *decisionv1.Request) (*decisionv1.Verdict, error) {
	resp, err := client.Check(ctx, &decisionv1.CheckRequest{Request: q})
	return resp.GetVerdict(), err
}

func byDecide(ctx context.Context, client decisionv1.DecisionServiceClient, q *decisionv1.Request) (*decisionv1.Verdict, error) {
	stream, err := client.Decide(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&decisionv1.DecideRequest{Id: 1, Request: q}); err != nil {
		return nil, err
	}
	resp, err := stream.Recv()
	return resp.GetVerdict(), errors.Join(err, stream.CloseSend())
}

// byExchange opens an exchange as a data plane does that reads no bodies.
func byExchange(ctx context.Context, client decisionv1.DecisionServiceClient, q *decisionv1.Request) (*decisionv1.Verdict, error) {
	q.Face = &decisionv1.Face{Edits: true, Responses: true, Streams: true, Settles: true, Headers: true}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Exchange(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: q}}); err != nil {
		return nil, err
	}
	resp, err := stream.Recv()
	return resp.GetVerdict(), err
}
