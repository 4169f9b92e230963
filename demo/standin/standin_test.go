package standin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func echo() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})
}

func TestRecorderKeepsWhatArrivesAndPassesItOn(t *testing.T) {
	rec := NewRecorder(echo())
	mark := rec.Total()
	req := httptest.NewRequest(http.MethodPost, "/v1/things?q=1", strings.NewReader("body"))
	req.Header.Set("Authorization", "Bearer key")
	w := httptest.NewRecorder()
	rec.ServeHTTP(w, req)

	if w.Body.String() != "body" {
		t.Errorf("the handler read %q, want the whole body", w.Body)
	}
	got := rec.Since(mark)
	if len(got) != 1 {
		t.Fatalf("%d requests remembered, want 1", len(got))
	}
	if got[0].Method != http.MethodPost || got[0].Path != "/v1/things" || string(got[0].Body) != "body" {
		t.Errorf("remembered %s %s %q", got[0].Method, got[0].Path, got[0].Body)
	}
	if got[0].Header.Get("Authorization") != "Bearer key" {
		t.Error("the header is not remembered")
	}
	if len(rec.Since(rec.Total())) != 0 {
		t.Error("nothing arrived after the last mark, but something is reported")
	}
}

func TestRecorderIsBounded(t *testing.T) {
	rec := NewRecorder(echo())
	const sent = maxKept + 3
	for i := range sent {
		body := strings.NewReader(fmt.Sprint(i))
		rec.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", body))
	}
	all := rec.Since(0)
	if len(all) != maxKept || rec.Total() != sent {
		t.Fatalf("%d kept of %d, want %d of %d", len(all), rec.Total(), maxKept, sent)
	}
	for i, r := range all {
		if want := fmt.Sprint(i + 3); string(r.Body) != want {
			t.Fatalf("request %d is %q, want %q: oldest first", i, r.Body, want)
		}
	}
	if last := rec.Since(sent - 2); len(last) != 2 || string(last[1].Body) != fmt.Sprint(sent-1) {
		t.Errorf("the last two are %v", last)
	}
}

func TestRecorderRefusesHugeBodies(t *testing.T) {
	called := false
	rec := NewRecorder(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	w := httptest.NewRecorder()
	body := bytes.NewReader(make([]byte, maxBody+1))
	rec.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", body))
	if w.Code != http.StatusRequestEntityTooLarge || called {
		t.Errorf("status %d, handler called: %t; want 413 and no call", w.Code, called)
	}
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	rec := NewRecorder(echo())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				rec.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
				rec.Since(0)
			}
		})
	}
	wg.Wait()
	if rec.Total() != 800 {
		t.Errorf("%d requests counted, want 800", rec.Total())
	}
}

func TestServerServesAndCloses(t *testing.T) {
	l, url, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, echo())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(url, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := client.Get(url); err == nil {
		t.Error("a closed server still answers")
	}
}

func TestCloseCutsHangingRequests(t *testing.T) {
	l, url, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	s := Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	failed := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	begun := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(begun); took > 5*closeTimeout {
		t.Errorf("closing took %v", took)
	}
	if err := <-failed; err == nil {
		t.Error("the hanging request got an answer")
	}
}
