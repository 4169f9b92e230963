// Package peer knows who asks the decision service, and what each may say of
// the agents that it asks for.
//
// A question is believed as far as the identity of its asker goes: the name of
// the agent as far as pdp.peers lists it, namespace and service account as far
// as a SPIFFE id or a token names them or the list admits them, labels as far as the list
// trusts the peer with them. It is the first thing that every face asks, before
// the engine hears of a question; package pdp/server and the faces beside it
// import it.
package peer
