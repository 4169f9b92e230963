package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
)

// enforceable refuses what the asker could not carry out.
func (c *call) enforceable() *decision.Reason {
	face := c.req.Face
	if !face.Edits && (len(c.verdict.Splices) > 0 || len(c.verdict.Headers) > 0 && !face.Headers) {
		return cannot("the policy changes the call, and the asker cannot apply changes: a program that can says so with face, for an Envoy ext_proc does it")
	}
	if reason := c.reachable(); reason != nil {
		return reason
	}
	if !face.Responses && c.filtered() {
		return cannot("the policy filters lists of tools, and the asker does not show answers")
	}
	return c.judgeable()
}

func cannot(message string) *decision.Reason { return because(decision.CodeFaceCannotEnforce, message) }

// reachable refuses a target that wants another body than the asker can send.
func (c *call) reachable() *decision.Reason {
	if !c.granting || c.req.Face.Edits || c.req.Surface != decision.LLM {
		return nil
	}
	if t := &c.targets[0]; t.Model != "" && t.Model != c.req.LLM.Model {
		return cannot("llm.routes sends this call to " + t.Name + " as the model " + decision.Quoted(t.Model) +
			", and the asker cannot change the model: ask for that one, or let the asker edit bodies")
	}
	return nil
}

// filtered reports whether the asker sends on a list of tools of which rules
// may hide some. Programs that only ask filter theirs by FilterTools.
func (c *call) filtered() bool {
	return c.req.Surface == decision.MCP && c.method.Name == mcp.MethodToolsList && c.req.Face.Forwards && c.selection.Enforces()
}

// judgeable makes it the asker's duty to show the answer where somebody has
// something to say about it. What would only be observed refuses no call.
func (c *call) judgeable() *decision.Reason {
	responses := c.bundle.guards[responsePhase(c.req.Surface)]
	enforced, observed := c.judgesAnswer()
	must := enforced || responses.Enforces() || !c.vault.Empty() || c.req.Method == openai.OperationModels
	if c.answers = enforced || observed && c.shows(); !must && (!c.shows() || !c.answers && responses.Empty()) {
		return nil
	}
	if !c.vault.Empty() && c.method.Notification {
		return cannot("the policy tokenizes, and a notification has no answer that would bring the values back")
	}
	c.verdict.Duty.JudgeResponse = true
	if c.req.LLM.Stream {
		if reason := c.readable(); reason != nil {
			return reason
		}
	}
	if !c.shows() {
		return cannot("the policy judges answers, and the asker does not show them: a program that will says so with face, of an Envoy ext_proc shows them")
	}
	return nil
}

// shows reports whether the asker shows the answer of the call.
func (c *call) shows() bool {
	if c.req.LLM.Stream {
		return c.req.Face.Streams
	}
	return c.req.Face.Responses
}
