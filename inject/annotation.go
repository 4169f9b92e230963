package inject

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Annotations that users write on a pod or on the template of one.
const (
	AnnotationInject         = "outrider.dev/inject"          // "true" or "false"; a label too
	AnnotationAgent          = "outrider.dev/agent"           // the agent's name
	AnnotationImage          = "outrider.dev/image"           // of the sidecar
	AnnotationPlacement      = "outrider.dev/placement"       // Native or Container
	AnnotationPort           = "outrider.dev/port"            // where agents connect
	AnnotationAdminPort      = "outrider.dev/admin-port"      // health and metrics
	AnnotationSkipContainers = "outrider.dev/skip-containers" // that are no agents: a,b
	AnnotationInitContainers = "outrider.dev/init-containers" // that are agents too: a,b
)

// What injection itself writes: a label, by which pods without a sidecar are
// found, and the sidecar's configuration, which it reads as a file.
const (
	LabelStatus      = "outrider.dev/status"
	statusInjected   = "injected"
	annotationConfig = "outrider.dev/config"
)

// wishes is what the annotations of one pod ask for.
type wishes struct {
	Settings
	agent string
	skip  []string
	init  []string
}

var agentName = regexp.MustCompile(`^[^\s*]{1,253}$`)

// wishes reads the annotations of a pod.
func (i *Injector) wishes(meta object) (wishes, *skip) {
	w := wishes{Settings: i.settings}
	a := child(meta, "annotations")
	if name := text(a, AnnotationAgent); name != "" {
		if !agentName.MatchString(name) {
			return w, wrong(AnnotationAgent, "is not the name of an agent: use at most 253 characters, no white space and no *")
		}
		w.agent = name
	}
	if image := text(a, AnnotationImage); image != "" {
		w.Image = image
	}
	switch p := Placement(text(a, AnnotationPlacement)); p {
	case "":
	case Native, Container:
		w.Placement = p
	default:
		return w, wrong(AnnotationPlacement, fmt.Sprintf("is neither %s nor %s", Native, Container))
	}
	for _, port := range []struct {
		annotation string
		to         *int
	}{{AnnotationPort, &w.AgentPort}, {AnnotationAdminPort, &w.AdminPort}} {
		if written := text(a, port.annotation); written != "" {
			n, err := strconv.ParseUint(written, 10, 16)
			if err != nil {
				return w, wrong(port.annotation, "is not a port")
			}
			*port.to = int(n)
		}
	}
	if err := w.checkPorts(); err != nil {
		return w, wrong(AnnotationPort+" or "+AnnotationAdminPort, "is wrong: "+err.Error())
	}
	w.skip = names(text(a, AnnotationSkipContainers))
	w.init = names(text(a, AnnotationInitContainers))
	return w, nil
}

func wrong(annotation, what string) *skip {
	return &skip{InvalidAnnotation, "annotation " + annotation + " " + what}
}

// names takes a list with commas apart.
func names(list string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }),
		func(s string) bool { return s == "" })
}

// optedOut reads the one word that may stand on a label as well. "false" on
// either counts; another word is not guessed at.
func optedOut(meta object) *skip {
	label, annotation := text(child(meta, "labels"), AnnotationInject), text(child(meta, "annotations"), AnnotationInject)
	for _, said := range []string{label, annotation} {
		switch said {
		case "", "true":
		case "false":
			return &skip{OptedOut, AnnotationInject + ` is "false"`}
		default:
			return wrong(AnnotationInject, `is neither "true" nor "false"`)
		}
	}
	return nil
}
