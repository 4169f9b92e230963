// Package kubernetes installs Outrider as its users do, into a real API server: the
// objects of deploy/kubernetes, the injector's webhook, and a Pod that goes through it.
// No kubelet runs here; the Pod that the API server stored is handed to podman, with
// the volumes that a kubelet would have filled. It has no code of its own and nobody
// imports it.
package kubernetes
