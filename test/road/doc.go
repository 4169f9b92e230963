// Package road holds the tests of the whole road: a real data plane, a real
// decision service, the stand-ins of the demo on loopback, and an agent that
// sends bytes.
//
// Every test runs twice and must come out the same: with data plane and
// decision service in one process, and with a unix socket between them. Tests
// of what only two parts can do to each other stand apart (parts_test.go and
// what uses it). Assertions look at both ends: at what the agent saw and at
// what arrived at the stand-ins.
package road
