// Package arch holds the tests of the house itself: which package may import
// which (arch.txt), what the binaries may link, and the sizes that keep the
// code readable. It has no code of its own and nobody imports it.
package arch
