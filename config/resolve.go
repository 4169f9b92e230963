package config

import (
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// resolveConfig makes relative paths relative to the document's folder.
func resolveConfig(c *configv1.Config, file string) {
	if t := c.GetDecision().GetTls(); t != nil {
		resolve(file, &t.Cert, &t.Key, &t.Ca)
	}
	if p := c.GetPdp(); p != nil {
		resolve(file, &p.State)
		if p.Listen != nil {
			resolve(file, &p.Listen.Socket)
		}
		if t := p.GetListen().GetTls(); t != nil {
			resolve(file, &t.Cert, &t.Key, &t.ClientCa)
		}
	}
	for _, p := range c.GetLlm().GetProviders() {
		if p.Key != nil {
			resolve(file, &p.Key.File)
		}
	}
	for _, s := range c.GetMcp().GetServers() {
		if b := s.GetAuth().GetBearer(); b != nil {
			resolve(file, &b.File)
		}
	}
}

func resolvePolicy(p *configv1.AgentPolicy, file string) {
	for _, provider := range p.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
		if provider.Jwks != nil {
			resolve(file, &provider.Jwks.File)
		}
		if secret := provider.GetIntrospection().GetSecret(); secret != nil {
			resolve(file, &secret.File)
		}
	}
}

func resolve(document string, paths ...*string) {
	for _, p := range paths {
		*p = inFolder(document, *p)
	}
}
