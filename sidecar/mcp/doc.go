// Package mcp carries one MCP call from start to end: it reads the message
// with the strict parser, asks the gate, sends the edited bytes to the granted
// servers, and lets their answers through as far as they were judged.
//
// It keeps no session and asks nothing of the agent for a server: one POST is
// one call, of either protocol era, and the era travels on unchanged. Bodies
// are spliced, never encoded again. Tool lists always go through the decision
// service, whatever the verdict asks for.
//
// The package sidecar mounts it; nothing else may import it. It holds no
// policy, no route and no key.
package mcp
