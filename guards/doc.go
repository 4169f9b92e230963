// Package guards checks the content of a call. Its children find spans; this
// package decides whether a span is redacted, blocks the call or is only
// observed, and holds streams back until they are known clean.
//
// It runs after the rules, on the text that will really be sent, and again on
// the answer. The decision pipeline imports it, and the command that scans
// files; it imports the vocabulary and its children, and the children do not
// import it.
//
// A [Set] reads whole texts, a [Stream] reads the lanes of one streamed answer.
// Both find the same, however the stream was cut: see package window for how.
// No byte of a span that is redacted or blocked leaves a stream before the
// span is known, and none after.
//
// The detectors are candidate scans with hand-written checks, not models; what
// each covers and what it does not stands in its package.
package guards
