package clients

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/demo/llm"
)

// seeOpenAI asserts on the steps that come out the same with and without the
// road: what an agent may do works as its SDK expects.
func seeOpenAI(t *testing.T, steps map[string]step) {
	t.Helper()
	const hello = "You said: Say hello."
	if got := mustSee(t, steps, "chat"); got.Text != hello || got.Finish != "stop" || got.Usage == nil || got.Usage.Completion == 0 {
		t.Errorf("chat: %+v", got)
	}
	if got := mustSee(t, steps, "stream"); got.Text != hello || got.Finish != "stop" || got.Usage == nil || got.Chunks < 2 {
		t.Errorf("stream: %+v", got)
	}
	for _, name := range []string{"tools", "tools_stream"} {
		want := []toolCall{{"get_weather", `{"city":"demo city"}`}}
		if got := mustSee(t, steps, name); !slices.Equal(got.Calls, want) || got.Finish != "tool_calls" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := mustSee(t, steps, "tool_result"); got.Text != "The tool answered: Rain, 7 degrees." {
		t.Errorf("tool_result: %+v", got)
	}
	if got := mustSee(t, steps, "embeddings"); got.Vectors != 2 || got.Size == 0 {
		t.Errorf("embeddings: %+v", got)
	}
	if got := mustSee(t, steps, "models"); !slices.Contains(got.IDs, llm.ChatModel) {
		t.Errorf("models: %+v", got)
	}
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if part == "" || !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
