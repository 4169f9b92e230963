// Package policytest runs the test cases of policies through the real
// pipeline: the same engine, rules, token verification, guards and routes that
// judge calls. Only the surroundings are made up: an issuer that signs the
// principals' tokens, servers and a provider with the names that the cases
// use, a clock that stands still.
//
// It is no part of any call. The command `outrider test` and the tests of the
// examples import it.
package policytest
