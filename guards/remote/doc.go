// Package remote asks recognisers and classifiers that run outside of this
// process what texts hold: Presidio's analyzer, and services with the shape of
// OpenAI's moderation endpoint. An answer is bounded, read strictly, and taken
// whole or not at all; whoever asks decides what no answer means.
//
// It stands within the guard step of a call, once for each body. Only
// assemble imports it.
package remote
