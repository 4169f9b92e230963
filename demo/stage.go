package demo

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"text/template"

	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/llm"
	"outrider.dev/outrider/demo/standin"
	"outrider.dev/outrider/demo/tools"
)

//go:embed files/*.yaml
var files embed.FS

// RequestsPerMinute is the limit of the demo's policy on LLM calls.
const RequestsPerMinute = 10

// maxSocket is the longest path of a unix socket that every system takes.
const maxSocket = 103

// Stage is what stands around the road: the stand-ins, serving, and a folder
// with the configuration of both parts.
type Stage struct {
	Dir      string
	StateDir string // the decision service's, with the records that `outrider why` reads

	Issuer *issuer.Issuer
	LLM    *llm.Provider
	GitHub *tools.Server
	Slack  *tools.Server

	AgentAddress string // where the data plane serves the agent
	AdminAddress string // its health
	PDPAddress   string // the decision service's health

	open []interface{ Close() error }
}

// NewStage starts the stand-ins and writes the configuration into dir. The
// decision service's state is kept in the folder state; empty: below dir. With
// standardPorts the parts listen where the documentation says, else on free ports.
func NewStage(dir, state string, standardPorts bool) (*Stage, error) {
	s := &Stage{
		Dir: dir, StateDir: cmp.Or(state, filepath.Join(dir, "state")),
		AgentAddress: "127.0.0.1:4000", AdminAddress: "127.0.0.1:4001", PDPAddress: "127.0.0.1:9192",
	}
	if len(s.Socket()) > maxSocket {
		return nil, fmt.Errorf("%s is too long a path for a unix socket: set TMPDIR to a shorter folder", s.Socket())
	}
	err := s.startStandIns()
	if err == nil && !standardPorts {
		err = freePorts(&s.AgentAddress, &s.AdminAddress, &s.PDPAddress)
	}
	if err == nil {
		err = s.writeFiles()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stage) startStandIns() (err error) {
	if s.Issuer, err = issuer.Start(clients()...); err != nil {
		return err
	}
	s.open = append(s.open, s.Issuer)
	if s.LLM, err = llm.Start(); err != nil {
		return err
	}
	s.open = append(s.open, s.LLM)
	if s.GitHub, err = tools.StartGitHub(); err != nil {
		return err
	}
	s.open = append(s.open, s.GitHub)
	if s.Slack, err = tools.StartSlack(); err != nil {
		return err
	}
	s.open = append(s.open, s.Slack)
	return nil
}

// Close stops the stand-ins. The folder stays.
func (s *Stage) Close() error {
	var errs []error
	for _, c := range s.open {
		errs = append(errs, c.Close())
	}
	s.open = nil
	return errors.Join(errs...)
}

// Config returns the path of a part's configuration.
func (s *Stage) Config(part Part) string { return filepath.Join(s.Dir, string(part)+".yaml") }

// AgentURL is the base of the data plane's addresses.
func (s *Stage) AgentURL() string { return "http://" + s.AgentAddress }

// Socket is where the decision service answers the data plane.
func (s *Stage) Socket() string { return filepath.Join(s.Dir, "pdp.sock") }

// KeyFile is the file with the key of a provider or server.
func (s *Stage) KeyFile(name string) string { return filepath.Join(s.Dir, name+".key") }

// Audience is the audience of good tokens, for the templates.
func (s *Stage) Audience() string { return issuer.Audience }

// UID is the user that both parts run as, for the templates.
func (s *Stage) UID() int { return os.Getuid() }

// RequestsPerMinute is the limit on LLM calls, for the templates.
func (s *Stage) RequestsPerMinute() int { return RequestsPerMinute }

func (s *Stage) writeFiles() error {
	if err := os.MkdirAll(s.StateDir, 0o700); err != nil {
		return fmt.Errorf("make the decision service's folder: %w", err)
	}
	for name, key := range map[string]string{
		"xai": s.LLM.Key(), s.GitHub.Name: s.GitHub.Token(), s.Slack.Name: s.Slack.Token(),
	} {
		if err := os.WriteFile(s.KeyFile(name), []byte(key+"\n"), 0o600); err != nil {
			return fmt.Errorf("write a key of the demo: %w", err)
		}
	}
	for _, name := range []string{"policy.yaml", "pdp.yaml", "sidecar.yaml"} {
		if err := s.render(name); err != nil {
			return fmt.Errorf("write %s of the demo: %w", name, err)
		}
	}
	return nil
}

func (s *Stage) render(name string) (err error) {
	t, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // G304: a name of ours in the demo's own folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return t.Execute(f, s)
}

// freePorts sets addresses to free loopback ports. All are held until the last
// is found, so that no two are the same.
func freePorts(addresses ...*string) error {
	held := make([]net.Listener, 0, len(addresses))
	defer func() {
		for _, l := range held {
			_ = l.Close() // nothing was served on it
		}
	}()
	for _, address := range addresses {
		l, _, err := standin.Listen()
		if err != nil {
			return err
		}
		held = append(held, l)
		*address = l.Addr().String()
	}
	return nil
}
