package authz

import (
	"errors"
	"fmt"
	"slices"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/rego"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// builder compiles one document and gathers what is wrong with it.
type builder struct {
	src            Source
	compiler       *cel.Compiler
	schema         input.Schema
	policy         *Policy
	allows, denies []*rule
	changes        []*rule // mutations
	errs           []error
}

// index is the path of a list's element.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// at returns the place of a field, empty where nobody knows it.
func (b *builder) at(path string) string {
	if b.src.At == nil {
		return ""
	}
	return b.src.At(path)
}

// refuse notes a mistake and goes on, so that an author sees all of them.
func (b *builder) refuse(path, problem, fix string) {
	b.errs = append(b.errs, &LoadError{Policy: b.policy.Name, At: b.at(path), Path: path, Problem: problem, Fix: fix})
}

// build compiles the document section by section. A section that is refused
// leaves the policy incomplete; [NewSet] returns no set then.
func (b *builder) build(atoms *cel.Atoms) {
	doc, p := b.src.Doc, b.policy
	if p.Name = doc.GetMetadata().GetName(); p.Name == "" {
		b.refuse("metadata.name", "the policy has no name", "give it one: every verdict carries it")
	}
	spec := doc.GetSpec()
	switch spec.GetEnforcement() {
	case "", "Enforce":
	case "Observe":
		p.Observe = true
	default:
		b.refuse("spec.enforcement", "the value is unknown", "use Enforce or Observe")
	}
	switch doc.GetKind() {
	case "", "AgentPolicy":
	case "ClusterAgentPolicy":
		p.Cluster = true
	default:
		b.refuse("kind", "the kind is unknown", "use AgentPolicy or ClusterAgentPolicy")
	}
	b.words(atoms, spec)
	b.selector(spec.GetAgents())
	p.auth = b.authentication(spec.GetTraffic().GetJwtAuthentication())
	b.mcp(spec.GetBackend().GetMcp())
	b.models(spec.GetBackend().GetLlm().GetModels())
	for i, r := range spec.GetRules() {
		b.named(index("spec.rules", i), i, r)
	}
	for i, m := range spec.GetMutations() {
		b.mutation(index("spec.mutations", i), i, m)
	}
	b.rego(spec)
	b.stages()
}

// selector compiles which agents the policy selects.
func (b *builder) selector(doc *configv1.AgentSelector) {
	b.policy.selector = newSelector(doc)
	for field, patterns := range map[string][]string{"names": doc.GetNames(), "namespaces": doc.GetNamespaces(), "serviceAccounts": doc.GetServiceAccounts()} {
		b.patterns("spec.agents."+field, patterns)
	}
}

// patterns refuses empty ones: they match nothing that has a name, which is
// hardly what the author of a list meant.
func (b *builder) patterns(path string, patterns []string) {
	if i := slices.Index(patterns, ""); i >= 0 {
		b.refuse(index(path, i), "the pattern is empty", "write a name, or * for every name")
	}
}

// mcp compiles the expressions of backend.mcp, which are about MCP whatever
// they read: a deny there that needs no tool still leaves LLM calls alone.
func (b *builder) mcp(doc *configv1.MCPPolicy) {
	const allowPath, denyPath = "spec.backend.mcp.authorization", "spec.backend.mcp.denyPolicy"
	if a := doc.GetAuthorization(); a != nil {
		if a.GetAction() != "" && a.GetAction() != "Allow" {
			b.refuse(allowPath+".action", "the action is unknown", "use Allow; denies stand in denyPolicy")
		}
		list := a.GetPolicy().GetMatchExpressions()
		if len(list) == 0 {
			b.refuse(allowPath+".policy.matchExpressions", "the list is empty", "write an expression, or remove authorization")
		}
		b.allows = append(b.allows, b.expressions(allowPath+".policy.matchExpressions", "backend.mcp.authorization", false, list)...)
	}
	list := doc.GetDenyPolicy().GetMatchExpressions()
	b.denies = append(b.denies, b.expressions(denyPath+".matchExpressions", "backend.mcp.denyPolicy", true, list)...)
	b.policy.document = slices.Concat(b.allows, b.denies)
}

// expressions compiles one of the lists of backend.mcp.
func (b *builder) expressions(path, label string, deny bool, list []string) []*rule {
	rules := make([]*rule, 0, len(list))
	for i, expr := range list {
		r := &rule{label: index(label, i), roots: input.MCP, target: newTarget(nil), deny: deny}
		b.when(r, index(path, i), expr)
		b.timely(r, index(path, i), "")
		rules = append(rules, r)
	}
	return rules
}

// when compiles the rule's condition and finds the calls that it applies to.
func (b *builder) when(r *rule, path, expr string) {
	r.place(b.at(path))
	program, err := b.compiler.Compile(expr)
	if err != nil {
		b.refuseExpression(path, expr, err)
		return
	}
	r.when = program
	r.roots |= program.Roots()
	b.clash(path, r.roots)
}

// refuseExpression notes what is wrong with an expression, at its place in the
// file where that can be told.
func (b *builder) refuseExpression(path, expr string, err error) {
	problem, why := cel.Error{Problem: err.Error()}, (*cel.Error)(nil)
	if errors.As(err, &why) {
		problem = *why
	}
	fix := problem.Fix
	problem.Fix = ""
	b.placeMacro(&problem)
	at := b.at(path)
	if b.src.In != nil && problem.Line > 0 {
		if in := b.src.In(path, expr, problem.Line, problem.Column); in != "" {
			at, problem.Line = in, 0
		}
	}
	b.errs = append(b.errs, &LoadError{Policy: b.policy.Name, At: at, Path: path, Problem: problem.Error(), Fix: fix})
}

// placeMacro says where in the file the mistake in a macro is, if that can be
// told.
func (b *builder) placeMacro(problem *cel.Error) {
	macros := b.src.Doc.GetSpec().GetMacros()
	i := slices.IndexFunc(macros, func(m *configv1.Macro) bool { return m.GetName() == problem.In.Macro })
	if i < 0 || b.src.In == nil {
		return
	}
	if at := b.src.In(macroPath(i), macros[i].GetExpression(), problem.In.Line, problem.In.Column); at != "" {
		problem.Problem = "in the macro " + problem.In.Macro + " (" + at + "): " + problem.Problem
		problem.In = cel.Origin{}
	}
}

// clash refuses a rule whose roots no call has together: it would look like
// protection and never apply.
func (b *builder) clash(path string, roots input.Roots) {
	if x, y := roots.Clash(); x != "" {
		b.refuse(path, fmt.Sprintf("no call has both %s and %s, so the rule could never apply", x, y), "write one rule for each")
	}
}

// models compiles the list of models. It restricts and is no allow list: an
// empty one would refuse every model, which nobody writes on purpose.
func (b *builder) models(doc *configv1.Models) {
	if doc == nil {
		return
	}
	const path = "spec.backend.llm.models"
	if len(doc.GetAllow()) == 0 {
		b.refuse(path+".allow", "the list is empty", `list the models, or "*" for all`)
	}
	b.patterns(path+".allow", doc.GetAllow())
	b.policy.models, b.policy.modelsAt = newGlobs(doc.GetAllow()), b.at(path+".allow")
}

// named compiles a named rule into the list that its effect belongs to.
func (b *builder) named(path string, i int, doc *configv1.Rule) {
	effect, list, selects := "allow", &b.allows, doc.GetAllow()
	if doc.GetDeny() != nil {
		effect, list, selects = "deny", &b.denies, doc.GetDeny()
	}
	if (doc.GetAllow() == nil) == (doc.GetDeny() == nil) {
		b.refuse(path, "the rule needs exactly one of allow and deny", "split it, or say which it is")
		return
	}
	r := &rule{label: index("rules", i) + " " + doc.GetName(), message: doc.GetMessage(), target: newTarget(selects), deny: effect == "deny", named: true}
	b.targetPatterns(path+"."+effect, selects)
	for i, phase := range selects.GetPhases() {
		if phasesOf([]string{phase}) == 0 {
			b.refuse(index(path+"."+effect+".phases", i), "the phase is unknown", "use List, Call or Result")
		}
	}
	r.roots = r.target.roots()
	if doc.GetWhen() != "" {
		b.when(r, path+".when", doc.GetWhen())
	} else {
		b.clash(path+"."+effect, r.roots)
	}
	b.timely(r, path+".when", path+"."+effect+".phases")
	r.place(b.at(path))
	*list = append(*list, r)
	b.policy.document = append(b.policy.document, r)
}

// targetPatterns refuses empty patterns of a target.
func (b *builder) targetPatterns(path string, t *configv1.Target) {
	for field, patterns := range map[string][]string{
		"tools": t.GetTools(), "servers": t.GetServers(), "models": t.GetModels(), "methods": t.GetMethods(), "agents": t.GetAgents(),
		"providers": t.GetProviders(),
	} {
		b.patterns(path+"."+field, patterns)
	}
}

// rego compiles the inline module and those that the policy names together.
func (b *builder) rego(spec *configv1.PolicySpec) {
	path := "spec.rego"
	switch {
	case b.policy.Unready != "": // what there is of it may need what is missing
		r := &rule{label: "regoModules.bundle", message: b.policy.Unready, deny: true}
		r.place(b.at("spec.regoModules.bundle"))
		b.denies = append(b.denies, r)
		b.policy.document = append(b.policy.document, r)
		return
	case spec.GetRego() != "":
	case spec.GetRegoModules() != nil:
		path = "spec.regoModules"
	default:
		return
	}
	src := b.src.Rego
	src.Inline = spec.GetRego()
	module, err := rego.Compile(src, b.schema)
	if err != nil {
		b.refuseModule(path, src.Inline, err)
		return
	}
	b.policy.module = newModule(module, b.at(path), func(line, column int) string {
		if b.src.In == nil {
			return ""
		}
		return b.src.In("spec.rego", src.Inline, line, column)
	})
	b.timelyModule(path)
}

// refuseModule notes what is wrong with a module, at its place in its file
// where that can be told.
func (b *builder) refuseModule(path, inline string, err error) {
	var why *rego.Error
	if !errors.As(err, &why) {
		b.refuse(path, err.Error(), "")
		return
	}
	at := why.Place()
	if at != "" {
		path = "spec.regoModules"
	} else if b.src.In != nil && why.Line > 0 {
		at = b.src.In(path, inline, why.Line, why.Column)
	}
	if at == "" {
		b.refuse(path, err.Error(), "")
		return
	}
	b.errs = append(b.errs, &LoadError{Policy: b.policy.Name, At: at, Path: path, Problem: why.Problem, Fix: why.Fix})
}
