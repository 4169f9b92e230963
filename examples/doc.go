// Package examples holds policies to start from, each beside its tests. Its own
// test checks and tests every one of them, as `outrider check` and
// `outrider test` would.
package examples
