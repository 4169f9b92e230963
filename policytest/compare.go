package policytest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Mismatch is one thing that came otherwise than it was expected.
type Mismatch struct {
	What, Want, Got string
}

// nothing stands for what did not come.
const nothing = "nothing"

// compare holds an answer against everything that is expected of it.
func compare(e *configv1.TestExpectation, a *Answer) []Mismatch {
	v := a.Verdict
	c := comparison{}
	c.equal("effect", e.GetEffect(), effectName(v.Effect))
	c.equal("code", e.GetCode(), string(v.Reason.Code))
	c.part("rule", e.GetRule(), v.Reason.Rule)
	c.part("message", e.GetMessage(), v.Reason.Message)
	c.names("visible", e.GetVisible(), a.Visible)
	c.names("hidden", e.GetHidden(), a.Hidden)
	c.names("findings", e.GetFindings(), a.Findings)
	c.equal("text", e.GetText(), a.Text)
	c.equal("answer", e.GetAnswer(), a.Returned)
	if e.GetArguments() != nil && !reflect.DeepEqual(any(e.GetArguments().AsMap()), a.Args) {
		c.add("arguments", jsonText(e.GetArguments().AsMap()), jsonText(a.Args))
	}
	for _, want := range e.GetObserved() {
		if !slices.ContainsFunc(a.Observed, func(got string) bool { return strings.Contains(got, want) }) {
			c.add("observed", want, strings.Join(a.Observed, "; "))
		}
	}
	return c
}

type comparison []Mismatch

func (c *comparison) add(what, want, got string) {
	if got == "" {
		got = nothing
	}
	*c = append(*c, Mismatch{what, want, got})
}

func (c *comparison) equal(what, want, got string) {
	if want != "" && want != got {
		c.add(what, want, got)
	}
}

func (c *comparison) part(what, want, got string) {
	if want != "" && !strings.Contains(got, want) {
		c.add(what, want, got)
	}
}

// names compares without order.
func (c *comparison) names(what string, want, got []string) {
	want = slices.Clone(want)
	slices.Sort(want)
	if len(want) > 0 && !slices.Equal(slices.Compact(want), got) {
		c.add(what, strings.Join(want, ", "), strings.Join(got, ", "))
	}
}

// effectName spells an effect as documents do.
func effectName(e decision.Effect) string {
	name := e.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

func jsonText(v any) string {
	if v == nil {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
