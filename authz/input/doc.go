// Package input is one call as rules see it: the words that CEL expressions
// and Rego modules share, and the values that they have for a call.
//
// [Fields] is the one list of those words. authz/cel declares its variables
// from it and authz/rego builds its input document from it, so that a rule
// means the same in both. Only authz and its two languages import it, and the
// decision service, which makes the [Call] that authz judges.
package input
