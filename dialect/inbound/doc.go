// Package inbound turns the HTTP request of an agent into the question about
// it, and the verdict into what travels on, or a refusal into the answer in the
// agent's own protocol, whoever received the request: the data plane, or a
// proxy that asks through a face of the decision service. There is one reader,
// so that no two ways in can disagree about what a request says.
//
// It holds the one table of paths that agents may call, and the rules about
// headers: which of them travel on, and which of them policies may read. It
// receives nothing, sends nothing and decides nothing.
//
// The sidecar and the faces of the decision service import it.
package inbound
