package inject

import (
	"cmp"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// defaultTrust is the ConfigMap that is looked for where none is named.
const defaultTrust = "outrider-trust"

// SettingsOf returns what a loaded document says. The placement is the one to
// take where it says none.
func SettingsOf(c *configv1.Injection, otherwise Placement) Settings {
	s, d := c.GetSidecar(), c.GetDecision()
	trust := Trust{ConfigMap: d.GetTrustConfigMap(), Secret: d.GetTrustSecret(), Key: d.GetTrustKey()}
	if trust.ConfigMap == "" && trust.Secret == "" {
		trust.ConfigMap = defaultTrust
	}
	return Settings{
		Image:       s.GetImage(),
		Placement:   cmp.Or(Placement(s.GetPlacement()), otherwise),
		UID:         int64(s.GetUid()),
		CPU:         s.GetCpu(),
		Memory:      s.GetMemory(),
		MemoryLimit: s.GetMemoryLimit(),
		AgentPort:   int(c.GetPorts().GetAgent()),
		AdminPort:   int(c.GetPorts().GetAdmin()),
		Target:      d.GetTarget(),
		ServerName:  d.GetServerName(),
		Audience:    d.GetAudience(),
		Trust:       trust,
	}
}
