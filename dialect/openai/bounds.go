package openai

import (
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// ModelPointer is where a request names its model.
const ModelPointer = "/model"

// The two names of the bound of tokens. The first is the older one, which every
// vendor knows; models that think refuse it (OpenAI, API reference, chat).
const (
	maxTokens           = "max_tokens"
	maxCompletionTokens = "max_completion_tokens"
)

// BoundTokens returns the edits that let a chat ask for so many tokens at the
// most: each bound that is there is lowered, and where there is none the one
// that the model knows is set.
func BoundTokens(doc *strictjson.Doc, model string, most uint64) []decision.Edit {
	var edits []decision.Edit
	bounded := false
	text := strconv.FormatUint(most, 10)
	for _, name := range [...]string{maxTokens, maxCompletionTokens} {
		n, ok := doc.Root().Get(name).Uint()
		bounded = bounded || ok && n > 0
		if ok && n > most {
			edits = append(edits, decision.Edit{Pointer: "/" + name, Value: []byte(text)})
		}
	}
	if bounded {
		return edits
	}
	name := maxTokens
	if thinks(model) {
		name = maxCompletionTokens
	}
	return append(edits, decision.Edit{Pointer: "/" + name, Value: []byte(text)})
}

// thinks reports whether a model has a name of those that know only the newer
// bound: o1, o3-mini, gpt-5 and what follows, with the vendor before it or not.
func thinks(model string) bool {
	_, name, found := strings.Cut(model, "/")
	if !found {
		name = model
	}
	if rest, ok := strings.CutPrefix(name, "gpt-"); ok {
		return rest != "" && rest[0] >= '5' && rest[0] <= '9'
	}
	return len(name) > 1 && name[0] == 'o' && name[1] >= '1' && name[1] <= '9'
}
