package config

import (
	"fmt"
	"regexp"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// LoadInjection reads an Injection document; without a file, every default.
func LoadInjection(path string) (*configv1.Injection, error) {
	if path == "" {
		loaded, err := Text("defaults", "{apiVersion: outrider.dev/v1, kind: "+kindInject+"}")
		if err != nil {
			return nil, err
		}
		return loaded.Injection, nil
	}
	l := newLoader()
	documents := l.documents(path)
	if alone(documents) {
		for _, d := range documents {
			l.read(d, kindInject)
		}
	}
	loaded, err := l.result()
	if err != nil {
		return nil, err
	}
	return loaded.Injection, nil
}

func (l *loader) readInjection(d *document) {
	c := &configv1.Injection{}
	d.message(c.ProtoReflect(), d.root, "")
	d.checkInjection(c)
	if l.loaded.Injection != nil {
		d.add(d.lines[""], "", "is a second "+kindInject, "keep one")
		return
	}
	l.loaded.Injection = c
	if t := c.GetWebhook().GetTls(); t != nil {
		resolve(d.file, &t.Cert, &t.Key)
	}
	if a := c.GetWebhook().GetApi(); a != nil {
		resolve(d.file, &a.Ca, &a.Token)
	}
}

// quantity is how Kubernetes writes amounts of memory and processor time.
var quantity = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)

func (d *document) checkInjection(c *configv1.Injection) {
	s := c.GetSidecar()
	for path, written := range map[string]string{"sidecar.cpu": s.GetCpu(), "sidecar.memory": s.GetMemory(), "sidecar.memoryLimit": s.GetMemoryLimit()} {
		if written != "" && !quantity.MatchString(written) {
			d.fail(path, fmt.Sprintf("%s: %s is not a quantity", path, quoted(written)), "write it as Kubernetes does, such as 10m or 128Mi")
		}
	}
	const least, most = 1000, 65535
	if uid := s.GetUid(); uid != 0 && uid < least {
		d.fail("sidecar.uid", fmt.Sprintf("sidecar.uid: %d belongs to the system", uid), "give 1000 or more")
	}
	ports := c.GetPorts()
	for path, port := range map[string]uint32{"ports.agent": ports.GetAgent(), "ports.admin": ports.GetAdmin()} {
		if port > most || port != 0 && port < 1024 {
			d.fail(path, fmt.Sprintf("%s: %d is not a port that a sidecar can have", path, port), "give 1024 to 65535")
		}
	}
	if ports.GetAgent() != 0 && ports.GetAgent() == ports.GetAdmin() {
		d.fail("ports.admin", "ports.admin: agents connect to that port already", "give each its own port")
	}
	d.checkInjectedDecision(c.GetDecision())
	d.checkWebhook(c.GetWebhook())
}

func (d *document) checkInjectedDecision(c *configv1.InjectedDecision) {
	if target := c.GetTarget(); target != "" {
		host, ok := d.checkAddress("decision.target", strings.TrimPrefix(target, "dns:///"))
		if ok && decision.LoopbackHost(host) {
			d.fail("decision.target", fmt.Sprintf("decision.target: %s is within the pod", quoted(target)), "write host:port or dns:///host:port of the decision service")
		}
	}
	if c.GetTrustConfigMap() != "" && c.GetTrustSecret() != "" {
		d.fail("decision.trustSecret", "decision.trustSecret: decision.trustConfigMap is given too", "give one of them")
	}
}

func (d *document) checkWebhook(w *configv1.Webhook) {
	for path, address := range map[string]string{"webhook.listen": w.GetListen(), "webhook.admin": w.GetAdmin()} {
		if address != "" {
			d.checkAddress(path, address)
		}
	}
	if a := w.GetApi(); a.GetUrl() != "" {
		d.checkBaseURL("webhook.api.url", a.GetUrl())
	}
}
