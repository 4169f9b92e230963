// Package authzen answers the OpenID AuthZEN Authorization API 1.0 from the
// decision service's own vocabulary.
//
// It turns subject, action, resource and context into the question of package
// decision (see map.go), has it decided as everything else, and words the
// verdict as a decision. It decides nothing, believes no claim that no token
// proves, and knows no transport: the decision service's server imports it and
// reads and writes HTTP.
package authzen
