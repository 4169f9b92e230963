// Package route knows which providers and servers a call may try, under which
// names their tools are shown, and with which credential they are called.
//
// Part of the decision service: pdp asks it for targets and turns them into
// grants. Nothing in a data plane may import it, because it holds provider
// keys.
package route
