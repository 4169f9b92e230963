package authzen

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"outrider.dev/outrider/decision"
)

// batchOf asks n questions in one request, each about a call of a tool whose
// server declares the mapping that is made of its number.
func batchOf(t *testing.T, r *recorder, n int, mapping func(i int) string) []Decision {
	t.Helper()
	var list []string
	for i := range n {
		list = append(list, `{"resource":{"type":"tool","id":"transfer","properties":{"arguments":{"n":[1,2,3,4,5,6,7,8,9]},"x-authzen-mapping":`+mapping(i)+`}}}`)
	}
	got, err := serviceOf(r).Evaluations(t.Context(), []byte(`{"subject":{"type":"identity","id":"alice"},"action":{"name":"tools/call"},
		"context":{"agent":"copilot","token":"`+token(claims)+`"},"evaluations":[`+strings.Join(list, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return got.(*Decisions).Evaluations
}

func evaluating(expressions ...string) string {
	return `{"evaluation":{"action":{"name":"a"},"resource":{"type":"r","id":"1","properties":{"x":["$` + strings.Join(expressions, `","$`) + `"]}}}}`
}

// TestMappingsOfOneRequest share what they may spend, however many they are.
// What is the same in all of them is compiled once.
func TestMappingsOfOneRequest(t *testing.T) {
	for name, c := range map[string]struct {
		mapping func(i int) string
		passed  int // of 256, and no others behind them
		says    string
	}{
		"all alike": {func(int) string {
			return evaluating("params.arguments.n", "token.sub", "token.roles.exists(r, r == 'x')")
		}, 256, ""},
		"few differ": {func(i int) string { return evaluating("params.arguments.n.size() > " + fmt.Sprint(i)) }, 256, ""},
		"many expressions": {func(i int) string {
			var all []string
			for k := range 60 {
				all = append(all, fmt.Sprintf("%d + %d", i, k))
			}
			return evaluating(all...)
		}, 7, spentCompiling},
		"long expressions":   {func(i int) string { return evaluating(fmt.Sprintf("'%01000d'", i)) }, 30, spentCompiling},
		"none that compiles": {func(i int) string { return evaluating(fmt.Sprintf("nobody%0900d", i)) }, 0, "does not compile"},
		"dear ones": {func(int) string {
			return evaluating("params.arguments.n.all(a, params.arguments.n.all(b, params.arguments.n.all(c, true)))")
		}, -1, spentCounting},
		"large ones": {func(int) string { return evaluating("params.arguments.n" + strings.Repeat(".map(a,[a,a])", 8)) }, -1, "more than a mapping may hold"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{verdict: verified}
			got, passed := batchOf(t, r, 256, c.mapping), 0
			for ; passed < len(got) && got[passed].Decision; passed++ {
			}
			if len(got) != 256 || c.passed >= 0 && passed != c.passed || c.passed < 0 && (passed < 2 || passed > 250) {
				t.Errorf("%d of %d pass", passed, len(got))
			}
			for i, d := range got[passed:] {
				if d.Decision || d.Context.Reason != decision.CodeMappingInvalid {
					t.Fatalf("%d behind the first that fails: %+v", i, d)
				}
			}
			if passed < 256 && !strings.Contains(got[passed].Context.ReasonUser["403"], c.says) {
				t.Errorf("%q does not say %q", got[passed].Context.ReasonUser, c.says)
			}
			if r.turns != 256 || r.held != 0 {
				t.Errorf("%d turns were taken, %d are held", r.turns, r.held)
			}
		})
	}
}

// TestMappingsWaitTheirTurn: what mappings take is work as that on questions,
// and what is shed of it is decided by nobody.
func TestMappingsWaitTheirTurn(t *testing.T) {
	busy := decision.Refuse(decision.CodeOverloaded, "later")
	r := &recorder{verdict: verified, busy: busy}
	question := `"subject":{"type":"identity","id":"alice"},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"x","properties":{"arguments":{},"x-authzen-mapping":` + evaluating("1") + `}}`
	d, err := serviceOf(r).Evaluation(t.Context(), []byte(`{`+question+`}`))
	if !errors.Is(err, busy) || d.Decision {
		t.Errorf("%+v, %v", d, err)
	}
	many, err := serviceOf(r).Evaluations(t.Context(), []byte(`{`+question+`,"evaluations":[{},{}]}`))
	if !errors.Is(err, busy) {
		t.Errorf("%+v, %v", many, err)
	}
	r.asked, r.busy = nil, nil
	if _, err = serviceOf(r).Evaluation(t.Context(), []byte(`{"subject":{"type":"identity","id":"alice"},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"x"}}`)); err != nil || r.turns != 0 {
		t.Errorf("without a mapping %d turns were taken, %v", r.turns, err)
	}
}

// TestNestedExpressions: the depth of one is bounded, since what it costs to
// check grows far faster than its length.
func TestNestedExpressions(t *testing.T) {
	env, err := language()
	if err != nil {
		t.Fatal(err)
	}
	for text, compiles := range map[string]bool{
		strings.Repeat("[", 10) + "1" + strings.Repeat("]", 10):             true,
		strings.Repeat("[", 200) + "1" + strings.Repeat("]", 200):           false,
		strings.Repeat("{1:", 100) + "1" + strings.Repeat("}", 100):         false,
		strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200):           false,
		strings.Repeat("[1].all(x,", 60) + "true" + strings.Repeat(")", 60): false,
		"params.arguments.a.b.c.d.e.f.g.h.i.j.k":                            true,
	} {
		program, err := newBudget().program(env, text)
		if err != nil || (program != nil) != compiles {
			t.Errorf("%.40s: compiles %v, %v", text, program != nil, err)
		}
	}
}

// TestBudgetEnds: it ends with the last byte, and what is known is free.
func TestBudgetEnds(t *testing.T) {
	env, err := language()
	if err != nil {
		t.Fatal(err)
	}
	b := newBudget()
	b.compile = 2 * (compiledCost + 1)
	for _, c := range []struct {
		text string
		ends bool
	}{{"1", false}, {"1", false}, {"]", false}, {"]", false}, {"2", true}, {"1", false}, {"]", false}} {
		program, err := b.program(env, c.text)
		if (err != nil) != c.ends || !c.ends && (program == nil) != (c.text == "]") {
			t.Errorf("%s: %v, %v", c.text, program, err)
		}
	}
	if err := newBudget().spend(&cel.EvalDetails{}); err != nil {
		t.Error(err)
	}
}
