package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"outrider.dev/outrider/demo/llm"
	"outrider.dev/outrider/demo/tools"
	"outrider.dev/outrider/test/freeport"
)

// binEnv tells the scripts where the built commands are.
const binEnv = "OUTRIDER_CLI_BIN"

func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"call": callMain, "askers": askersMain, "slow": slowMain})
}

// built builds the commands once, before the scripts run.
type built struct{ m *testing.M }

// Run implements testscript.TestingM.
func (b built) Run() int {
	bin, err := os.MkdirTemp("", "cli")
	if err == nil {
		defer func() { _ = os.RemoveAll(bin) }()
		err = build(bin)
	}
	if err == nil {
		err = os.Setenv(binEnv, bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return b.m.Run()
}

func build(bin string) error {
	out, err := exec.Command("go", "build", "-race", "-o", bin, "../../cmd/...").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the commands: %w\n%s", err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		Cmds:                commands(),
		RequireExplicitExec: true,
	})
}

// setup gives each script a provider and an MCP server of its own, free ports
// and a place for records.
func setup(env *testscript.Env) error {
	provider, err := llm.Start()
	if err != nil {
		return err
	}
	env.Defer(func() { _ = provider.Close() })
	github, err := tools.StartGitHub()
	if err != nil {
		return err
	}
	env.Defer(func() { _ = github.Close() })
	for _, name := range []string{"AGENT", "ADMIN", "PDP", "DEAD"} {
		addr, release, err := freeport.Claim()
		if err != nil {
			return err
		}
		env.Defer(release)
		env.Setenv(name, addr)
	}
	env.Setenv("PATH", os.Getenv(binEnv)+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("PROVIDER", provider.URL)
	env.Setenv("PROVIDER_KEY", provider.Key())
	env.Setenv("GITHUB", github.URL)
	env.Setenv("GITHUB_KEY", github.Token())
	env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each run of a command
	env.Setenv("UID", strconv.Itoa(os.Getuid()))
	return nil
}
