package authz

import (
	"strings"

	"outrider.dev/outrider/authz/input"
)

// skips says why the rule does not apply to the call, empty where it does.
func (r *rule) skips(c *input.Call) string {
	switch lacking := r.roots &^ c.Roots(); {
	case lacking&input.LLM != 0:
		return "it is about LLM calls"
	case lacking&input.MCP != 0:
		return "it is about MCP calls"
	case lacking&input.Tool != 0:
		return "it is about calls of tools"
	case lacking != 0:
		return "it is about calls with " + lacking.String()
	}
	if len(r.target.servers) > 0 && c.Server() == "" {
		return "it is about one server, and the call means all of them"
	}
	if r.stage() == input.Guarded && !c.Guarded {
		return "it waits for what the guards find"
	}
	return r.target.differs(c)
}

// differs says which of the target's names the call lacks.
func (t target) differs(c *input.Call) string {
	for _, list := range []struct {
		what  string
		globs []glob
		name  string
	}{
		{"tools", t.tools, c.ToolName()},
		{"servers", t.servers, c.Server()},
		{"models", t.models, c.Request.LLM.Model},
		{"methods", t.methods, c.Method},
		{"agents", t.agents, c.Request.Caller.Agent},
		{"providers", t.providers, c.Provider},
	} {
		if !matchAny(list.globs, list.name) {
			return "it is about other " + list.what + ": " + named(list.globs)
		}
	}
	if t.times()&phaseOf(c) != 0 {
		return ""
	}
	names := map[phases]string{onList: "lists", onCall: "calls", onResult: "answers"}
	var about []string
	for _, phase := range []phases{onList, onCall, onResult} {
		if t.times()&phase != 0 {
			about = append(about, names[phase])
		}
	}
	return "it is about " + strings.Join(about, " and ") + ", not about " + names[phaseOf(c)]
}

// maxGlobs bounds how many patterns a note names.
const maxGlobs = 8

// named lists patterns as they were written.
func named(globs []glob) string {
	names := make([]string, 0, maxGlobs+1)
	for _, g := range globs[:min(len(globs), maxGlobs)] {
		names = append(names, strings.Join(g, "*"))
	}
	if len(globs) > maxGlobs {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
