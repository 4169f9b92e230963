package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestChildEnvironment(t *testing.T) {
	got := childEnvironment([]string{
		"PATH=/bin", "OPENAI_API_KEY=sk-1", "OPENAI_BASE_URL=http://x", "OPENAI_API_BASE=http://y", "OUTRIDER_MCP_URL=z",
		"MY_KEY=a=b", "MY_KEY_NAME=kept", "ODD",
	}, "http://127.0.0.1:1", []string{"OPENAI_API_KEY", "MY_KEY"})
	want := []string{
		"PATH=/bin", "MY_KEY_NAME=kept", "ODD", "OPENAI_BASE_URL=http://127.0.0.1:1/v1", "OPENAI_API_KEY=outrider",
		"OUTRIDER_MCP_URL=http://127.0.0.1:1/mcp",
	}
	if !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestChildEnds(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 1": 1, "exit 42": 42, "kill -TERM $$": 143, "kill -KILL $$": 137} {
		err := runChild(t.Context(), []string{"sh", "-c", script}, nil)
		var exit *childExit
		if errors.As(err, &exit); want == 0 && err != nil || want != 0 && (exit == nil || exit.code != want) {
			t.Errorf("%s: %v, want %d", script, err, want)
		}
	}
}

func TestChildIsAskedToEnd(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	var exit *childExit
	if err := runChild(ctx, []string{"sleep", "60"}, nil); !errors.As(err, &exit) || exit.code != 143 {
		t.Errorf("ended with %v", err)
	}
}
