package webhook

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"

	"outrider.dev/outrider/inject"
)

// MaxBody bounds a review: what etcd stores of an object is half of it.
const MaxBody = 3 << 20

// Config is what a handler needs.
type Config struct {
	Injector  *inject.Injector
	Namespace string                   // the webhook's own, which is left alone
	Count     func(inject.Report)      // called for every pod that is not a dry run
	Tell      func(inject.Report, Pod) // the same, for events; must not wait
	Log       *slog.Logger
}

// Pod is what is known of a pod before it has a name of its own.
type Pod struct {
	Namespace string
	Name      string         // or the beginning of one
	Owner     map[string]any // its controller's reference; nil: none
}

// Handler answers reviews.
func Handler(cfg Config) http.Handler { return &handler{cfg} }

type handler struct{ Config }

// ServeHTTP answers one review.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "post an AdmissionReview", http.StatusMethodNotAllowed)
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		code := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the review cannot be read, or is larger than 3 MiB", code)
		return
	}
	answer, err := h.review(raw)
	if err != nil {
		h.Log.Warn("a review is refused", "error", err)
		http.Error(w, "the review is refused: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func (h *handler) review(raw []byte) ([]byte, error) {
	asked, err := readReview(raw)
	if err != nil {
		return nil, err
	}
	pod, err := asked.pod()
	if err != nil {
		return nil, err
	}
	if pod == nil {
		return asked.answer(nil, nil)
	}
	ops, report := h.inject(pod, asked.Namespace)
	if !asked.DryRun {
		h.Count(report)
		h.Tell(report, podOf(pod, asked.Namespace))
	}
	return asked.answer(ops, &report)
}

func (h *handler) inject(pod map[string]any, namespace string) ([]inject.Op, inject.Report) {
	if namespace == h.Namespace || slices.Contains([]string{"kube-system", "kube-public", "kube-node-lease"}, namespace) {
		return nil, inject.Report{
			Kind: "Pod", Namespace: namespace, Name: podOf(pod, namespace).Name, Outcome: inject.Skipped,
			Reason: inject.ExemptNamespace, Detail: "pods of this namespace are left alone, so that the cluster can start",
		}
	}
	return h.Injector.Pod(pod, namespace)
}

func podOf(pod map[string]any, namespace string) Pod {
	meta, _ := pod["metadata"].(map[string]any)
	p := Pod{Namespace: namespace}
	if p.Name, _ = meta["name"].(string); p.Name == "" {
		p.Name, _ = meta["generateName"].(string)
	}
	owners, _ := meta["ownerReferences"].([]any)
	for _, o := range owners {
		if owner, ok := o.(map[string]any); ok && owner["controller"] == true {
			p.Owner = owner
		}
	}
	return p
}
