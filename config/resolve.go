package config

import (
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// resolveConfig makes relative paths relative to the document's folder.
func resolveConfig(c *configv1.Config, file string) {
	if t := c.GetDecision().GetTls(); t != nil {
		resolve(file, &t.Cert, &t.Key, &t.Ca)
	}
	if d := c.GetDecision(); d != nil {
		resolve(file, &d.Token)
	}
	if p := c.GetPdp(); p != nil {
		resolve(file, &p.State)
		if p.Listen != nil {
			resolve(file, &p.Listen.Socket)
		}
		if k := p.GetWorkloads().GetJwks(); k != nil {
			resolve(file, &k.File, &k.Ca, &k.Token)
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
	resolveRego(p.GetSpec().GetRegoModules(), file)
	for _, provider := range p.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
		if provider.Jwks != nil {
			resolve(file, &provider.Jwks.File)
		}
		i := provider.GetIntrospection()
		for _, key := range []*configv1.KeySource{i.GetSecret(), i.GetPrivateKeyJwt().GetKey()} {
			if key != nil {
				resolve(file, &key.File)
			}
		}
	}
}

// resolveRego makes the paths of regoModules relative to the document's folder.
func resolveRego(m *configv1.RegoModules, file string) {
	for i := range m.GetFiles() {
		resolve(file, &m.Files[i])
	}
	b := m.GetBundle()
	if b == nil {
		return
	}
	resolve(file, &b.File)
	if b.Bearer != nil {
		resolve(file, &b.Bearer.File)
	}
	if s := b.Signature; s != nil {
		resolve(file, &s.File)
		if s.Secret != nil {
			resolve(file, &s.Secret.File)
		}
	}
}

func resolve(document string, paths ...*string) {
	for _, p := range paths {
		*p = inFolder(document, *p)
	}
}
