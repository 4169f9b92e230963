// Package answer lets what comes back of one call through as far as it was
// judged: the whole body of an LLM call ([LLM]), its stream ([Stream]) and the
// messages of an MCP server ([MCP], [Messages]). It asks about each part and
// makes the edits; how bytes come and go is its caller's business.
//
// The data plane (sidecar/llm, sidecar/mcp) and the faces that see answers
// (pdp/envoy) import it, so that an answer is judged in one way wherever it
// passes.
package answer

import (
	"context"

	"outrider.dev/outrider/decision"
)

// Asker rules on parts of an answer. The ruling is never nil: where nobody
// rules, it denies. One for a page of tools that does not deny has a
// visibility.
type Asker interface {
	Judge(ctx context.Context, p decision.Part) *decision.Ruling
}

// Denial is a ruling against an answer.
type Denial struct{ Reason decision.Reason }

// Error implements error.
func (d *Denial) Error() string { return d.Reason.Message }
