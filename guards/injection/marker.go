package injection

import "outrider.dev/outrider/guards/window"

// marker reads a token that chat templates use to separate roles.
func (d *Detector) marker(w *window.Window, i int) hit {
	for _, token := range [...]string{"<|im_start|>system", "<|start_header_id|>system", "<|system|>"} {
		if folded(w, i, token) {
			return hit{kindRoleMarker, i + len(token), .95, ruleTemplate}
		}
	}
	if !d.tool {
		return hit{}
	}
	for _, token := range [...]string{
		"<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|eot_id|>", "<|endoftext|>", "<|user|>", "<|assistant|>",
		"<<sys>>", "<</sys>>", "[inst]", "[/inst]",
	} {
		if folded(w, i, token) {
			return hit{kindRoleMarker, i + len(token), .9, ruleTemplate}
		}
	}
	return hit{}
}

// turn reads "Human:" or "Assistant:" after an empty line: a forged turn.
func (d *Detector) turn(w *window.Window, i int) hit {
	if i < 2 || w.Text[i-1] != '\n' || w.Text[i-2] != '\n' {
		return hit{}
	}
	for _, token := range [...]string{"Human: ", "Assistant: "} {
		if w.HasPrefix(i, token) {
			return hit{kindRoleMarker, i + len(token) - 1, .7, ruleTurn}
		}
	}
	return hit{}
}

// folded reports whether the text goes on at i with token, given in lower case.
func folded(w *window.Window, i int, token string) bool {
	for k := range len(token) {
		c := w.At(i + k)
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != token[k] {
			return false
		}
	}
	return true
}
