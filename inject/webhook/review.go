package webhook

import (
	"encoding/json"
	"errors"
	"fmt"

	"outrider.dev/outrider/inject"
)

// What the API server and the webhook say to each other.
const (
	reviewVersion = "admission.k8s.io/v1"
	reviewKind    = "AdmissionReview"
)

type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID       string          `json:"uid"`
	Kind      groupKind       `json:"kind"`
	Namespace string          `json:"namespace"`
	Operation string          `json:"operation"`
	DryRun    bool            `json:"dryRun"`
	Object    json.RawMessage `json:"object"`
}

type groupKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

type response struct {
	UID       string   `json:"uid"`
	Allowed   bool     `json:"allowed"`
	PatchType string   `json:"patchType,omitempty"`
	Patch     []byte   `json:"patch,omitempty"` // base64 on the wire
	Warnings  []string `json:"warnings,omitempty"`
}

var errReview = errors.New("it is no AdmissionReview of " + reviewVersion + " with a request")

// readReview reads a question. Members that it does not know are left aside:
// the API server is newer than this program as often as not.
func readReview(raw []byte) (*request, error) {
	var r review
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if r.APIVersion != reviewVersion || r.Kind != reviewKind || r.Request == nil || r.Request.UID == "" {
		return nil, errReview
	}
	return r.Request, nil
}

// pod returns the pod that is to be created; nil where the question is about
// something else.
func (r *request) pod() (map[string]any, error) {
	if r.Kind != (groupKind{Version: "v1", Kind: "Pod"}) || r.Operation != "CREATE" {
		return nil, nil
	}
	var pod map[string]any
	if err := json.Unmarshal(r.Object, &pod); err != nil || pod == nil {
		return nil, errors.New("its object is no pod")
	}
	return pod, nil
}

// answer allows, with what is to be changed and said.
func (r *request) answer(ops []inject.Op, report *inject.Report) ([]byte, error) {
	a := &response{UID: r.UID, Allowed: true}
	if len(ops) > 0 {
		patch, err := json.Marshal(ops)
		if err != nil {
			return nil, err
		}
		a.Patch, a.PatchType = patch, "JSONPatch"
	}
	if report != nil {
		a.Warnings = warnings(report)
	}
	return json.Marshal(review{APIVersion: reviewVersion, Kind: reviewKind, Response: a})
}

// Bounds of what is shown to people beside the answer of the API server, which
// cuts more off.
const (
	maxWarnings = 10
	maxWarning  = 250
)

// warnings are what kubectl prints.
func warnings(r *inject.Report) []string {
	var out []string
	if r.Outcome == inject.Skipped && !r.Reason.Wanted() {
		out = append(out, cut(fmt.Sprintf("outrider: not injected (%s): %s", r.Reason, r.Detail)))
	}
	for _, n := range r.Notes {
		if n.Warning && len(out) < maxWarnings {
			out = append(out, cut("outrider: "+sentence(n)))
		}
	}
	return out
}

func sentence(n inject.Note) string {
	if n.Container == "" {
		return "the pod " + n.Text
	}
	return "container " + n.Container + ": " + n.Text
}

func cut(s string) string {
	if len(s) <= maxWarning {
		return s
	}
	return string([]rune(s)[:min(maxWarning, len([]rune(s)))])
}
