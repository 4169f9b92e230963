// Package config reads configuration and policy from YAML, strictly: whatever
// the schema does not know, whatever is written twice, and whatever this build
// cannot enforce is refused with its file, line and column and with what to
// write instead. A mistyped key that passed in silence would be a policy that
// does not hold.
//
// It is read before the first call, never during one. The schema is the
// protobuf package outrider.config.v1 with its field rules; this package
// walks the YAML tree against it and adds the checks that need more than one
// field. It knows no expressions, tokens or keys: those who compile them report
// through [Policy.Position]. Every main may import it, the sidecar's too.
package config
