package kubernetes

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// TestRotation has two replicas of the injector renew their certificate while the API server
// asks both all the time, and one of them start again. No pod may be refused.
func TestRotation(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := install(t)
	c.namespace(t, "agents", object{"outrider.dev/injection": "enabled"})
	c.namespace(t, "chosen", object{})
	document := injection(t) + "webhook:\n"
	replicas := []*webhook{c.inject(t, document, 0), c.inject(t, document, 1)}
	old := c.secret(t, "outrider-injector-tls")
	c.checkServes(t, replicas[0], old["tls.crt"])
	c.checkServes(t, replicas[1], old["tls.crt"])
	c.age(t, old["ca.crt"])
	var now map[string]string
	mustUntil(t, "the renewed certificate of both replicas", nil, func() error {
		c.checkBoth(t)
		time.Sleep(250 * time.Millisecond) // kubectl takes much of a processor
		now = c.secret(t, "outrider-injector-tls")
		for _, w := range replicas {
			if err := serves(w.port, now["tls.crt"]); err != nil {
				return err
			}
		}
		return nil
	})
	if !strings.Contains(now["ca.crt"], strings.TrimSpace(old["ca.crt"])) || now["tls.key"] == old["tls.key"] {
		t.Error("the old authority was forgotten at once, or the key is the old one")
	}
	if err := c.bundled(t, now["ca.crt"]); err != nil {
		t.Error(err)
	}
	c.lead(t, replicas[1], 0) // as the Service does while a replica is away
	if err := replicas[0].stop(); err != nil {
		t.Fatal(err)
	}
	c.checkBoth(t)
	again := c.inject(t, document, 0)
	c.checkBoth(t)
	c.checkServes(t, again, now["tls.crt"])
	c.checkServes(t, replicas[1], now["tls.crt"])
}

func (c *cluster) checkServes(t *testing.T, w *webhook, certificate string) {
	t.Helper()
	if err := serves(w.port, certificate); err != nil {
		t.Errorf("%v\n%s", err, &w.log)
	}
}

// age puts a certificate into the Secret that is due to be renewed, where the authority of
// the one in use is believed as well.
func (c *cluster) age(t *testing.T, authority string) {
	t.Helper()
	const name = "outrider-injector.outrider"
	ca, cert, key := certificate(t, t.TempDir(), time.Now().Add(-61*24*time.Hour), name, name+".svc", name+".svc.cluster.local", "localhost")
	data := object{}
	for key, text := range map[string]string{"ca.crt": read(t, ca) + authority, "tls.crt": read(t, cert), "tls.key": read(t, key)} {
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	c.must(t, nil, "patch", "secret", "outrider-injector-tls", "-n", "outrider", "--type=merge", "-p", string(encode(t, object{"data": data})))
}

// checkBoth has the API server ask by each of the two webhooks of the configuration.
func (c *cluster) checkBoth(t *testing.T) {
	t.Helper()
	c.checkDryRun(t, plain("agents", "agent", nil, nil))
	c.checkDryRun(t, plain("chosen", "agent", object{"outrider.dev/inject": "true"}, nil))
}
