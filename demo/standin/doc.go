// Package standin holds what the demo's stand-ins share: serving on loopback,
// and remembering what arrived. The story and the tests assert on what the far
// side of a call received, which is the only proof of what was forwarded.
//
// Only package demo, its stand-ins and tests import it.
package standin
