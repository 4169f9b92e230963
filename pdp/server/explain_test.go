package server

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// explain asks for an explanation and expects that it comes, or why not.
func explain(t *testing.T, conn grpc.ClientConnInterface, refused string) {
	t.Helper()
	resp, err := decisionv1.NewDecisionServiceClient(conn).Explain(t.Context(), &decisionv1.ExplainRequest{Request: wire.RequestProto(question("a"))})
	if refused != "" {
		if status.Code(err) != codes.PermissionDenied || !strings.Contains(status.Convert(err).Message(), refused) {
			t.Fatalf("got %v, %v, want a refusal with %q", resp, err, refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	v := resp.GetVerdict()
	if len(resp.GetRules()) != 1 || v.GetEffect() != decisionv1.Effect_EFFECT_ALLOW || len(v.GetGrants()) > 0 || len(v.GetSettlement()) > 0 {
		t.Fatalf("got %v", resp)
	}
}

func TestOperatorsByUser(t *testing.T) {
	other := *ownUID() + 1
	for name, c := range map[string]struct {
		operators []*configv1.Operator
		refused   string
	}{
		"absent":        {nil, ""},
		"listed":        {[]*configv1.Operator{{Uid: &other}, {Uid: ownUID()}}, ""},
		"not listed":    {[]*configv1.Operator{{Uid: &other}}, "see pdp.operators"},
		"of mutual TLS": {[]*configv1.Operator{{Spiffe: "spiffe://*"}}, "see pdp.operators"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pdp.sock")
			cfg := config(t, &engine{}, &configv1.PDPListen{Socket: path}, &configv1.Peer{Uid: ownUID(), Agents: []string{"*"}})
			cfg.Operators = c.operators
			start(t, cfg)
			explain(t, dial(t, "unix://"+path, insecure.NewCredentials()), c.refused)
		})
	}
}

func TestOperatorsByCertificate(t *testing.T) {
	ca := newAuthority(t)
	cfg := config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, ca)})
	cfg.Operators = []*configv1.Operator{{Spiffe: "spiffe://corp/ops/*"}}
	target := start(t, cfg).Addresses()[0]
	explain(t, dial(t, target, ca.client(t, ca, "spiffe://corp/ops/ann")), "")
	explain(t, dial(t, target, ca.client(t, ca, "spiffe://corp/ns/prod/sa/copilot")), "see pdp.operators")
	explain(t, dial(t, target, ca.client(t, ca)), "does not prove who asks")
}

// Whoever reaches an address without a proof of who they are is no operator.
func TestOperatorsProveThemselves(t *testing.T) {
	r := start(t, config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Http: "127.0.0.1:0"}))
	explain(t, dial(t, r.Addresses()[0], insecure.NewCredentials()), "does not prove who asks")
	code, answer := call(t, http.MethodPost, r.Addresses()[1]+"/v1/explain", restQuestion, nil)
	if code != http.StatusNotFound {
		t.Fatalf("got %d %s", code, answer)
	}
}
