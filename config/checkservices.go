package config

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// checkServices checks the services that guards ask. A name says which one is
// meant, whatever its kind.
func (d *document) checkServices(g *configv1.GuardSettings) {
	seen := map[string]string{}
	d.checkVariable("guards.key.env", g.GetKey().GetEnv())
	for i, r := range g.GetRecognizers() {
		path := fmt.Sprintf("guards.recognizers[%d]", i)
		d.checkService(seen, path, r.GetName(), r.GetBearer(), r.GetTimeout())
		if r.GetUrl() != "" {
			d.checkBaseURL(path+".url", r.GetUrl())
		}
		if at := path + ".minScore"; r.GetMinScore() < 0 || r.GetMinScore() > 1 {
			d.fail(at, at+" is not between 0 and 1", "give a number such as 0.4")
		}
	}
	for i, c := range g.GetClassifiers() {
		path := fmt.Sprintf("guards.classifiers[%d]", i)
		d.checkService(seen, path, c.GetName(), c.GetBearer(), c.GetTimeout())
		if c.GetUrl() != "" {
			d.checkURL(path+".url", c.GetUrl())
		}
	}
}

func (d *document) checkService(seen map[string]string, path, name string, bearer *configv1.KeySource, timeout *durationpb.Duration) {
	const longest = 5 * time.Second
	d.checkName(path+".name", name)
	d.unique(seen, path+".name", name)
	d.checkVariable(path+".bearer.env", bearer.GetEnv())
	if at := path + ".timeout"; timeout.AsDuration() > longest {
		d.fail(at, at+" is longer than 5s", "give at most 5s: the call waits meanwhile")
	}
}

// checkGuardName lets a guard name a service where it asks one.
func (d *document) checkGuardName(path string, g *configv1.Guard) {
	switch asks := g.GetType() == "Recognizer" || g.GetType() == "Classifier"; {
	case asks && g.GetName() == "":
		d.fail(path, path+" is missing its name: which service it asks", "give the name of one in guards of the configuration, as in name: presidio")
	case !asks && g.GetName() != "":
		d.fail(path+".name", path+".name: a guard of type "+g.GetType()+" asks no service", "remove the name, or give type: Recognizer or Classifier")
	}
}
