package envoy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowProvider streams one event, waits for leave, and streams what must not be
// seen by then.
type slowProvider struct {
	*httptest.Server
	goOn chan struct{}
}

func newSlowProvider(t *testing.T) *slowProvider {
	t.Helper()
	p := &slowProvider{goOn: make(chan struct{})}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(text string) {
			_, _ = io.WriteString(w, `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"`+text+`"},"finish_reason":null}]}`+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		say("These are the first words, long enough to be let through while more is on its way. ")
		select {
		case <-p.goOn:
			say("What nobody judged. ")
			say("What nobody judged. ")
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// leadTo points Envoy and the decision service at the slow provider.
func (p *slowProvider) change(t *testing.T) func(_ *site, envoy, outrider tree) {
	return func(_ *site, envoy, outrider tree) {
		plainly(t, cluster(t, envoy, "openai"), p.URL)
		in(t, outrider, "llm", "providers", 0).(tree)["url"] = p.URL + "/v1"
	}
}

// TestLostInMidStream kills the decision service while an answer is on its way:
// what came after that does not reach the agent, and the answer ends.
func TestLostInMidStream(t *testing.T) {
	provider := newSlowProvider(t)
	s := newSite(t, variants()[0], provider.change(t))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/v1/chat/completions", strings.NewReader(chatBody(t, model, "hi", true)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	first := make([]byte, 1)
	if _, err := io.ReadFull(res.Body, first); err != nil {
		t.Fatalf("%d, no first byte: %v", res.StatusCode, err)
	}
	_ = s.pdp.cmd.Process.Kill()
	<-s.pdp.ended
	close(provider.goOn)
	rest, _ := io.ReadAll(res.Body)
	if strings.Contains(string(rest), "nobody judged") {
		t.Errorf("came through: %s", rest)
	}
}

// TestHung: a decision service that is there and says nothing is none. The
// refusal of ext_authz waits for ext_proc, which has no timeout of its own where
// bodies are in full duplex: only the connection's keepalive ends that.
func TestHung(t *testing.T) {
	s := newSite(t, variants()[0], func(_ *site, envoy, _ tree) {
		filters := in(t, envoy, "static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config", "http_filters").([]any)
		in(t, filters[0], "typed_config", "grpc_service").(tree)["timeout"] = "0.3s"
		in(t, filters[1], "typed_config").(tree)["message_timeout"] = "0.3s"
		options := in(t, cluster(t, envoy, "outrider"), "typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")
		alive := in(t, options, "explicit_http_config", "http2_protocol_options", "connection_keepalive").(tree)
		alive["interval"], alive["timeout"] = "1s", "1s"
	})
	if err := s.pdp.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.pdp.cmd.Process.Signal(syscall.SIGCONT) }()
	begun := time.Now()
	got := s.chat(t, model, "Say hello.", false)
	if got.status != http.StatusServiceUnavailable {
		t.Errorf("%d after %s, want 503", got.status, time.Since(begun))
	}
	s.nothingArrived(t)
	if err := s.pdp.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a call to pass again", func() bool {
		return s.chat(t, model, "Say hello.", false).status == http.StatusOK
	})
}
