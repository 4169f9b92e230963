package cel

import (
	"fmt"
	"strings"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"

	"outrider.dev/outrider/authz/input"
)

// maxCost bounds what an expression may cost in the worst case, in the
// library's units (about one a step). One pass over a long list of arguments
// fits; a pass inside a pass does not, because its cost would grow with the
// square of what the agent sends.
const maxCost = 25_000_000

// Sizes that the estimate assumes: characters of a text, elements of a list.
const (
	nameSize   = 256    // names, methods, scopes, claims, elements of lists
	pathSize   = 4_096  // headers, URIs, texts directly in arguments
	tokenItems = 100    // elements in a token of at most 16 KiB
	argItems   = 10_000 // elements of lists in arguments
)

// bound refuses an expression whose worst case is beyond maxCost.
func (c *Compiler) bound(checked *celgo.Ast) error {
	estimate, err := c.env.EstimateCost(checked, sizes(c.fields))
	if err != nil {
		return &Error{Problem: "the expression's cost cannot be bounded: " + plain(err.Error()), Fix: "make it simpler"}
	}
	if estimate.Max > maxCost {
		return &Error{
			Problem: fmt.Sprintf("the expression may cost %d steps for one call, more than %d", estimate.Max, maxCost),
			Fix:     "do not walk one list inside another, or split the rule",
		}
	}
	return nil
}

// sizes tells the estimate how large the values of a call may be.
type sizes map[string]input.Field

// EstimateSize implements [cost.Estimator].
func (s sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if n.ComputedSize() != nil || len(path) == 0 {
		return nil
	}
	size := uint64(nameSize)
	args := s[path[0]].Args || path[0] == "tool.annotations"
	// "@items" marks an element of a list. What it is, nobody knows; taking it
	// for a list as long as its own would refuse every second expression.
	item := strings.HasSuffix(path[len(path)-1], "@items")
	switch kind := n.Type().Kind(); {
	case item:
	case kind == celgo.ListKind || kind == celgo.MapKind || kind == celgo.DynKind:
		size = tokenItems
		if args {
			size = argItems
		}
	case args || path[0] == "request.headers" || path[0] == "resource.uri" || path[0] == "request.path":
		size = pathSize
	}
	return &cost.SizeEstimate{Min: 0, Max: size}
}

// EstimateCallCost implements [cost.Estimator]: the library knows its functions.
func (sizes) EstimateCallCost(_, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	return nil
}
