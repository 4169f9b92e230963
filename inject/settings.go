package inject

import (
	"errors"
	"fmt"
)

// Placement says what kind of container the sidecar is.
type Placement string

// Placements. A native sidecar is an init container that goes on running: it
// is there before the agent and after it. Clusters before Kubernetes 1.29 do
// not know it and get a container beside the agent's.
const (
	Native    Placement = "Native"
	Container Placement = "Container"
)

// Settings is what every injected pod has in common.
type Settings struct {
	Image       string
	Placement   Placement
	UID         int64 // of the sidecar; the next free one where an agent runs as it
	CPU         string
	Memory      string // asked for
	MemoryLimit string
	AgentPort   int
	AdminPort   int
	Target      string // decision service
	ServerName  string // that its certificate carries; empty: the target's host
	Audience    string // of the token that proves the workload
	Trust       Trust
}

// Trust names the object in the pod's namespace that holds the certificates
// which sign the decision service's. Exactly one of ConfigMap and Secret.
type Trust struct{ ConfigMap, Secret, Key string }

func (s Settings) check() error {
	switch {
	case s.Image == "":
		return errors.New("sidecar.image is empty: name the sidecar's image")
	case s.Placement != Native && s.Placement != Container:
		return fmt.Errorf("sidecar.placement %q is neither %s nor %s", s.Placement, Native, Container)
	case s.Target == "":
		return errors.New("decision.target is empty: say where the decision service is")
	case (s.Trust.ConfigMap == "") == (s.Trust.Secret == "") || s.Trust.Key == "":
		return errors.New("decision needs exactly one of trustConfigMap and trustSecret, and trustKey")
	}
	return s.checkPorts()
}

func (s Settings) checkPorts() error {
	const most = 65535
	if s.AgentPort < 1 || s.AgentPort > most || s.AdminPort < 1 || s.AdminPort > most {
		return fmt.Errorf("ports %d and %d: give ports between 1 and %d", s.AgentPort, s.AdminPort, most)
	}
	if s.AgentPort == s.AdminPort {
		return fmt.Errorf("port %d is given twice: agents and health checks each need their own", s.AgentPort)
	}
	return nil
}
