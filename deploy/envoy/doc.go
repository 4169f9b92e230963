// Package envoy holds the files with which an Envoy asks the decision service
// about every call, in its two variants, and finds in the configuration of any
// Envoy what would let calls past the question.
//
// `outrider init envoy` writes the files and `outrider check --envoy` checks;
// nothing here takes part in a call. Only the command imports it, and tests
// that start these files.
package envoy
