// Package cluster talks to the API server of Kubernetes about the few objects
// that the webhook keeps or makes: its Secret, its configuration, events.
//
// It is a client of its own because it needs five requests: the client library
// of Kubernetes would be most of the binary. Objects are read as trees, so that
// what others keep in them stays. assemble/injector imports it.
package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Errors that callers act on. Others say what the API server answered.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrConflict = errors.New("somebody else has changed the object meanwhile")
)

const (
	requestTime = 10 * time.Second
	maxAnswer   = 4 << 20
	maxToken    = 64 << 10
)

// Config says where the API server is and how to authenticate to it.
type Config struct {
	URL   string
	CA    string // file with the certificates that sign its own
	Token string // file, read with every request since it changes
}

// InCluster returns what every pod is given.
func InCluster() (Config, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return Config{}, errors.New("this is no pod of a cluster: give webhook.api with url, ca and token")
	}
	const mounted = "/var/run/secrets/kubernetes.io/serviceaccount/"
	return Config{URL: "https://" + net.JoinHostPort(host, port), CA: mounted + "ca.crt", Token: mounted + "token"}, nil
}

// Client asks the API server. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New reads the certificates.
func New(cfg Config) (*Client, error) {
	pem, err := os.ReadFile(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("webhook.api.ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("webhook.api.ca: %s holds no certificate", cfg.CA)
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: requestTime,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        2,
		IdleConnTimeout:     time.Minute,
	}
	client := &http.Client{
		Transport: transport,
		Timeout:   requestTime,
		// The token is for this server alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{base: strings.TrimSuffix(cfg.URL, "/"), token: cfg.Token, http: client}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Object is an object of Kubernetes as it was read.
type Object = map[string]any

// Minor returns the minor version of the server, which speaks version 1.
func (c *Client) Minor(ctx context.Context) (int, error) {
	var v struct {
		Minor string `json:"minor"`
	}
	if err := c.ask(ctx, http.MethodGet, "/version", "", nil, &v); err != nil {
		return 0, err
	}
	minor, err := strconv.Atoi(strings.TrimRight(v.Minor, "+"))
	if err != nil {
		return 0, fmt.Errorf("the API server's minor version %q is no number: give sidecar.placement", v.Minor)
	}
	return minor, nil
}

// Secret returns a Secret, or [ErrNotFound].
func (c *Client) Secret(ctx context.Context, namespace, name string) (Object, error) {
	var o Object
	err := c.ask(ctx, http.MethodGet, secrets(namespace)+"/"+url.PathEscape(name), "", nil, &o)
	return o, err
}

// CreateSecret creates a Secret; [ErrConflict] where it is there already.
func (c *Client) CreateSecret(ctx context.Context, namespace string, secret Object) error {
	return c.ask(ctx, http.MethodPost, secrets(namespace), jsonType, secret, nil)
}

// UpdateSecret writes a Secret back that was read; [ErrConflict] where somebody
// else did so first.
func (c *Client) UpdateSecret(ctx context.Context, namespace, name string, secret Object) error {
	return c.ask(ctx, http.MethodPut, secrets(namespace)+"/"+url.PathEscape(name), jsonType, secret, nil)
}

func secrets(namespace string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/secrets"
}

// Webhooks returns a MutatingWebhookConfiguration, or [ErrNotFound].
func (c *Client) Webhooks(ctx context.Context, name string) (Object, error) {
	var o Object
	err := c.ask(ctx, http.MethodGet, webhooks(name), "", nil, &o)
	return o, err
}

// PatchWebhooks applies a JSON Patch to a MutatingWebhookConfiguration.
func (c *Client) PatchWebhooks(ctx context.Context, name string, patch []any) error {
	return c.ask(ctx, http.MethodPatch, webhooks(name), "application/json-patch+json", patch, nil)
}

func webhooks(name string) string {
	return "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/" + url.PathEscape(name)
}

// CreateEvent creates an event.
func (c *Client) CreateEvent(ctx context.Context, namespace string, event Object) error {
	return c.ask(ctx, http.MethodPost, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/events", jsonType, event, nil)
}

const jsonType = "application/json"

func (c *Client) ask(ctx context.Context, method, path, contentType string, body, answer any) error {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", jsonType)
	if err := c.authenticate(req); err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if err := refusal(resp.StatusCode, raw); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // numbers are written back as they came
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) authenticate(req *http.Request) error {
	f, err := os.Open(c.token)
	if err != nil {
		return fmt.Errorf("webhook.api.token: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return fmt.Errorf("webhook.api.token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(raw)))
	return nil
}

// refusal is the error of an answer; nil for success.
func refusal(code int, raw []byte) error {
	switch {
	case code < http.StatusMultipleChoices:
		return nil
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusConflict:
		return ErrConflict
	}
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &status) != nil || status.Message == "" {
		status.Message = "no reason given"
	}
	const longest = 300
	if len(status.Message) > longest {
		status.Message = strings.ToValidUTF8(status.Message[:longest], "") + "…"
	}
	return fmt.Errorf("the API server answers %d: %s", code, status.Message)
}
