package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Bounds of what a service may cost.
const (
	maxQuestions = 32      // at once; more are refused without waiting
	maxAnswer    = 1 << 20 // bytes
	maxDepth     = 16      // of an answer's nesting
	maxHeader    = 64 << 10
	maxNames     = 128 // kinds of findings that a service may have names for
	maxName      = 64  // bytes
)

// Options say where a service is.
type Options struct {
	URL     string                          // https, or http on loopback
	Bearer  func() (decision.Secret, error) // read for each request; nil: none is sent
	Timeout time.Duration                   // of one question, with all of its texts
}

// service is what recognisers and classifiers have in common.
type service struct {
	Options
	client *http.Client
	slots  chan struct{}

	mu    sync.Mutex
	names map[string]string // of findings, by what the service calls them
}

func newService(o Options) *service {
	t := &http.Transport{}
	if base, ok := http.DefaultTransport.(*http.Transport); ok {
		t = base.Clone()
	}
	t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes, t.DisableCompression = maxQuestions, maxHeader, true
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &service{
		Options: o,
		client:  &http.Client{Transport: t, CheckRedirect: stay},
		slots:   make(chan struct{}, maxQuestions),
		names:   map[string]string{},
	}
}

// Close drops connections that nobody uses.
func (s *service) Close() { s.client.CloseIdleConnections() }

// question bounds one question in time and in number. The caller calls end,
// whatever comes.
func (s *service) question(ctx context.Context) (_ context.Context, end func(), err error) {
	select {
	case s.slots <- struct{}{}:
	default:
		return ctx, func() {}, fmt.Errorf("%d questions are open already", maxQuestions)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("no answer within %s", s.Timeout))
	return ctx, func() { cancel(); <-s.slots }, nil
}

// post sends a question and returns the answer. No error holds what was sent,
// what came, or the address, which may carry a key.
func (s *service) post(ctx context.Context, address string, question any) ([]byte, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, errors.New("the question cannot be written")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if s.Bearer != nil {
		key, err := s.Bearer()
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+string(key))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, away(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", res.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, away(ctx, err)
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	return raw, nil
}

// away says why no answer came.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // without the address
	}
	return fmt.Errorf("it cannot be reached: %w", err)
}

// errShape is of an answer that reads like nothing that was asked for.
var errShape = errors.New("its answer has another shape than expected")

// parse reads one JSON value that is all of raw.
func parse(raw []byte) (*strictjson.Doc, strictjson.Value, error) {
	const open, end = `{"answer":`, `}`
	whole := append(append([]byte(open), raw...), end...)
	doc, err := strictjson.Parse(whole, strictjson.Limits{Bytes: len(whole), Depth: maxDepth})
	if err != nil {
		return nil, strictjson.Value{}, errors.New("its answer is not strict JSON")
	}
	v := doc.Root().Get("answer")
	if n := doc.Root().Len(); n != 1 {
		doc.Free()
		return nil, v, errShape
	}
	return doc, v, nil
}

// name returns the type of a finding that the service calls so. What a service
// sends must not let metrics and memory grow.
func (s *service) name(prefix, said string, of func(string) string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.names[said]; ok {
		return known, nil
	}
	if said == "" || len(said) > maxName {
		return "", fmt.Errorf("a finding has no name, or one of more than %d bytes", maxName)
	}
	if len(s.names) == maxNames {
		return "", fmt.Errorf("it has names for more than %d kinds of findings", maxNames)
	}
	s.names[strings.Clone(said)] = prefix + of(said)
	return s.names[said], nil
}

// snake returns a name in small letters, digits and underscores.
func snake(said string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, said)
}
