package injection

import (
	"math/bits"
	"strings"
)

// classNames are the parts of acts by their bits, as findings name them.
func classNames() [64]string {
	return [...]string{
		"glue", "override", "prior", "every", "your", "instructions", "rules", "prompt", "system", "all", "told", "said", "above", "end",
		"reveal", "say", "words", "what", "is", "verbatim", "you", "now", "act", "as", "unrestricted", "mode", "do", "anything", "stop",
		"follow", "free", "from", "confines", "not", "tell", "user", "keep", "secret", "no", "limits", "jailbreak", "with", "developer",
		"enabled", "forget", "nothing", "system", "the", "behind",
		"guarded", "kept", "manner", "letter", "place", "barred", "word", "utter",
		"shed", "lay", "aside", "heed", "none", "applies", "void",
	}
}

// partNames names the parts of a rule in their order: what a finding tells of
// why it was made, without a word of the text.
func partNames(parts []class) string {
	names := classNames()
	out := make([]string, 0, len(parts))
	for _, part := range parts {
		var choices []string
		for ; part != 0; part &= part - 1 {
			choices = append(choices, names[bits.TrailingZeros64(uint64(part))])
		}
		out = append(out, strings.Join(choices, "/"))
	}
	return strings.Join(out, " ")
}
