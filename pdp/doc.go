// Package pdp is the decision service's pipeline: it takes one question
// through token, rules, limits and guards to a verdict, accompanies the
// exchange until its outcome is settled, and records what it decided.
//
// It is pure: no listener, no file, no clock of its own. pdp/server puts it on
// the wire, the assembly puts it beside a data plane in one process; both see
// the same decision.Decider. Data planes never import it.
//
// The steps of one question stand in decide.go, in their order.
package pdp
