// Package openai reads the bodies of the OpenAI chat completions and
// embeddings interfaces: requests, answers, stream chunks; and writes their
// error object.
//
// It reads for judging, not for use: every string that a model, a provider or
// an agent may read as text becomes a segment or a lane, wherever in the body
// it stands, known to the interface or not. Left out are only short
// identifiers under the names that hold identifiers, and media in base64. What
// decides how a body is read (model, stream, roles, token bounds) has its
// exact type, or the body is refused.
//
// The data plane and the decision service import it.
package openai

// Names of the dialects.
const (
	Chat       = "openai.chat"
	Embeddings = "openai.embeddings"
)
