package inject

import (
	"fmt"
	"slices"
)

// containerName is the sidecar's own, and its volume's.
const containerName = "outrider"

// refuse says why a pod cannot be injected, nil where it can.
func refuse(pod object, w *wishes) *skip {
	spec := child(pod, "spec")
	if why := shapeless(pod); why != nil {
		return why
	}
	switch {
	case text(at(pod, "metadata", "annotations"), "kubernetes.io/config.mirror") != "":
		return &skip{MirrorPod, "the kubelet made it from a file of its node"}
	case truth(spec, "hostNetwork"):
		return &skip{HostNetwork, "hostNetwork: the sidecar's loopback would be the node's, where every pod like it could speak as this agent: give it a network of its own"}
	case text(child(spec, "os"), "name") == "windows", text(child(spec, "nodeSelector"), "kubernetes.io/os") == "windows":
		return &skip{Windows, "it runs on Windows, for which there is no sidecar: use a shared gateway"}
	case w.Placement == Container && text(spec, "restartPolicy") != "" && text(spec, "restartPolicy") != "Always":
		return &skip{WouldNotEnd, "a plain container beside it would keep it from ever ending: use placement Native, for which the cluster needs Kubernetes 1.29"}
	}
	if why := taken(pod); why != nil {
		return why
	}
	return clash(spec, w)
}

// shapeless refuses what is no pod, so that nothing below has to look.
func shapeless(pod object) *skip {
	spec := child(pod, "spec")
	if spec == nil {
		return &skip{InvalidPod, "it has no spec"}
	}
	for _, key := range []string{"containers", "initContainers"} {
		list, ok := objects(spec, key)
		if !ok {
			return &skip{InvalidPod, "spec." + key + " is not a list of containers"}
		}
		for _, c := range list {
			if _, ok := objects(c, "env"); !ok {
				return &skip{InvalidPod, fmt.Sprintf("env of container %q is not a list of variables", text(c, "name"))}
			}
			for _, list := range []string{"ports", "volumeMounts"} {
				if _, ok := objects(c, list); !ok {
					return &skip{InvalidPod, fmt.Sprintf("%s of container %q is not a list", list, text(c, "name"))}
				}
			}
		}
	}
	if _, ok := objects(spec, "volumes"); !ok {
		return &skip{InvalidPod, "spec.volumes is not a list of volumes"}
	}
	for _, key := range []string{"metadata", "labels", "annotations"} {
		o := pod
		if key != "metadata" {
			o = child(pod, "metadata")
		}
		if o[key] != nil && child(o, key) == nil {
			return &skip{InvalidPod, key + " is not a mapping"}
		}
	}
	if len(containers(spec)) == 0 {
		return &skip{InvalidPod, "it has no containers"}
	}
	return nil
}

// containers and initContainers return the lists of a pod that refuse has seen.
func containers(spec object) []object {
	list, _ := objects(spec, "containers")
	return list
}

func initContainers(spec object) []object {
	list, _ := objects(spec, "initContainers")
	return list
}

// sidecarOf returns the container of our name; refuse has seen that it is ours.
func sidecarOf(spec object) object {
	for _, c := range slices.Concat(initContainers(spec), containers(spec)) {
		if text(c, "name") == containerName {
			return c
		}
	}
	return nil
}

// taken refuses names that are used by something else than an earlier
// injection, which leaves container, volume and label.
func taken(pod object) *skip {
	spec := child(pod, "spec")
	volumes, _ := objects(spec, "volumes")
	volume := slices.ContainsFunc(volumes, func(v object) bool { return text(v, "name") == containerName })
	container, mounted := sidecarOf(spec) != nil, mountedBy(spec)
	ours := text(at(pod, "metadata", "labels"), LabelStatus) == statusInjected
	switch {
	case mounted != "":
		return &skip{NameTaken, fmt.Sprintf("container %q mounts the volume %s, which holds the token that proves the sidecar: give its own volume another name", mounted, containerName)}
	case ours && volume && container, !volume && !container:
		return nil
	}
	what := "container"
	if !container {
		what = "volume"
	}
	return &skip{NameTaken, fmt.Sprintf("a %s named %s is there and not from an injection: give it another name", what, containerName)}
}

// mountedBy names a container beside the sidecar that mounts the sidecar's volume.
func mountedBy(spec object) string {
	for _, c := range slices.Concat(initContainers(spec), containers(spec)) {
		mounts, _ := objects(c, "volumeMounts")
		if text(c, "name") != containerName && slices.ContainsFunc(mounts, func(m object) bool { return text(m, "name") == containerName }) {
			return text(c, "name")
		}
	}
	return ""
}

// clash refuses ports that a container of the pod listens on: all share one network.
func clash(spec object, w *wishes) *skip {
	for _, c := range slices.Concat(initContainers(spec), containers(spec)) {
		if text(c, "name") == containerName {
			continue
		}
		ports, _ := objects(c, "ports")
		for _, p := range ports {
			n, _ := number(p, "containerPort")
			tcp := text(p, "protocol") == "" || text(p, "protocol") == "TCP"
			if tcp && (n == int64(w.AgentPort) || n == int64(w.AdminPort)) {
				return &skip{PortClash, fmt.Sprintf("container %q listens on port %d: give the sidecar another one with annotation %s or %s", text(c, "name"), n, AnnotationPort, AnnotationAdminPort)}
			}
		}
	}
	return nil
}
