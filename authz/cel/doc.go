// Package cel compiles and evaluates the expressions of policies.
//
// It declares the vocabulary of authz/input as typed variables with dotted
// names, so that a wrong word, field or type is found when the policy loads
// and evaluation builds no objects. What an expression may cost is bounded at
// load too: run-time accounting would triple the price of every call.
//
// Expressions are pure: no clock but the time at which the call arrived, no
// randomness, no input but the call. An
// evaluation ends in true, false, unknown (while a list is filtered, where
// arguments are not known yet) or an error that names what was missing.
// Only authz imports it.
package cel
