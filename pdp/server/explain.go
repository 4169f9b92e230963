package server

import (
	"context"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/peer"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Explain tells an operator how every rule came out. It names files and rules
// of policies, which agents and the programs beside them need not know.
func (s *service) Explain(ctx context.Context, m *decisionv1.ExplainRequest) (*decisionv1.ExplainResponse, error) {
	if err := s.operators.refusal(ctx); err != nil {
		return nil, err
	}
	r, err := wire.Request(m.GetRequest())
	if err != nil {
		return nil, asStatus(err)
	}
	e, err := s.engine.Explain(ctx, r)
	if err != nil {
		return nil, asStatus(err)
	}
	return wire.ExplanationProto(e), nil
}

// operators knows who may ask for explanations.
type operators struct{ list []*configv1.Operator }

// newOperators takes the configured operators. Without any it is the user that
// the decision service runs as, who can read the policies anyway.
func newOperators(list []*configv1.Operator) operators {
	if len(list) == 0 {
		uid := uint32(os.Getuid()) //nolint:gosec // user ids fit
		list = []*configv1.Operator{{Uid: &uid}}
	}
	return operators{list}
}

// refusal says why the peer of ctx is no operator. REST on loopback is one that
// proves nothing.
func (o operators) refusal(ctx context.Context) error {
	id, err := who(ctx)
	if err != nil || !id.Proven() {
		return status.Error(codes.PermissionDenied, "explanations are for operators, and this connection does not prove who asks: "+
			"ask by gRPC over the unix socket or mutual TLS, or run `outrider explain`")
	}
	for _, one := range o.list {
		if peer.Is(id, one.Uid, one.GetSpiffe()) {
			return nil
		}
	}
	return status.Error(codes.PermissionDenied, "explanations are for operators: see pdp.operators, or run `outrider explain`")
}
