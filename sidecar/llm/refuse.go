package llm

import "outrider.dev/outrider/decision"

// refuse answers with an error of our own.
func (x *exchange) refuse(err error) {
	answer := x.in.Refuse(err)
	answer.Write(x.w)
}

// deny answers with a refusal, in the shape that the agent's SDK expects.
func (x *exchange) deny(reason decision.Reason) {
	answer := x.in.Deny(reason)
	answer.Write(x.w)
}
