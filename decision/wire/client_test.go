package wire

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func question() *decision.Request {
	return &decision.Request{
		ExchangeID: "exchange-1", Surface: decision.LLM, Method: "openai.chat",
		Caller: decision.Caller{Agent: "devops-copilot", Bearer: decision.Secret("jwt")},
		Body:   decision.Body{Dialect: "openai.chat", Raw: []byte(`{"model":"m"}`)},
	}
}

func TestClientCheck(t *testing.T) {
	want := &decision.Verdict{ID: "exchange-1", Effect: decision.Mutate, Splices: []decision.Splice{{Start: 1, End: 2, With: []byte("x")}}}
	var got *decisionv1.Request
	c, _ := serve(t, &scripted{check: func(m *decisionv1.Request) (*decisionv1.Verdict, error) {
		got = m
		return VerdictProto(want), nil
	}})
	v, err := c.Check(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, v, want)
	if !proto.Equal(got, RequestProto(question())) {
		t.Fatalf("the service was asked %v", got)
	}
}

func TestClientFilterTools(t *testing.T) {
	tools := []decision.Tool{{Server: "github", Name: "list_issues"}, {Server: "github", Name: "delete_repo"}}
	c, _ := serve(t, &scripted{filter: func(m *decisionv1.FilterToolsRequest) (*decisionv1.Visibility, error) {
		if len(m.GetTools().GetTools()) != 2 || m.GetRequest().GetCaller().GetAgent() != "devops-copilot" {
			return nil, status.Error(codes.InvalidArgument, "another question")
		}
		return &decisionv1.Visibility{Bitmap: []byte{1}}, nil
	}})
	v, err := c.FilterTools(t.Context(), question(), tools)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Visible(0) || v.Visible(1) {
		t.Fatalf("got %b", v.Bitmap)
	}
}

func TestClientErrorsKeepTheirStatus(t *testing.T) {
	refusal := status.Error(codes.ResourceExhausted, "too much at once")
	c, _ := serve(t, &scripted{
		check:    func(*decisionv1.Request) (*decisionv1.Verdict, error) { return nil, refusal },
		filter:   func(*decisionv1.FilterToolsRequest) (*decisionv1.Visibility, error) { return nil, refusal },
		exchange: func(conversation) error { return refusal },
	})
	_, err := c.Check(t.Context(), question())
	wantStatus(t, err, codes.ResourceExhausted)
	_, err = c.FilterTools(t.Context(), question(), nil)
	wantStatus(t, err, codes.ResourceExhausted)
	v, ex, err := c.Open(t.Context(), question())
	wantStatus(t, err, codes.ResourceExhausted)
	if v != nil || ex != nil {
		t.Fatalf("an error came with %v, %v", v, ex)
	}
}

func wantStatus(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("got %v, want a status of %s", err, code)
	}
}

// TestExchangeInOrder plays one call with everything that may happen in it.
func TestExchangeInOrder(t *testing.T) {
	seen := make(chan *decisionv1.ExchangeRequest, 10)
	second := &decision.Grant{Target: decision.Target{Provider: "second", Origin: "https://second.example"}}
	whole := &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: 0, End: 2, With: []byte("[]")}}}
	deltas := &decision.Ruling{Effect: decision.Allow, Releases: []decision.Release{{Lane: "0", Upto: 3}}}
	c, _ := serve(t, &scripted{exchange: after(seen,
		answerVerdict(granted()), answerGrant(second), answerGrant(nil), answerRuling(whole), answerRuling(deltas),
		answerVisible(&decision.Visibility{Bitmap: []byte{2}}), answerSettled())})

	v, ex, err := c.Open(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, v, granted())
	wantAsked(t, seen, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Ask{Ask: RequestProto(question())}})

	g, err := ex.Attempt(t.Context(), decision.Attempt{FailedProvider: "first", Error: "status 503"})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, g, second)
	wantAsked(t, seen, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Attempt{
		Attempt: &decisionv1.Attempt{FailedProvider: "first", Error: "status 503"},
	}})
	if g, err = ex.Attempt(t.Context(), decision.Attempt{FailedProvider: "second"}); g != nil || err != nil {
		t.Fatalf("there is no third: got %v, %v", g, err)
	}
	<-seen

	for _, step := range []struct {
		part decision.Part
		want *decision.Ruling
	}{
		{decision.Part{Whole: &decision.Body{Raw: []byte("{}")}}, whole},
		{decision.Part{Deltas: []decision.Delta{{Lane: "0", Text: "abc", Last: true}}}, deltas},
		{decision.Part{Tools: make([]decision.Tool, 2)}, &decision.Ruling{Effect: decision.Allow, Visibility: &decision.Visibility{Bitmap: []byte{2}}}},
	} {
		r, err := ex.Judge(t.Context(), step.part)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, r, step.want)
		wantAsked(t, seen, partProto(&step.part))
	}

	o := decision.Outcome{ExchangeID: "exchange-1", Settlement: []byte("handle"), End: decision.EndCompleted, Usage: decision.Usage{Input: 3}}
	if err := ex.Settle(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	wantAsked(t, seen, &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Outcome{Outcome: outcomeProto(&o)}})
	if err := ex.Settle(t.Context(), o); err != nil {
		t.Fatalf("a second settlement does nothing: %v", err)
	}
	if _, err := ex.Judge(t.Context(), decision.Part{}); !errors.Is(err, errClosed) {
		t.Fatalf("after the outcome: %v", err)
	}
	if len(seen) != 0 {
		t.Fatalf("the service heard more: %v", <-seen)
	}
}

func wantAsked(t *testing.T, seen <-chan *decisionv1.ExchangeRequest, want *decisionv1.ExchangeRequest) {
	t.Helper()
	if got := wait(t, seen, "the question"); !proto.Equal(got, want) {
		t.Fatalf("the service was asked %v, want %v", got, want)
	}
}

func TestOpenDenied(t *testing.T) {
	ended := make(chan error, 1)
	denial := &decision.Verdict{ID: "exchange-1", Reason: decision.Reason{Code: decision.CodeNotAllowed, Message: "no"}}
	c, _ := serve(t, &scripted{exchange: func(st conversation) error {
		if _, err := st.Recv(); err != nil {
			return err
		}
		err := st.Send(answerVerdict(denial))
		ended <- st.Context().Err()
		return err
	}})
	v, ex, err := c.Open(t.Context(), question())
	if err != nil || ex != nil {
		t.Fatalf("got %v, %v", ex, err)
	}
	wantSame(t, v, denial)
	if err := wait(t, ended, "the end of the stream"); err != nil {
		t.Fatalf("the service saw a cancelled call instead of a finished one: %v", err)
	}
}

// TestOpenRefusesWhatDoesNotFit: a verdict that cannot be carried out ends the
// exchange, so that the service gives back what it had reserved.
func TestOpenRefusesWhatDoesNotFit(t *testing.T) {
	for name, answer := range map[string]*decisionv1.ExchangeResponse{
		"splices beyond the body": answerVerdict(&decision.Verdict{Effect: decision.Mutate, Splices: []decision.Splice{{End: 1000}}}),
		"a grant without target": {Message: &decisionv1.ExchangeResponse_Verdict{Verdict: &decisionv1.Verdict{
			Effect: decisionv1.Effect_EFFECT_ALLOW, Grants: []*decisionv1.Grant{{}},
		}}},
		"no verdict":     answerSettled(),
		"no message":     {},
		"another answer": answerRuling(&decision.Ruling{Effect: decision.Allow}),
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			c, _ := serve(t, &scripted{exchange: func(st conversation) error {
				defer close(ended)
				if _, err := st.Recv(); err != nil {
					return err
				}
				if err := st.Send(answer); err != nil {
					return err
				}
				_, _ = st.Recv()
				return nil
			}})
			v, ex, err := c.Open(t.Context(), question())
			wantCode(t, err, decision.CodeInternal)
			if v != nil || ex != nil {
				t.Fatalf("got %v, %v", v, ex)
			}
			wait(t, ended, "the end of the stream")
		})
	}
}

func TestAnswersOutOfTurn(t *testing.T) {
	for name, answer := range map[string]*decisionv1.ExchangeResponse{
		"a verdict":  answerVerdict(granted()),
		"settled":    answerSettled(),
		"no message": {},
	} {
		t.Run(name, func(t *testing.T) {
			seen := make(chan *decisionv1.ExchangeRequest, 10)
			c, _ := serve(t, &scripted{exchange: after(seen, answerVerdict(granted()), answer, answer, answer, answer, answerSettled())})
			_, ex, err := c.Open(t.Context(), question())
			if err != nil {
				t.Fatal(err)
			}
			g, err := ex.Attempt(t.Context(), decision.Attempt{})
			wantCode(t, err, decision.CodeInternal)
			if g != nil {
				t.Fatalf("granted %v", g)
			}
			for _, p := range []decision.Part{{Whole: &decision.Body{}}, {Deltas: []decision.Delta{{}}}, {Tools: []decision.Tool{{}}}} {
				r, err := ex.Judge(t.Context(), p)
				wantCode(t, err, decision.CodeInternal)
				if r != nil {
					t.Fatalf("ruled %v", r)
				}
			}
			if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
				t.Fatalf("the exchange can still be settled: %v", err)
			}
		})
	}
}

// TestToolsDenied: a ruling in the place of a visibility denies, whatever it
// says, because it shows no tool.
func TestToolsDenied(t *testing.T) {
	for _, effect := range []decision.Effect{decision.Deny, decision.Allow, decision.Mutate} {
		seen := make(chan *decisionv1.ExchangeRequest, 10)
		said := &decision.Ruling{Effect: effect, Reason: decision.Reason{Code: decision.CodeRuleError}}
		c, _ := serve(t, &scripted{exchange: after(seen, answerVerdict(granted()), answerRuling(said), answerSettled())})
		_, ex, err := c.Open(t.Context(), question())
		if err != nil {
			t.Fatal(err)
		}
		r, err := ex.Judge(t.Context(), decision.Part{Tools: make([]decision.Tool, 1)})
		if err != nil || r.Effect != decision.Deny || r.Reason.Code != decision.CodeRuleError || r.Visibility != nil {
			t.Fatalf("%s: got %+v, %v", effect, r, err)
		}
		if err := ex.Settle(t.Context(), decision.Outcome{}); err != nil {
			t.Fatal(err)
		}
	}
}
