// Package llm is the demo's stand-in for an LLM provider that speaks OpenAI's
// API: chat completions whole and streamed, embeddings and models. Its answers
// repeat what was asked, so that an answer shows what arrived. Asked for the
// deploy key it leaks a planted credential, and it can be told to fail.
//
// Only package demo and tests import it.
package llm
