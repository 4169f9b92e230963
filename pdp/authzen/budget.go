package authzen

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds on what the mappings of one request may spend, all together: a request
// holds up to 256 questions, each with a mapping that some server wrote.
const (
	maxCompiled    = 32 << 10 // bytes of different expressions
	compiledCost   = 64       // of one beside its text, in bytes
	maxCosts       = 640_000  // of CEL's units
	maxValues      = 1 << 20  // what all come to, in bytes
	valueCost      = 8        // of one value beside its text, in bytes
	maxNested      = 24       // of an expression: what it costs to check grows faster than its depth
	spentCompiling = "with the request's other mappings it has more expressions than are compiled for one request: ask in several"
	spentCounting  = "with the request's other mappings it costs more than one request may: ask in several"
)

// budget is what the mappings of one request still may spend.
type budget struct {
	programs              map[string]cel.Program // nil: it does not compile
	compile, cost, values int
}

func newBudget() *budget {
	return &budget{programs: map[string]cel.Program{}, compile: maxCompiled, cost: maxCosts, values: maxValues}
}

// program compiles an expression, once for all mappings that use it. It is nil
// of what does not compile. The error is that the budget has ended.
func (b *budget) program(env *cel.Env, text string) (cel.Program, error) {
	if program, known := b.programs[text]; known {
		return program, nil
	}
	if b.compile -= compiledCost + len(text); b.compile < 0 {
		return nil, malformed(spentCompiling)
	}
	var program cel.Program
	if tree, issues := env.Compile(text); len(issues.Errors()) == 0 { // to write errors down takes longer than to find them
		if made, err := env.Program(tree, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100)); err == nil {
			program = made
		}
	}
	b.programs[text] = program
	return program, nil
}

// spend takes what an evaluation cost. The error is that the budget has ended.
func (b *budget) spend(details *cel.EvalDetails) error {
	if cost := details.ActualCost(); cost != nil {
		b.cost -= int(min(*cost, maxCosts))
	}
	if b.cost < 0 {
		return malformed(spentCounting)
	}
	return nil
}

// affords spends what a value weighs, as the tree that it is written as: lists
// that share their members are small in memory and may be huge in JSON, however
// cheap they were to make. It stops where the budget ends.
func (b *budget) affords(value ref.Val, depth int) bool {
	b.values -= valueCost
	if depth == 0 || b.values < 0 {
		return false
	}
	switch v := value.(type) {
	case types.String:
		b.values -= len(v)
	case types.Bytes:
		b.values -= 2 * len(v)
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if !b.affords(key, depth-1) || !b.affords(v.Get(key), depth-1) {
				return false
			}
		}
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			if !b.affords(it.Next(), depth-1) {
				return false
			}
		}
	}
	return b.values >= 0
}
