package wire

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// FuzzRequest reads arbitrary bytes as a question: nothing panics, what is
// accepted lies inside its body, and says the same when it travels again.
func FuzzRequest(f *testing.F) {
	for seed := range uint64(20) {
		raw, err := proto.Marshal(RequestProto(newRandom(seed).request()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &decisionv1.Request{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		r, err := Request(m)
		if err != nil {
			return
		}
		size := len(r.Body.Raw)
		for i, s := range r.Body.Segments {
			if int(s.ID) != i || s.Start > s.End || int(s.End) > size || size > 0 && s.Text != "" {
				t.Fatalf("segment %d of a body of %d: %+v", i, size, s)
			}
		}
		if r.Tool.ArgsStart > r.Tool.ArgsEnd || int(r.Tool.ArgsEnd) > size || len(r.Arguments()) > max(size, len(r.Tool.Args)) {
			t.Fatalf("arguments of a body of %d: %+v", size, r.Tool)
		}
		again, err := Request(carried(t, RequestProto(r)))
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, again, r)
	})
}

// FuzzAnswer reads arbitrary bytes as whatever a decision service may answer.
func FuzzAnswer(f *testing.F) {
	tools := []decision.Tool{{Definition: make([]byte, 20)}, {}, {Definition: make([]byte, 7)}}
	const body = 64
	for seed := range uint64(20) {
		r := newRandom(seed)
		for _, m := range []*decisionv1.ExchangeResponse{
			{Message: &decisionv1.ExchangeResponse_Verdict{Verdict: VerdictProto(r.verdict(body))}},
			{Message: &decisionv1.ExchangeResponse_Ruling{Ruling: RulingProto(&decision.Ruling{Splices: r.splices(body)})}},
			{Message: &decisionv1.ExchangeResponse_Visible{Visible: VisibilityProto(r.visibility(tools))}},
		} {
			raw, err := proto.Marshal(m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &decisionv1.ExchangeResponse{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		if v, err := Verdict(m.GetVerdict(), body); err == nil {
			inside(t, v.Splices, body)
		}
		if r, err := ruling(m.GetRuling(), body); err == nil {
			inside(t, r.Splices, body)
		}
		if v, err := visibility(m.GetVisible(), tools); err == nil {
			for _, s := range v.Splices {
				inside(t, []decision.Splice{s}, len(tools[s.Index].Definition))
			}
		}
		_ = Grant(m.GetGrant())
	})
}

// FuzzOutcome reads arbitrary bytes as how an exchange ended: what is read says the same
// when it travels again.
func FuzzOutcome(f *testing.F) {
	for seed := range uint64(20) {
		var o decision.Outcome
		newRandom(seed).fill(reflect.ValueOf(&o).Elem())
		raw, err := proto.Marshal(outcomeProto(&o))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &decisionv1.Outcome{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		o := Outcome(m)
		wantSame(t, Outcome(carried(t, outcomeProto(&o))), o)
	})
}

func inside(t *testing.T, list []decision.Splice, body int) {
	t.Helper()
	var at uint32
	for _, s := range list {
		if s.Start < at || s.End < s.Start || int(s.End) > body {
			t.Fatalf("%+v in a body of %d", list, body)
		}
		at = s.End
	}
}
