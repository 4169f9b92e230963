package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// maxSkipped bounds how many rules in a row are named that do not apply.
const maxSkipped = 4

// Colours of a terminal.
const (
	colorAllow = "\x1b[32m"
	colorDeny  = "\x1b[31m"
	colorFaint = "\x1b[2m"
	colorNone  = "\x1b[0m"
)

// rulePrinter prints what rules came to: a line for each, in the order of the
// documents, with the pieces of its condition and what it read below. Texts of
// policies and records are shown, never obeyed.
type rulePrinter struct {
	out   io.Writer
	color bool
	width int // of the names of rules
}

// print prints the rules of all policies.
func (p *rulePrinter) print(rules []decision.RuleOutcome) {
	for i := range rules {
		p.width = max(p.width, len([]rune(rules[i].Rule)))
	}
	p.width = min(p.width, 40)
	for len(rules) > 0 {
		n := slices.IndexFunc(rules, func(o decision.RuleOutcome) bool { return o.Policy != rules[0].Policy })
		if n < 0 {
			n = len(rules)
		}
		p.policy(rules[:n])
		rules = rules[n:]
	}
}

// policy prints the rules of one policy.
func (p *rulePrinter) policy(rules []decision.RuleOutcome) {
	first := &rules[0]
	heading := "policy " + first.Policy
	if first.Version != "" {
		heading += " (" + first.Version + ")"
	}
	if first.Cluster {
		heading += ", the security team's layer"
	}
	if first.Observe {
		heading += ", which observes and refuses nothing"
	}
	fmt.Fprintf(p.out, "\n%s\n", printable(heading))
	for i := 0; i < len(rules); {
		n := 0
		for i+n < len(rules) && rules[i+n].Result == decision.ResultSkipped {
			n++
		}
		if n > maxSkipped {
			text := fmt.Sprintf("  %-7s  %d rules that do not apply: %s to %s", "skipped", n, rules[i].Rule, rules[i+n-1].Rule)
			fmt.Fprintln(p.out, p.paint(printable(text), colorFaint))
			i += n
			continue
		}
		p.rule(&rules[i])
		i++
	}
}

// rule prints one rule. The one that decides is marked.
func (p *rulePrinter) rule(o *decision.RuleOutcome) {
	mark, color := " ", ""
	switch {
	case o.Decides && o.Effect == decision.RuleAllows:
		mark, color = ">", colorAllow
	case o.Decides:
		mark, color = ">", colorDeny
	case o.Result == decision.ResultSkipped:
		color = colorFaint
	}
	line := strings.TrimRight(fmt.Sprintf("%s %-7s  %-6s  %s  %s", mark, o.Result, o.Effect, pad(o.Rule, p.width), o.At), " ")
	if o.Result == decision.ResultSkipped {
		line = strings.TrimRight(fmt.Sprintf("%s %-7s  %-6s  %s  %s", mark, o.Result, o.Effect, pad(o.Rule, p.width), o.Note), " ")
	}
	fmt.Fprintln(p.out, p.paint(printable(line), color))
	if o.Result == decision.ResultSkipped {
		return
	}
	switch {
	case o.Note == "":
	case o.Effect == decision.RuleDenies && o.Result == decision.ResultTrue:
		p.detail("says", o.Note)
	default:
		p.detail("note", o.Note)
	}
	if o.When != nil {
		p.condition(o.When, 0)
	}
	for _, v := range o.Values {
		p.detail("read", v.Path+" = "+v.Value)
	}
}

// detail prints a line below a rule.
func (p *rulePrinter) detail(word, text string) {
	fmt.Fprintf(p.out, "           %-7s  %s\n", word, printable(text))
}

// condition prints a piece, and its parts one step further in.
func (p *rulePrinter) condition(c *decision.Condition, depth int) {
	text := c.Text
	if c.Operator != "" {
		text = map[decision.Operator]string{
			decision.OperatorAll: "all of", decision.OperatorAny: "any of", decision.OperatorNot: "not",
			decision.OperatorChoice: "if the first then the second, else the third",
		}[c.Operator]
	}
	if c.Note != "" {
		text += "  (" + c.Note + ")"
	}
	p.detail(string(c.Result), strings.Repeat("  ", depth)+text)
	for i := range c.Parts {
		p.condition(&c.Parts[i], depth+1)
	}
}

func (p *rulePrinter) paint(text, color string) string {
	if !p.color || color == "" {
		return text
	}
	return color + text + colorNone
}

// pad fills up with spaces; longer texts stay whole.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}
