// Package bundle reads OPA bundles of policies: archives of Rego modules and
// data, from files and from servers. It verifies who signed one, keeps the last
// good one of a server on disk, and asks the server for newer ones.
//
// It has no part in a call: what it read is compiled with the policy that names
// the bundle. Reader and verifier of signatures are OPA's own; what they do not
// bound is bounded here before they see it. Only assemble/decisionservice
// imports the package.
package bundle
