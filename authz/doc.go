// Package authz decides what an agent may do: which policies select it, which
// tokens they ask for, and what their rules say about a call.
//
// It is the second step of a decision, after authz/token and before limits and
// guards. A [Set] is immutable and safe for concurrent use; a reload builds a
// new one. [Set.Select] finds the policies of an agent, [Selection.Judge]
// judges a call by them and [Selection.Visible] filters a list of tools with
// the same rules. Only the decision service imports it.
//
// Policies can only narrow. Everything that one policy allows is a list of
// alternatives; a call must pass every enforcing policy that has such a list
// for its surface; a deny of any policy is final, whatever its place. A deny
// that cannot be evaluated denies, an allow that cannot be evaluated does not
// allow. Policies in Observe refuse nothing; what they would have refused is
// reported beside the outcome.
package authz
