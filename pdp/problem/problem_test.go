package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

// TestEveryReason: each reason code of the registry is a whole problem with a
// status that says that something is wrong.
func TestEveryReason(t *testing.T) {
	for _, e := range decision.Registry() {
		w := httptest.NewRecorder()
		Of(decision.Reason{Code: e.Code, Message: "words"}, "exchange-1").Write(w)
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code < 400 || got["status"] != float64(w.Code) || got["reason"] != string(e.Code) || got["title"] != e.Status.Summary ||
			got["type"] != "tag:outrider.dev,2026:problem:"+string(e.Code) || got["detail"] != "words" || got["decision"] != "exchange-1" {
			t.Errorf("%s: %d %v", e.Code, w.Code, got)
		}
		if h := w.Header(); h.Get("Content-Type") != ContentType || h.Get(decision.IDHeader) != "exchange-1" || h.Get("Cache-Control") != "no-store" ||
			(w.Code == http.StatusUnauthorized) != strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %v", e.Code, h)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for reason, want := range map[*decision.Reason]string{
		{Code: decision.CodeRateLimited, RetryAfter: 1500 * time.Millisecond}: "2",
		{Code: decision.CodeRateLimited}:                                      "",
		{Code: decision.CodeOverloaded}:                                       "1",
		{Code: decision.CodeNotAllowed}:                                       "",
	} {
		w := httptest.NewRecorder()
		Of(*reason, "").Write(w)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%+v: %q, want %q", reason, got, want)
		}
	}
}

func TestScopes(t *testing.T) {
	w := httptest.NewRecorder()
	Of(decision.Reason{Code: decision.CodeNotAllowed, NeededScopes: []string{"mcp:read"}}, "").Write(w)
	if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope"`) || !strings.Contains(got, `scope="mcp:read"`) {
		t.Error(got)
	}
}

// TestErrors: refusals tell their words, statuses of gRPC become their likes,
// and causes are told to nobody.
func TestErrors(t *testing.T) {
	refusal := decision.Refuse(decision.CodeContentType, "words")
	for _, c := range []struct {
		err    error
		reason decision.Code
		detail string
	}{
		{refusal, decision.CodeContentType, "words"},
		{fmt.Errorf("around: %w", refusal), decision.CodeContentType, "words"},
		{status.Error(codes.InvalidArgument, "words"), decision.CodeBodyInvalid, "words"},
		{status.Error(codes.PermissionDenied, "words"), decision.CodePeerRefused, "words"},
		{status.Error(codes.Unauthenticated, "words"), decision.CodeTokenMissing, "words"},
		{status.Error(codes.ResourceExhausted, "s3cr3t"), decision.CodeOverloaded, "ask again"},
		{status.Error(codes.DeadlineExceeded, "s3cr3t"), decision.CodeOverloaded, "ask again"},
		{status.Error(codes.Internal, "s3cr3t"), decision.CodeInternal, "could not be completed"},
		{errors.New("s3cr3t"), decision.CodeInternal, "could not be completed"},
	} {
		if p := From(c.err); p.Reason != c.reason || !strings.Contains(p.Detail, c.detail) || strings.Contains(p.Detail, "s3cr3t") {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
}
