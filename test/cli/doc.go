// Package cli holds script tests of the commands as users run them: what they
// print, where, and how they end. Each testdata/*.txtar is one script; what the
// scripts know beside testscript's own commands stands in commands_test.go.
package cli
