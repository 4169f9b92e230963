// Package clients drives the road with the SDKs that agents use: the Python
// openai package, and the Python and TypeScript SDKs of MCP. The programs
// beside this file print what they saw; the tests hold that against what
// should have happened and against what the stand-ins received. It has no code
// of its own and nobody imports it.
package clients
