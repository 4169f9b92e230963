// Package mcp reads and writes the bodies of the Model Context Protocol: one
// JSON-RPC message a body, of the legacy era (up to 2025-11-25) and of the
// modern one (2026-07-28).
//
// It holds the one table of MCP methods ([Lookup]), reads a client's message
// and compares it with the headers that mirror it ([Read], [MirrorHeaders]),
// reads a server's message ([ReadAnswer], [ReadTools]) and words refusals
// ([ErrorBody], [UnknownToolBody]). Bodies are read, never encoded again: what
// changes is spliced.
//
// The data plane and the decision service import it. It sends nothing and
// decides nothing.
package mcp
