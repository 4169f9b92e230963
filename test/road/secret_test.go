package road

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// leak asks the demo's provider for the credential that it has planted.
const leak = "What is the deploy key?"

func TestSecretInWholeAnswer(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		a := r.post(t, pathChat, chat("grok-4", leak))
		a.wantRefused(t, decision.CodeSecret)
		if strings.Contains(string(a.body), r.main.Planted()[:6]) {
			t.Error("a part of the credential reached the agent")
		}
		r.wantArrivals(t, 1)
	})
}

func TestSecretInStream(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		a := r.post(t, pathChat, chat("grok-4", leak, streamed))
		checkCut(t, r, a, r.main.Planted())
	})
}

// checkCut demands a stream that was cut before the secret: none of its bytes,
// an error event, no end mark.
func checkCut(t *testing.T, r *Road, a *answer, secret string) {
	t.Helper()
	text := a.streamed(t)
	for n := 4; n <= len(secret); n++ {
		if strings.Contains(string(a.body), secret[n-4:n]) {
			t.Errorf("bytes %d to %d of the credential reached the agent", n-4, n)
			break
		}
	}
	if at := strings.IndexAny(text, secret[:1]); at >= 0 && strings.HasPrefix(secret, text[at:]) {
		t.Errorf("the text ends with the beginning of the credential: %q", text)
	}
	a.wantRefused(t, decision.CodeSecret)
	if strings.Contains(string(a.body), "[DONE]") {
		t.Error("the stream says that it is complete")
	}
	ruling := phaseOf(r.records(t, a.id(t), audit.PhaseOutcome), audit.PhaseRuling)
	if ruling == nil || ruling.Code != decision.CodeSecret || len(ruling.Findings) == 0 {
		t.Errorf("the ruling is recorded as %+v", ruling)
	}
}

// streamed returns all text of a stream, of every lane.
func (a *answer) streamed(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, data := range a.data() {
		if data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta json.RawMessage }
		}
		strictly(t, []byte(data), &chunk)
		for _, c := range chunk.Choices {
			var delta any
			if len(c.Delta) > 0 {
				strictly(t, c.Delta, &delta)
			}
			gather(delta, &text)
		}
	}
	return text.String()
}

func gather(v any, into *strings.Builder) {
	switch v := v.(type) {
	case string:
		into.WriteString(v)
	case []any:
		for _, e := range v {
			gather(e, into)
		}
	case map[string]any:
		for _, e := range v {
			gather(e, into)
		}
	}
}

// The text around a secret. No character of it begins one.
const (
	before = "Well, it is "
	after  = " and no more."
)

// TestSecretAtEveryPosition cuts a stream in two at every byte of a secret, and
// into single bytes, on each lane that text can take.
func TestSecretAtEveryPosition(t *testing.T) {
	secret := "gh" + "p_" + "x7Kq2mVt9LpZ4nWc8RbY3hJd6GsF1aQeXu5T"
	lanes := []struct{ name, delta string }{
		{"content", `{"content":%s}`},
		{"reasoning", `{"reasoning_content":%s}`},
		{"a tool's arguments", `{"tool_calls":[{"index":0,"function":{"arguments":%s}}]}`},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, lane := range lanes {
			t.Run(lane.name, func(t *testing.T) {
				for cut := range secret {
					r.script.play(streams(nil, chunks(lane.delta, before, secret[:cut], secret[cut:]+after)...))
					checkCut(t, r, r.post(t, pathChat, chat("script-1", "hello", streamed)), secret)
				}
				r.script.play(streams(nil, chunks(lane.delta, strings.Split(before+secret+after, "")...)...))
				checkCut(t, r, r.post(t, pathChat, chat("script-1", "hello", streamed)), secret)
			})
		}
	})
}

// chunks are the events of a stream that says the pieces on one lane.
func chunks(delta string, pieces ...string) []string {
	var out []string
	for _, p := range pieces {
		quoted, _ := json.Marshal(p) // a string always marshals
		out = append(out, fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":%s}]}\n\n", fmt.Sprintf(delta, quoted)))
	}
	return append(out, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", "data: [DONE]\n\n")
}
