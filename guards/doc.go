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
// Escapes of JSON could hide what is looked for. From the first one that could, a
// text has a second reading, with them resolved, and perhaps a third (layer.go);
// what is released is what all of them have judged.
//
// Most of a text cannot begin anything. One pass sifts it, 64 bytes at a time,
// for the places that each detector must judge: words whose first letters begin
// a credential or an act, runs of digits of the right lengths, a few signs. All
// that the detectors look for begins where a word, a number or a sign does, so a
// table of word beginnings serves where an automaton would step through every
// byte. Such a word becomes a place only where the whole prefix or word stands.
// A place too many costs time; a place too few would be a gap, so tests hold the
// sieve against judging every place.
//
// An Aho-Corasick automaton is what one would expect there. A prototype of one, dense and in
// four interleaved lanes, stepped through 1.1 to 1.2 GB/s by itself for 191 keywords; with gates
// for shapes beside it and checks behind it, 34 to 195 MB/s were left on chat and 95 to 150 on JSON.
// It also reports keywords within words, each of which costs a check. The sieve,
// with the checks, reads 332 to 425 and 190 to 325 MB/s of such texts (test/bench/README.md),
// on a noisy machine in other runs, so only the order of the figures counts.
//
// The detectors are candidate scans with hand-written checks, not models; what
// each covers and what it does not stands in its package.
package guards
