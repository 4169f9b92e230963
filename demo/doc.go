// Package demo plays the story of `outrider demo`: an agent with tokens of four
// scopes, a data plane and a decision service as processes of their own, and
// stand-ins for what the real world would be behind them: a token issuer, an
// LLM provider and two MCP servers (packages demo/issuer, demo/llm, demo/tools).
//
// Every call goes through real sockets. Each step asserts on both ends: what
// the agent saw and what the far side received. The story is data (story.go);
// the rest of the package starts, speaks, compares and prints.
//
// Only cmd/outrider and tests import it.
package demo
