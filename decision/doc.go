// Package decision is the vocabulary of Outrider: the question that a data
// plane asks about one exchange, the answer that the decision service gives,
// and the [Decider] interface between the two.
//
// Everything else in the tree may import it; it imports the standard library
// only. It holds types, the registry of reason codes ([Code]) and the small
// rules that belong to the words themselves: how edits unite, how a secret
// prints. It decides nothing and talks to nobody.
package decision
