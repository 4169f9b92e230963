package policytest

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// examples are the suites of the examples.
func examples(t *testing.T) []*Suite {
	t.Helper()
	suites, err := Load("../examples/policies")
	if err != nil || len(suites) < 4 {
		t.Fatalf("%d suites, %v", len(suites), err)
	}
	return suites
}

// answers runs the suite's questions in the given order, with one engine for
// each, and returns the answers by name, without what is new each time.
func answers(t *testing.T, s *Suite, order []question) map[string]Answer {
	t.Helper()
	out := map[string]Answer{}
	for _, q := range order {
		e, seen, err := s.engine(s.compiled)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.answer(context.Background(), e, q)
		if err != nil {
			t.Fatal(err)
		}
		a.Observed, a.Mutations = observed(seen.list), mutations(seen.list)
		if err := s.judgeAnswer(context.Background(), q, a); err != nil {
			t.Fatal(err)
		}
		forget(a)
		out[q.GetName()] = *a
	}
	return out
}

// forget drops what is new each time.
func forget(a *Answer) {
	a.Verdict.ID, a.request = "", nil
	for i, s := range a.Verdict.Splices {
		a.Verdict.Splices[i].With = []byte(unmarked(string(s.With)))
	}
}

// TestOrderDoesNotMatter: a run answers as one that asks in another order and
// shares nothing between the cases.
func TestOrderDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range examples(t) {
		results, err := s.Run(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		order := s.questions()
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		alone := answers(t, s, order)
		for _, r := range results {
			forget(&r.Answer)
			if !reflect.DeepEqual(r.Answer, alone[r.Name]) {
				t.Errorf("%s: in a row %+v, alone %+v", s.FullName(r.Name), r.Answer, alone[r.Name])
			}
		}
	}
}

// spoiled returns expectations of which each differs from e in one thing that
// e expects.
func spoiled(e *configv1.TestExpectation) []*configv1.TestExpectation {
	var out []*configv1.TestExpectation
	spoil := func(given bool, change func(*configv1.TestExpectation)) {
		if given {
			other := proto.CloneOf(e)
			change(other)
			out = append(out, other)
		}
	}
	for _, effect := range []string{"Allow", "Deny", "Mutate"} {
		spoil(e.GetEffect() != "" && e.GetEffect() != effect, func(o *configv1.TestExpectation) { o.Effect = effect })
	}
	spoil(e.GetCode() != "", func(o *configv1.TestExpectation) { o.Code = "overloaded" })
	spoil(e.GetRule() != "", func(o *configv1.TestExpectation) { o.Rule += "-no" })
	spoil(e.GetMessage() != "", func(o *configv1.TestExpectation) { o.Message += " no." })
	spoil(e.GetText() != "", func(o *configv1.TestExpectation) { o.Text += " no." })
	spoil(e.GetAnswer() != "", func(o *configv1.TestExpectation) { o.Answer += " no." })
	spoil(e.GetArguments() != nil, func(o *configv1.TestExpectation) {
		o.Arguments.Fields["no"] = o.Arguments.Fields["repo"]
	})
	spoil(len(e.GetVisible()) > 0, func(o *configv1.TestExpectation) { o.Visible = append(o.Visible, "no") })
	spoil(len(e.GetVisible()) > 1, func(o *configv1.TestExpectation) { o.Visible = o.Visible[1:] })
	spoil(len(e.GetHidden()) > 0, func(o *configv1.TestExpectation) { o.Hidden = append(o.Hidden, "no") })
	spoil(len(e.GetFindings()) > 0, func(o *configv1.TestExpectation) { o.Findings = append(o.Findings, "no") })
	spoil(len(e.GetObserved()) > 0, func(o *configv1.TestExpectation) { o.Observed = append(o.Observed, "no-no") })
	return out
}

// TestEveryExpectationCanFail: no expectation of the examples passes when one
// thing in it is wrong, and exactly that is reported.
func TestEveryExpectationCanFail(t *testing.T) {
	tried := 0
	for _, s := range examples(t) {
		questions := s.questions()
		got := answers(t, s, questions)
		for _, q := range questions {
			a := got[q.GetName()]
			if wrong := compare(q.GetExpect(), &a); len(wrong) > 0 {
				t.Errorf("%s fails: %v", s.FullName(q.GetName()), wrong)
			}
			for _, other := range spoiled(q.GetExpect()) {
				tried++
				if wrong := compare(other, &a); len(wrong) != 1 || wrong[0].Want == wrong[0].Got {
					t.Errorf("%s passes with %v, or says %v", s.FullName(q.GetName()), other, wrong)
				}
			}
		}
	}
	if tried < 400 {
		t.Errorf("only %d were tried", tried)
	}
}

// TestCoverageGrows: more cases never cover less, and each case covers on its
// own what it adds.
func TestCoverageGrows(t *testing.T) {
	for _, s := range examples(t) {
		all, err := s.Coverage(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		united := make([]bool, len(all))
		for _, q := range s.questions() {
			some, err := s.Coverage(context.Background(), pattern("^"+quoteMeta(s.FullName(q.GetName()))+"$"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range some {
				united[i] = united[i] || some[i].Covered
			}
		}
		for i := range all {
			if all[i].Covered != united[i] {
				t.Errorf("%s: %s: together %v, one by one %v", s.Name(), all[i].Name, all[i].Covered, united[i])
			}
		}
	}
}

// TestStoryTwins: the story in CEL and its twin in Rego answer the same, but
// for the words of rules.
func TestStoryTwins(t *testing.T) {
	effects := map[string][]string{}
	for _, s := range examples(t) {
		if s.Name() != "story" && s.Name() != "story-rego" {
			continue
		}
		for name, a := range answers(t, s, s.questions()) {
			effects[s.Name()] = append(effects[s.Name()], name+" "+a.Verdict.Effect.String()+" "+string(a.Verdict.Reason.Code)+" "+a.Text)
		}
		slices.Sort(effects[s.Name()])
	}
	if len(effects["story"]) < 50 || !slices.Equal(effects["story"], effects["story-rego"]) {
		t.Errorf("CEL: %d answers, Rego: %d answers:\n%v\n%v", len(effects["story"]), len(effects["story-rego"]), effects["story"], effects["story-rego"])
	}
}
