package wire

import (
	"reflect"
	"testing"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// rounds is enough that every field was set, and every list empty and not.
const rounds = 400

func each(t *testing.T, check func(t *testing.T, r random)) {
	t.Helper()
	for seed := range uint64(rounds) {
		check(t, newRandom(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestRequestRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		want := r.request()
		got, err := Request(carried(t, RequestProto(want)))
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, got, want)
	})
}

func TestVerdictRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		body := r.IntN(100)
		want := r.verdict(body)
		got, err := Verdict(carried(t, VerdictProto(want)), body)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, got, want)
	})
}

func TestGrantRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		var want decision.Grant
		r.fill(reflect.ValueOf(&want).Elem())
		want.Credential = r.credential()
		wantSame(t, Grant(carried(t, GrantProto(&want))), &want)
	})
	if got := Grant(carried(t, GrantProto(nil))); got != nil {
		t.Fatalf("no grant became %+v", got)
	}
	unbounded := decision.Grant{Target: decision.Target{Provider: "local"}}
	if got := Grant(carried(t, GrantProto(&unbounded))); !got.Expires.IsZero() {
		t.Fatalf("a grant without an end ends at %v", got.Expires)
	}
}

func TestPartRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		body, tools := r.body(), r.tools()
		var deltas []decision.Delta
		r.fill(reflect.ValueOf(&deltas).Elem())

		gotBody, err := Body(carried(t, partProto(&decision.Part{Whole: &body})).GetWhole())
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, gotBody, &body)
		gotTools, err := Tools(carried(t, partProto(&decision.Part{Tools: tools})).GetTools())
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, gotTools, tools)
		gotDeltas, err := Deltas(carried(t, partProto(&decision.Part{Deltas: deltas})).GetDeltas())
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, gotDeltas, deltas)
	})
}

func TestRulingRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		var want decision.Ruling
		r.fill(reflect.ValueOf(&want).Elem())
		want.Visibility = nil // travels in a message of its own
		body := r.IntN(100)
		want.Splices = r.splices(body)
		got, err := ruling(carried(t, RulingProto(&want)), body)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, got, &want)
	})
}

func TestVisibilityRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		tools := r.tools()
		want := r.visibility(tools)
		got, err := visibility(carried(t, VisibilityProto(want)), tools)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, got, want)
	})
}

func TestOutcomeRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, r random) {
		var want decision.Outcome
		r.fill(reflect.ValueOf(&want).Elem())
		wantSame(t, Outcome(carried(t, outcomeProto(&want))), want)
	})
}

// TestEffectOfAnotherVersion reads what this build does not know as a denial.
func TestEffectOfAnotherVersion(t *testing.T) {
	for _, e := range []decisionv1.Effect{decisionv1.Effect_EFFECT_UNSPECIFIED, decisionv1.Effect_EFFECT_DENY, 4, -1} {
		if got := effect(e); got != decision.Deny {
			t.Errorf("effect %d was read as %s", e, got)
		}
	}
	if got := effectProto(decision.Effect(200)); got != decisionv1.Effect_EFFECT_DENY {
		t.Errorf("an effect that does not exist was sent as %s", got)
	}
}

// TestSecretFieldsAreMarked: tools that print messages, the reference among
// them, hide what the schema marks.
func TestSecretFieldsAreMarked(t *testing.T) {
	for message, fields := range map[string][]string{
		"Caller": {"bearer"}, "Body": {"raw"}, "Segment": {"text"}, "Tool": {"args"},
		"Splice": {"with"}, "HeaderOp": {"value"}, "Delta": {"text"}, "SigV4": {"secret", "session_token"},
	} {
		for _, field := range fields {
			if !redacted(message, field) {
				t.Errorf("%s.%s lacks debug_redact", message, field)
			}
		}
	}
}
