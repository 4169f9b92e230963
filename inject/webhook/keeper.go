package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"outrider.dev/outrider/inject/cluster"
)

// Pauses between two looks at what is kept. While a caBundle is not right, for one because
// somebody put an old one back, no pod of an agent is made.
const (
	lookEvery = 15 * time.Second
	soonAgain = 2 * time.Second
)

// Store is where certificate and caBundle are kept.
type Store interface {
	Secret(ctx context.Context, namespace, name string) (cluster.Object, error)
	CreateSecret(ctx context.Context, namespace string, secret cluster.Object) error
	UpdateSecret(ctx context.Context, namespace, name string, secret cluster.Object) error
	Webhooks(ctx context.Context, name string) (cluster.Object, error)
	PatchWebhooks(ctx context.Context, name string, patch []any) error
}

// Names says what a keeper keeps, and for whom.
type Names struct {
	Namespace, Service, Secret, Configuration string
}

// Keeper makes the webhook's certificate, shares it with other replicas by a
// Secret, and tells the API server by the caBundle. No order of replicas and
// failures leaves a certificate in use that the bundle does not cover.
type Keeper struct {
	names Names
	store Store
	log   *slog.Logger
	now   func() time.Time

	serving atomic.Pointer[tls.Certificate]
	failed  atomic.Pointer[error]
}

// NewKeeper keeps nothing until Run.
func NewKeeper(names Names, store Store, log *slog.Logger) *Keeper {
	return &Keeper{names: names, store: store, log: log, now: time.Now}
}

var errNoCertificate = errors.New("there is no certificate yet")

// GetCertificate is for tls.Config.
func (k *Keeper) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := k.serving.Load(); c != nil {
		return c, nil
	}
	return nil, errNoCertificate
}

// Ready is nil once there is a certificate to serve with.
func (k *Keeper) Ready(context.Context) error {
	if k.serving.Load() != nil {
		return nil
	}
	if err := k.failed.Load(); err != nil && *err != nil {
		return *err
	}
	return errNoCertificate
}

// Run keeps both until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		again, err := k.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		k.failed.Store(&err)
		if err != nil {
			k.log.Warn("the webhook's certificate cannot be kept; trying again", "error", err)
			again = soonAgain
		}
		timer := time.NewTimer(again)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// look brings Secret, caBundle and what is served to one state, and says when
// to look again.
func (k *Keeper) look(ctx context.Context) (again time.Duration, err error) {
	m, pair, err := k.material(ctx)
	if errors.Is(err, cluster.ErrConflict) {
		return soonAgain, nil // another replica made one
	}
	if err != nil {
		return 0, err
	}
	told, err := k.tell(ctx, m.bundle)
	if err != nil {
		return 0, err
	}
	if told && m.covers(k.serving.Load(), k.now()) {
		return soonAgain, nil // let the API server hear of the other one before it meets it
	}
	if was := k.serving.Swap(pair); was == nil || !bytes.Equal(was.Certificate[0], pair.Certificate[0]) {
		k.log.Info("the webhook serves with a certificate of its own", "until", pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return lookEvery, nil
}

// dnsNames are those by which the API server calls a Service.
func (k *Keeper) dnsNames() []string {
	name := k.names.Service + "." + k.names.Namespace
	return []string{name + ".svc", name + ".svc.cluster.local", name, "localhost"}
}

// material returns what the Secret holds, made anew where that does not do.
func (k *Keeper) material(ctx context.Context) (material, *tls.Certificate, error) {
	secret, err := k.store.Secret(ctx, k.names.Namespace, k.names.Secret)
	missing := errors.Is(err, cluster.ErrNotFound)
	if err != nil && !missing {
		return material{}, nil, fmt.Errorf("the Secret %s: %w", k.names.Secret, err)
	}
	old := materialOf(secret)
	pair, err := old.pair(k.dnsNames(), k.now())
	if err == nil {
		return old, pair, nil
	}
	fresh, err := newMaterial(k.dnsNames(), old, k.now())
	if err != nil {
		return material{}, nil, fmt.Errorf("make a certificate: %w", err)
	}
	if pair, err = fresh.pair(k.dnsNames(), k.now()); err != nil {
		return material{}, nil, fmt.Errorf("make a certificate: %w", err)
	}
	if missing {
		secret = cluster.Object{
			"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
			"metadata": cluster.Object{"name": k.names.Secret, "namespace": k.names.Namespace},
		}
	}
	fresh.into(secret)
	if missing {
		err = k.store.CreateSecret(ctx, k.names.Namespace, secret)
	} else {
		err = k.store.UpdateSecret(ctx, k.names.Namespace, k.names.Secret, secret)
	}
	if err != nil {
		return material{}, nil, fmt.Errorf("the Secret %s: %w", k.names.Secret, err)
	}
	return fresh, pair, nil
}

// Keys of the Secret, those of its type kubernetes.io/tls.
const (
	keyBundle = "ca.crt"
	keyCert   = "tls.crt"
	keyKey    = "tls.key"
)

// materialOf reads a Secret; what is missing or damaged is empty.
func materialOf(secret cluster.Object) material {
	data, _ := secret["data"].(cluster.Object)
	read := func(key string) []byte {
		text, _ := data[key].(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		return raw
	}
	return material{bundle: read(keyBundle), cert: read(keyCert), key: read(keyKey)}
}

// into writes the material into a Secret; what else is in it stays.
func (m material) into(secret cluster.Object) {
	data, _ := secret["data"].(cluster.Object)
	if data == nil {
		data = cluster.Object{}
		secret["data"] = data
	}
	for key, raw := range map[string][]byte{keyBundle: m.bundle, keyCert: m.cert, keyKey: m.key} {
		data[key] = base64.StdEncoding.EncodeToString(raw)
	}
}

// tell brings the bundle into every webhook of the configuration, and reports
// whether one lacked it. A test in the patch keeps it off another's place
// where the list changed meanwhile.
func (k *Keeper) tell(ctx context.Context, bundle []byte) (told bool, err error) {
	fail := func(err error) (bool, error) {
		return false, fmt.Errorf("the MutatingWebhookConfiguration %s: %w", k.names.Configuration, err)
	}
	configuration, err := k.store.Webhooks(ctx, k.names.Configuration)
	if err != nil {
		return fail(err)
	}
	want := base64.StdEncoding.EncodeToString(bundle)
	var patch []any
	list, _ := configuration["webhooks"].([]any)
	for n, entry := range list {
		hook, _ := entry.(cluster.Object)
		client, _ := hook["clientConfig"].(cluster.Object)
		if client == nil || client["caBundle"] == want {
			continue
		}
		path := "/webhooks/" + strconv.Itoa(n)
		patch = append(patch,
			cluster.Object{"op": "test", "path": path + "/name", "value": hook["name"]},
			cluster.Object{"op": "add", "path": path + "/clientConfig/caBundle", "value": want})
	}
	if len(patch) == 0 {
		return false, nil
	}
	if err := k.store.PatchWebhooks(ctx, k.names.Configuration, patch); err != nil {
		return fail(err)
	}
	return true, nil
}
