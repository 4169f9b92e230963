package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
)

// post sends the question. The token and the secret stand in no error.
func (i *introspector) post(bearer decision.Secret) (claims map[string]any, size int, err error) {
	// Several calls may wait for this answer: none of them may end it alone.
	ctx, cancel := context.WithTimeout(context.Background(), maxWait)
	defer cancel()
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("%d questions are under way already", maxQuestions)
	}
	req, err := i.question(ctx, bearer)
	if err != nil {
		return nil, 0, err
	}
	res, err := i.http.Do(req)
	if err != nil {
		return nil, 0, cause(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("it answered status %d", res.StatusCode)
	}
	return readAnswer(res.Body)
}

// question is what is sent, with the proof of who asks.
func (i *introspector) question(ctx context.Context, bearer decision.Secret) (*http.Request, error) {
	form := url.Values{"token": {string(bearer)}, "token_type_hint": {"access_token"}}
	var secret decision.Secret
	var err error
	if i.proof == nil {
		secret, err = i.Secret()
	} else {
		var assertion string
		assertion, err = i.proof.sign(time.Now())
		form.Set("client_id", i.ClientID) // some issuers look the key up by it
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the url cannot be asked")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if i.proof == nil { // RFC 6749 §2.3.1: both parts are encoded like a form's
		req.SetBasicAuth(url.QueryEscape(i.ClientID), url.QueryEscape(string([]byte(secret))))
	}
	return req, nil
}

func readAnswer(body io.Reader) (claims map[string]any, size int, err error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return nil, 0, cause(err)
	}
	if len(raw) > maxAnswer {
		return nil, 0, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	claims, err = readObject(raw)
	if err != nil {
		return nil, 0, fmt.Errorf("the answer %w", err)
	}
	return claims, len(raw), nil
}

// cause leaves out the address, which may carry a key in its query.
func cause(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// complain logs a failure, at most once in minGap: every call may cause one.
func (i *introspector) complain(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now := time.Now(); i.logged.IsZero() || now.Sub(i.logged) >= minGap {
		i.logged = now
		i.log.Warn("an issuer cannot be asked about its tokens", "issuer", i.issuer, "error", err)
	}
}
