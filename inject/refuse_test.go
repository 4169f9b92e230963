package inject

import (
	"strings"
	"testing"
)

// TestTakenPlaces: what would lead to the sidecar's token, or stands where the
// sidecar is to stand, is not injected into.
func TestTakenPlaces(t *testing.T) {
	i := injector(t, nil)
	pod := func(spec string) string {
		return `{"kind":"Pod","metadata":{"name":"p"},"spec":{"serviceAccountName":"bot",` + spec + `}}`
	}
	for spec, want := range map[string]Reason{
		`"containers":[{"name":"a","volumeMounts":[{"name":"outrider","mountPath":"/t"}]}]`:                                        NameTaken,
		`"containers":[{"name":"a"}],"initContainers":[{"name":"i","volumeMounts":[{"name":"x"},{"name":"outrider"}]}]`:            NameTaken,
		`"containers":[{"name":"a"},{"name":"outrider"}]`:                                                                          NameTaken,
		`"containers":[{"name":"a"}],"volumes":[{"name":"outrider","emptyDir":{}}]`:                                                NameTaken,
		`"containers":[{"name":"a","volumeMounts":{"name":"outrider"}}]`:                                                           InvalidPod,
		`"containers":[{"name":"a","ports":[{"containerPort":14000}]}]`:                                                            PortClash,
		`"containers":[{"name":"a","ports":[{"containerPort":14001,"protocol":"TCP"}]}]`:                                           PortClash,
		`"containers":[{"name":"a","ports":[{"containerPort":14000,"protocol":"UDP"}],"volumeMounts":[{"name":"outrider-data"}]}]`: "",
		`"hostNetwork":true,"containers":[{"name":"a"}]`:                                                                           HostNetwork,
		`"containers":[{"name":"a"}],"initContainers":[{"name":"s","restartPolicy":"Always","ports":[{"containerPort":14000}]}]`:   PortClash,
	} {
		out, report := injected(t, i, pod(spec))
		if report.Reason != want || (want == "") != (report.Outcome == Injected) {
			t.Errorf("%s: %+v, want %q", spec, report, want)
		}
		if want != "" && report.Detail == "" {
			t.Errorf("%s: nothing says what to do", spec)
		}
		if again, told := i.Pod(out, "prod"); want == "" && (len(again) > 0 || told.Outcome != Unchanged) {
			t.Errorf("%s: a second injection does %v, %+v", spec, again, told)
		}
	}
}

// TestLaterMount: a container that was added to an injected manifest, and that
// mounts the token, is told of.
func TestLaterMount(t *testing.T) {
	i := injector(t, nil)
	out, _ := injected(t, i, plainPod)
	list, _ := child(out, "spec")["containers"].([]any)
	child(out, "spec")["containers"] = append(list, parse(t, `{"name":"late","volumeMounts":[{"name":"outrider","mountPath":"/t"}]}`))
	if ops, report := i.Pod(out, "prod"); len(ops) > 0 || report.Reason != NameTaken || !strings.Contains(report.Detail, `"late"`) {
		t.Errorf("%v, %+v", ops, report)
	}
}

func TestSharedProcesses(t *testing.T) {
	for _, shared := range []string{"shareProcessNamespace", "hostPID"} {
		_, report := injected(t, injector(t, nil), `{"kind":"Pod","metadata":{"name":"p"},"spec":{"serviceAccountName":"bot","`+shared+`":true,"containers":[{"name":"a"}]}}`)
		if report.Outcome != Injected || len(report.Notes) == 0 || !strings.Contains(report.Notes[len(report.Notes)-1].Text, shared) {
			t.Errorf("%s: %+v", shared, report)
		}
	}
}
