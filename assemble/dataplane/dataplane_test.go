package dataplane

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/telemetry"
)

const modes = `{apiVersion: outrider.dev/v1, kind: Config, agent: {name: a}, listen: {agent: "127.0.0.1:0", admin: "127.0.0.1:0"},
decision: {target: "unix:///nowhere", failMode: Lifeboat, routes: [
  {match: {surface: MCP, server: docs}, failMode: Open, url: "https://docs.example/mcp/?v=2"},
  {match: {surface: LLM, models: ["qwen*"]}, failMode: Open, url: "http://127.0.0.1:11434/v1/"},
  {match: {surface: LLM}, failMode: Open, url: "http://127.0.0.1:1"},
  {match: {surface: MCP}, failMode: Closed}]}}`

// TestFailModes: the configuration's routes are the gate's, and those that are
// open are told of at the start.
func TestFailModes(t *testing.T) {
	loaded, err := config.Text("test", modes)
	if err != nil {
		t.Fatal(err)
	}
	want := []gate.Route{
		{Surface: decision.MCP, Server: "docs", Mode: gate.Open, Target: decision.Target{Provider: "docs", Origin: "https://docs.example", Path: "/mcp/?v=2"}},
		{Surface: decision.LLM, Models: []string{"qwen*"}, Mode: gate.Open, Target: decision.Target{Provider: "127.0.0.1:11434", Origin: "http://127.0.0.1:11434", Path: "/v1"}},
		{Surface: decision.LLM, Mode: gate.Open, Target: decision.Target{Provider: "127.0.0.1:1", Origin: "http://127.0.0.1:1"}},
		{Surface: decision.MCP, Mode: gate.Closed},
		{Mode: gate.Lifeboat},
	}
	if diff := cmp.Diff(want, Routes(loaded.Config.GetDecision())); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if got := Routes(nil); len(got) != 1 || got[0].Mode == gate.Open || got[0].Mode == gate.Lifeboat {
		t.Errorf("without a configuration: %+v", got)
	}
	var log bytes.Buffer
	tel, err := telemetry.New(telemetry.Options{Service: "test", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Close(t.Context())
	services, err := Dial(loaded.Config.GetDecision(), tel)
	if err != nil {
		t.Fatal(err)
	}
	defer services.Close()
	plane, err := New(loaded.Config, services, tel, "test")
	if err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "is Open: while no decision service answers") != 3 || !strings.Contains(got, `"level":"WARN"`) {
		t.Errorf("the log says %s", got)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := plane.Run(ended); err != nil {
		t.Error(err)
	}
}
