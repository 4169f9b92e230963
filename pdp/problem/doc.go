// Package problem words what the decision service refuses over HTTP: problem
// details of RFC 9457, with the reason code and the headers that belong to it.
//
// It is the last step of a REST or AuthZEN request that gets no answer. The
// faces below pdp import it; it decides nothing.
package problem
