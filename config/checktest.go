package config

import (
	"fmt"
	"slices"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkTest checks what takes more than one field, and reads the tables.
func (d *document) checkTest(t *configv1.PolicyTest) [][]Cell {
	d.checkName("metadata.name", t.GetMetadata().GetName())
	spec := t.GetSpec()
	d.checkAgentName("spec.agent.name", spec.GetAgent().GetName())
	principals := d.checkPrincipals(spec.GetPrincipals())
	seen := map[string]string{}
	for i, c := range spec.GetCases() {
		path := fmt.Sprintf("spec.cases[%d]", i)
		d.unique(seen, path+".name", c.GetName())
		d.checkCase(path, c, principals)
	}
	var tables [][]Cell
	for i, m := range spec.GetMatrices() {
		path := fmt.Sprintf("spec.matrices[%d]", i)
		d.unique(seen, path+".name", m.GetName())
		d.checkServerName(path+".server", m.GetServer())
		tables = append(tables, d.table(path+".table", m, principals))
	}
	if len(spec.GetCases())+len(spec.GetMatrices()) == 0 && spec != nil && d.sound("spec") {
		d.fail("spec", "spec has neither cases nor matrices", "add a case: what is asked, and what must come back")
	}
	return tables
}

func (d *document) checkPrincipals(list []*configv1.TestPrincipal) []string {
	var names []string
	seen := map[string]string{}
	for i, p := range list {
		path := fmt.Sprintf("spec.principals[%d]", i)
		d.checkName(path+".name", p.GetName())
		d.unique(seen, path+".name", p.GetName())
		names = append(names, p.GetName())
		for _, name := range [...]string{"iss", "sub", "aud", "exp", "nbf", "iat"} {
			if _, ok := p.GetClaims().GetFields()[name]; ok {
				d.fail(path+".claims."+name, fmt.Sprintf("%s.claims.%s is not for tests to give", path, name), "use issuer, subject and audiences; times are those of the test's own clock")
			}
		}
	}
	return names
}

func (d *document) checkCase(path string, c *configv1.TestCase, principals []string) {
	if name := c.GetPrincipal(); name != "" && !slices.Contains(principals, name) {
		d.fail(path+".principal", fmt.Sprintf("%s.principal: no principal is called %s", path, quoted(name)), meant(name, principals))
	}
	d.checkServerName(path+".call.server", c.GetCall().GetServer())
	d.checkServerName(path+".list.server", c.GetList().GetServer())
	d.checkServerName(path+".method.server", c.GetMethod().GetServer())
	d.checkExpectation(path+".expect", c)
}

// checkExpectation refuses what could not fail: an empty expectation, and one
// that the request cannot answer.
func (d *document) checkExpectation(path string, c *configv1.TestCase) {
	e := c.GetExpect()
	if e != nil && !d.hasBelow(path) {
		d.fail(path, path+" expects nothing", "give effect: Allow, Deny or Mutate")
	}
	if code := decision.Code(e.GetCode()); code != "" && !code.Known() {
		d.fail(path+".code", fmt.Sprintf("%s.code: %s is not a reason code", path, quoted(e.GetCode())), meant(e.GetCode(), codes()))
	}
	d.belongs(path+".text", "chat", c.GetChat() != nil)
	d.belongs(path+".model", "chat", c.GetChat() != nil)
	d.belongs(path+".maxTokens", "chat", c.GetChat() != nil)
	d.belongs(path+".arguments", "call", c.GetCall() != nil)
	d.belongs(path+".answer", "an answer of call or chat", c.GetCall().GetAnswer()+c.GetChat().GetAnswer() != "")
	for field, tools := range map[string][]string{"visible": e.GetVisible(), "hidden": e.GetHidden()} {
		d.belongs(path+"."+field, "list", c.GetList() != nil)
		for i, tool := range tools {
			if at := fmt.Sprintf("%s.%s[%d]", path, field, i); c.GetList() != nil && !slices.Contains(c.GetList().GetTools(), tool) {
				d.fail(at, fmt.Sprintf("%s: %s is not listed", at, quoted(tool)), meant(tool, c.GetList().GetTools()))
			}
		}
	}
}

// belongs refuses an expectation that only another request can answer.
func (d *document) belongs(path, request string, does bool) {
	if d.has(path) && !does {
		d.fail(path, path+" goes with "+request+" alone", "remove it")
	}
}

// hasBelow reports whether a field of the message at path is written.
func (d *document) hasBelow(path string) bool {
	fields := (&configv1.TestExpectation{}).ProtoReflect().Descriptor()
	return slices.ContainsFunc(keysOf(fields), func(key string) bool { return d.has(join(path, key)) })
}

func codes() []string {
	var out []string
	for _, e := range decision.Registry() {
		out = append(out, string(e.Code))
	}
	return out
}
