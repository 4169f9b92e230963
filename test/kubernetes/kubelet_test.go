package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kubelet runs pods as they were stored, with podman, whose storage and state it keeps
// in a folder of its own.
type kubelet struct {
	*cluster
	dir     string
	network *network
	names   []string // of services; all are on loopback here
}

func newKubelet(t *testing.T, c *cluster, network *network, names ...string) *kubelet {
	t.Helper()
	k := &kubelet{cluster: c, dir: filepath.Join(workDir, "podman"), network: network, names: names}
	write(t, filepath.Join(k.dir, "containers.conf"), containersConf)
	// podman 4 keeps its events and locks where all of this machine's podmans do, unless told.
	t.Setenv("CONTAINERS_CONF", filepath.Join(k.dir, "containers.conf"))
	t.Cleanup(func() { k.podman(t, "pod", "rm", "--all", "--force", "--time", "5") })
	return k
}

// Not every machine lets limits be raised, and crun does not run on all of them.
const containersConf = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
`

func (k *kubelet) podman(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{
		"--storage-driver", "vfs", "--root", filepath.Join(k.dir, "root"),
		"--runroot", filepath.Join(k.dir, "run"), "--tmpdir", filepath.Join(k.dir, "tmp"),
	}, args...)
	var out, problems string
	var err error
	// In the pods' network, which is so the one of podman's host. And without the context
	// of the test, which has ended when pods are removed.
	k.network.do(func() { out, problems, err = command(context.Background(), nil, "podman", args...) })
	if err != nil {
		t.Fatal(err)
	}
	return out + problems
}

// run starts a stored pod.
func (k *kubelet) run(t *testing.T, stored object) {
	t.Helper()
	meta := stored["metadata"].(object)
	dir := filepath.Join(k.dir, "pods", meta["name"].(string))
	var spec object
	if err := json.Unmarshal(encode(t, stored["spec"]), &spec); err != nil {
		t.Fatal(err)
	}
	for _, v := range list(spec["volumes"]) {
		volume := v.(object)
		name := volume["name"].(string)
		k.fill(t, filepath.Join(dir, name), stored, volume)
		for kind := range volume {
			if kind != "name" {
				delete(volume, kind)
			}
		}
		volume["hostPath"] = object{"path": filepath.Join(dir, name), "type": "Directory"}
	}
	// podman 4.3 waits for an init container to end, even one that is to go on: it is
	// started beside the others instead, first.
	spec["containers"] = append(list(spec["initContainers"]), list(spec["containers"])...)
	delete(spec, "initContainers")
	// As the kubelet does, with the names that a cluster's DNS would know.
	hosts := filepath.Join(dir, "hosts")
	write(t, hosts, "127.0.0.1 localhost "+strings.Join(k.names, " ")+"\n")
	spec["volumes"] = append(list(spec["volumes"]), object{"name": "hosts", "hostPath": object{"path": hosts, "type": "File"}})
	for _, c := range list(spec["containers"]) {
		c := c.(object)
		adapt(c, spec)
		c["volumeMounts"] = append(list(c["volumeMounts"]), object{"name": "hosts", "mountPath": "/etc/hosts", "readOnly": true})
	}
	file := filepath.Join(dir, "pod.yaml")
	write(t, file, string(encode(t, object{
		"apiVersion": "v1", "kind": "Pod", "spec": spec,
		"metadata": object{"name": meta["name"], "labels": meta["labels"]},
	})))
	k.podman(t, "play", "kube", "--build=false", "--network", "host", file)
}

// stop ends a pod and takes it away.
func (k *kubelet) stop(t *testing.T, pod object) {
	t.Helper()
	k.podman(t, "pod", "rm", "--force", "--time", "10", pod["metadata"].(object)["name"].(string))
}

// adapt changes what podman cannot take as it stands. Probes would be run by a program
// in the container, of which there is none: the tests ask their questions themselves.
// Ports it would map to the machine's, where there is no network in between.
// What the pod says for all containers podman 4.3 does not pass on to them.
func adapt(container, spec object) {
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe", "restartPolicy", "ports"} {
		delete(container, probe)
	}
	own, _ := container["securityContext"].(object)
	if own == nil {
		own = object{}
	}
	all, _ := spec["securityContext"].(object)
	for _, key := range []string{"runAsUser", "runAsGroup"} {
		if own[key] == nil && all[key] != nil {
			own[key] = all[key]
		}
	}
	container["securityContext"] = own
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// fill writes a volume as the kubelet would.
func (k *kubelet) fill(t *testing.T, dir string, pod, volume object) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	namespace := pod["metadata"].(object)["namespace"].(string)
	switch {
	case volume["emptyDir"] != nil:
		if err := os.Chmod(dir, 0o777); err != nil { // MkdirAll heeds the umask
			t.Fatal(err)
		}
	case volume["configMap"] != nil:
		k.configMap(t, dir, namespace, volume["configMap"].(object))
	case volume["secret"] != nil:
		secret := k.get(t, "secret", volume["secret"].(object)["secretName"].(string), "-n", namespace)
		for key, value := range secret["data"].(object) {
			data, err := base64.StdEncoding.DecodeString(value.(string))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, key), string(data))
		}
	case volume["projected"] != nil:
		for _, source := range list(volume["projected"].(object)["sources"]) {
			k.project(t, dir, pod, source.(object))
		}
	default:
		t.Fatalf("a volume that nothing here can fill: %v", volume)
	}
}

func (k *kubelet) configMap(t *testing.T, dir, namespace string, source object) {
	t.Helper()
	data := k.get(t, "configmap", source["name"].(string), "-n", namespace)["data"].(object)
	if items := list(source["items"]); items != nil {
		for _, item := range items {
			item := item.(object)
			write(t, filepath.Join(dir, item["path"].(string)), data[item["key"].(string)].(string))
		}
		return
	}
	for key, value := range data {
		write(t, filepath.Join(dir, key), value.(string))
	}
}

// project writes one source of a projected volume. Tokens come from the API server, for
// this very pod.
func (k *kubelet) project(t *testing.T, dir string, pod, source object) {
	t.Helper()
	meta := pod["metadata"].(object)
	switch {
	case source["configMap"] != nil:
		k.configMap(t, dir, meta["namespace"].(string), source["configMap"].(object))
	case source["serviceAccountToken"] != nil:
		want := source["serviceAccountToken"].(object)
		args := []string{
			"--bound-object-kind", "Pod", "--bound-object-name", meta["name"].(string), "--bound-object-uid", meta["uid"].(string),
			"--duration", fmt.Sprintf("%vs", want["expirationSeconds"]),
		}
		if audience, ok := want["audience"].(string); ok {
			args = append(args, "--audience", audience)
		}
		account := pod["spec"].(object)["serviceAccountName"].(string)
		write(t, filepath.Join(dir, want["path"].(string)), k.token(t, meta["namespace"].(string), account, args...))
	case source["downwardAPI"] != nil:
		for _, item := range list(source["downwardAPI"].(object)["items"]) {
			item := item.(object)
			write(t, filepath.Join(dir, item["path"].(string)), field(t, meta, item["fieldRef"].(object)["fieldPath"].(string)))
		}
	default:
		t.Fatalf("a source that nothing here can project: %v", source)
	}
}

// field reads what the downward API tells of a pod.
func field(t *testing.T, meta object, path string) string {
	t.Helper()
	if path == "metadata.namespace" {
		return meta["namespace"].(string)
	}
	name, ok := strings.CutPrefix(path, "metadata.annotations['")
	value, found := meta["annotations"].(object)[strings.TrimSuffix(name, "']")].(string)
	if !ok || !found {
		t.Fatalf("no field %s", path)
	}
	return value
}

// load takes images into podman's storage.
func (k *kubelet) load(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		k.podman(t, "load", "--quiet", "--input", filepath.Join(dir, name+".tar"))
	}
	have := k.podman(t, "images", "--format", "{{.Repository}}:{{.Tag}}")
	for _, name := range names {
		if !slices.Contains(strings.Split(have, "\n"), "localhost/"+name+":test") {
			t.Fatalf("no image of %s among\n%s", name, have)
		}
	}
}
