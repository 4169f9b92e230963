package authz

import (
	"iter"

	"outrider.dev/outrider/authz/cel"
)

// ruleList is a list of rules with an index by the names of tools that they
// can be about, so that a plan for a name that nobody asked for before does
// not look at every rule.
type ruleList struct {
	rules  []*rule
	exact  map[string][]int
	prefix map[string][]int // by how the name begins
	sizes  []int            // of the keys of prefix
	others []int            // rules that any name may concern
}

// newRuleList indexes rules.
func newRuleList(rules []*rule) ruleList {
	l := ruleList{rules: rules, exact: map[string][]int{}, prefix: map[string][]int{}}
	seen := map[int]bool{}
	for i, r := range rules {
		names, bounded := r.toolNames()
		if !bounded {
			l.others = append(l.others, i)
			continue
		}
		for _, n := range names {
			into := l.exact
			if n.Prefix {
				into = l.prefix
				if !seen[len(n.Text)] {
					seen[len(n.Text)] = true
					l.sizes = append(l.sizes, len(n.Text))
				}
			}
			into[n.Text] = append(into[n.Text], i)
		}
	}
	return l
}

// toolNames returns the names that the rule can be about, or false where any
// name will do. A name that is not among them makes the rule false, whatever
// else the call says and whatever else would fail.
func (r *rule) toolNames() ([]cel.Name, bool) {
	var names []cel.Name
	for _, g := range r.target.tools {
		if g[0] == "" && len(g) > 1 {
			names = nil
			break
		}
		names = append(names, cel.Name{Text: g[0], Prefix: len(g) > 1})
	}
	if len(names) > 0 {
		return names, true
	}
	if r.when == nil {
		return nil, false
	}
	return r.when.ToolNames()
}

// about returns the rules that may be about a tool of this name, in their order.
func (l *ruleList) about(tool string) iter.Seq[*rule] {
	return func(yield func(*rule) bool) {
		lists := [][]int{l.others, l.exact[tool]}
		for _, size := range l.sizes {
			if size <= len(tool) {
				lists = append(lists, l.prefix[tool[:size]])
			}
		}
		for last := -1; ; {
			next := nextOf(lists, last)
			if next < 0 || !yield(l.rules[next]) {
				return
			}
			last = next
		}
	}
}

// nextOf returns the least number above last at the head of a list, and drops
// from the lists what is not above it; -1 when there is none.
func nextOf(lists [][]int, last int) int {
	next := -1
	for i, list := range lists {
		for len(list) > 0 && list[0] <= last {
			list = list[1:]
		}
		lists[i] = list
		if len(list) > 0 && (next < 0 || list[0] < next) {
			next = list[0]
		}
	}
	return next
}
