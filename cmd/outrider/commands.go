package main

import (
	"github.com/alecthomas/kong"
)

// version is set when a release is linked.
var version = "dev" //nolint:gochecknoglobals // the linker can only set a variable

// commandLine is what users may type.
type commandLine struct {
	Demo    demoCommand    `cmd:"" help:"Play the whole story on loopback: tokens, redaction, tools by scope, limits."`
	Run     runCommand     `cmd:"" help:"Run data plane and decision service in one process, or a command behind them."`
	Init    initCommand    `cmd:"" help:"Write a starting configuration, a policy and its tests."`
	Check   checkCommand   `cmd:"" help:"Load configuration and policies and say what is wrong."`
	Test    testCommand    `cmd:"" help:"Run the test cases of policies."`
	Explain explainCommand `cmd:"" help:"Say what would happen to a call, and what would let it pass."`
	Why     whyCommand     `cmd:"" help:"Say why a call was decided as it was."`
	Scan    scanCommand    `cmd:"" help:"Run the content guards over text."`
	Inject  injectCommand  `cmd:"" help:"Put the sidecar into the pods of a manifest."`
	Part    partCommand    `cmd:"" hidden:"" help:"Run one part of the demo."`

	Version kong.VersionFlag `help:"Show the version."`
}

func parserOptions() []kong.Option {
	return []kong.Option{
		kong.Name("outrider"),
		kong.Description("Outrider decides which LLM and MCP calls an AI agent may make.\n\nExample: outrider demo"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version},
	}
}
