// Package llm carries one LLM call from start to end: it reads the request
// with the strict parser, asks the gate, sends the edited bytes to the granted
// target, and lets the answer through as far as it was judged.
//
// The package sidecar mounts it; nothing else may import it. It holds no
// policy, no route and no key.
package llm
