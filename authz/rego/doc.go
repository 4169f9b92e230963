// Package rego compiles and evaluates the Rego modules of a policy.
//
// Modules of `package outrider` in Rego v1 may define `allow` (a bool), `deny`
// (a set of messages), `visible` (a bool) and `mutate` (a set of changes of
// calls that pass); packages below it hold what they share, and data what they
// look up. They read the vocabulary of authz/input below `input`; a word that
// does not exist there does not
// load. As is usual in Rego, reading what a call does not have is undefined,
// so the rule around it simply does not hold: `input.tool.name` of an LLM call
// is no error. Beware of `not`: `not input.tool.name == "x"` holds for every
// call that has no tool, while `not startswith(input.tool.name, "x")`, which
// has to call a function with an undefined value, does not hold for any.
//
// Rego cannot be asked with arguments that nobody knows yet. A module that
// reads the arguments of a tool call defines `visible`, which alone answers
// for it while a list is filtered. Every evaluation has a deadline, built-in
// functions that reach beyond the call do not exist, and one that fails ends
// the evaluation with an error. Only authz and what assembles sources import
// the package.
package rego
