package policytest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
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
	c.changes(e, a)
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

// changes compares what mutations made of the call.
func (c *comparison) changes(e *configv1.TestExpectation, a *Answer) {
	c.equal("model", e.GetModel(), a.Model)
	if e.GetMaxTokens() > 0 {
		c.equal("maxTokens", strconv.FormatUint(e.GetMaxTokens(), 10), strconv.FormatUint(a.MaxTokens, 10))
	}
	if want := lowerNames(e.GetHeaders()); len(want) > 0 && !maps.Equal(want, a.Headers) {
		c.add("headers", jsonText(want), jsonText(a.Headers))
	}
	if len(e.GetMutations()) > 0 && !matched(e.GetMutations(), a.Mutations) {
		c.add("mutations", strings.Join(e.GetMutations(), ", "), strings.Join(a.Mutations, ", "))
	}
}

func lowerNames(headers map[string]string) map[string]string {
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		out[strings.ToLower(name)] = value
	}
	return out
}

// matched reports whether each part stands in one of the names and each name
// holds one of the parts.
func matched(parts, names []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, part) })
	}) && !slices.ContainsFunc(names, func(name string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
	})
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
