package llm

import "outrider.dev/outrider/decision"

// refuse answers with an error of our own.
func (x *exchange) refuse(err error) { x.deny(x.reasonOf(err)) }

// deny answers with a refusal, in the shape that the agent's SDK expects.
func (x *exchange) deny(reason decision.Reason) {
	refusal := x.in.Deny(reason)
	refusal.Write(x.w)
}
