package extproc

import (
	"context"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/pdp/envoy"
)

// waiting leaves an exchange for the call, as ext_authz does, and returns its
// id.
func waiting(t *testing.T, s *Server, e *engine, peer string) string {
	t.Helper()
	call := inbound.New(&inbound.Request{
		Method: "POST", Path: pathChat,
		Header: map[string][]string{"Content-Type": {"application/json"}, "Authorization": {"Bearer t0ken"}},
	}, decision.Caller{Agent: "a"}, decision.FullFace())
	call.Ask.Target = "openai"
	if err := call.Accept(); err != nil {
		t.Fatal(err)
	}
	if err := call.Read([]byte(chat), s.Limits); err != nil {
		t.Fatal(err)
	}
	v, x, err := e.Open(context.Background(), &call.Ask)
	if err != nil || !s.Exchanges.Add(&envoy.Open{Peer: peer, Call: call, Verdict: v, Exchange: x}) {
		t.Fatal("not kept", err)
	}
	return v.ID
}

// TestPaired: the exchange that ext_authz opened goes on here: one question,
// one settlement, the policy's edits and the target's key.
func TestPaired(t *testing.T) {
	e := edited(true)
	judge := e.judge
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		r, err := judge(p)
		if at := strings.Index(string(p.Whole.Raw), "12345"); at >= 0 {
			r.Splices = []decision.Splice{{Start: uint32(at), End: uint32(at) + 5, With: []byte("[X]")}}
		}
		return r, err
	}
	s := server(e)
	c := usual()
	c.metadata, c.exchange = nil, waiting(t, s, e, "uid:7")
	// The agent's token went at ext_authz already.
	head := asks("POST", pathChat, false, "content-type", "application/json")
	f := play(t, s, c, head, sends(chat, true), answers("200", "application/json", false), says(said, true))
	if got := value(f.request.mutation, "authorization"); got != "Bearer k3y" {
		t.Errorf("the key is %q", got)
	}
	if !strings.Contains(string(f.request.body), "[NAME]") || !strings.Contains(string(f.answer.body), "[X]") {
		t.Errorf("not edited: %s, %s", f.request.body, f.answer.body)
	}
	if len(e.asked) != 1 || value(f.answer.headers, "outrider-decision") != c.exchange {
		t.Errorf("%d questions, decision %q", len(e.asked), value(f.answer.headers, "outrider-decision"))
	}
	e.wantSettled(t, decision.EndCompleted)
}

// TestPairedRefused: only the call that was judged goes on with its exchange,
// and only once. Whatever happens, that is settled once.
func TestPairedRefused(t *testing.T) {
	const cannot, bad = decision.CodeFaceCannotEnforce, decision.CodeBodyInvalid
	other := strings.Replace(chat, "hello", "HELLO", 1)
	for _, tt := range []struct {
		name, peer, path, body string
		status                 int
		code                   decision.Code
		ends                   decision.End
	}{
		{"another body", "uid:7", pathChat, other, 400, bad, decision.EndFailed},
		{"a longer body", "uid:7", pathChat, chat + " ", 400, bad, decision.EndFailed},
		{"another path", "uid:7", "/v1/embeddings", chat, 400, bad, decision.EndFailed},
		{"another surface", "uid:7", "/mcp/github", chat, 400, bad, decision.EndFailed},
		{"another peer", "uid:8", pathChat, chat, 403, cannot, decision.EndUnseen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := allows(true)
			s := server(e)
			c := usual()
			c.exchange = waiting(t, s, e, tt.peer)
			f := play(t, s, c, posts(tt.path), sends(tt.body, true))
			f.wantRefused(t, tt.status, tt.code)
			if len(e.asked) != 1 {
				t.Errorf("%d questions", len(e.asked))
			}
			e.wantSettled(t, tt.ends)
		})
	}
	t.Run("twice", func(t *testing.T) {
		e := allows(false)
		s := server(e)
		c := usual()
		c.exchange = waiting(t, s, e, "uid:7")
		first := prepared(t, c, script(pathChat, chat, one(answers("200", "application/json", true))))
		if err := s.Process(first); err != nil {
			t.Fatal(err)
		}
		f := play(t, s, c, posts(pathChat), sends(chat, true))
		f.wantRefused(t, 403, cannot)
		e.wantSettled(t, decision.EndCompleted)
	})
}

// ownAnswer is a refusal of ext_authz on its way back.
func ownAnswer(effect string) *extprocv3.ProcessingRequest {
	m := answers("403", "application/json", false)
	m.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		envoy.Namespace: {Fields: map[string]*structpb.Value{envoy.EffectKey: structpb.NewStringValue(effect)}},
	}}
	return m
}

// TestOwnAnswers: what Envoy says by itself, before the request has travelled
// on, goes to the agent as it is.
func TestOwnAnswers(t *testing.T) {
	both(t, func(t *testing.T, c config) {
		refusal := `{"error":{}}`
		for name, before := range map[string][]*extprocv3.ProcessingRequest{
			"of ext_authz":            nil,
			"of a body that is large": {posts(pathChat)},
		} {
			e := allows(true)
			f := play(t, server(e), c, append(before, ownAnswer("deny"), says(refusal, true))...)
			passed := string(f.answer.body) == refusal || c.response == buffered && f.answer.done && !f.answer.replaced
			if f.refusal != nil || !passed || len(f.answer.headers.GetSetHeaders())+len(f.answer.headers.GetRemoveHeaders()) > 0 {
				t.Errorf("%s: %v %q", name, f.refusal, f.answer.body)
			}
			if len(e.asked)+len(e.settled) > 0 {
				t.Errorf("%s: asked %d, settled %d", name, len(e.asked), len(e.settled))
			}
		}
		for details, passes := range map[string]bool{"request_payload_too_large": true, "via_upstream": false, "": false} {
			m := ownAnswer("allow")
			m.Attributes = map[string]*structpb.Struct{
				"envoy.filters.http.ext_proc": {Fields: map[string]*structpb.Value{"response.code_details": structpb.NewStringValue(details)}},
			}
			f := play(t, server(allows(true)), c, m, says(said, true))
			if !passes {
				f.wantRefused(t, 403, decision.CodeFaceCannotEnforce)
			} else if f.refusal != nil {
				t.Errorf("%s: %v", details, f.refusal)
			}
		}
		f := play(t, server(allows(true)), c, ownAnswer("allow"), says(said, true))
		f.wantRefused(t, 403, decision.CodeFaceCannotEnforce)
	})
}
