// Package tools holds the demo's two MCP servers, github and slack, on the
// official Go SDK: streamable HTTP without sessions, so that both protocol eras
// (2025-11-25 and 2026-07-28) are served. Each requires its own bearer token.
//
// Only package demo and tests import it.
package tools
