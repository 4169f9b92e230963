// Package wire carries the vocabulary of package decision over gRPC: the two
// directions of conversion, and [Client], which is a decision.Decider whose
// decision service is another process.
//
// Data planes and programs import it for the client, pdp/server for the
// conversions. What comes from the wire is checked here, so that nobody
// behind it meets an offset outside its body.
package wire
