package road

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/assemble/dataplane"
	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
	"outrider.dev/outrider/test/started"
)

// Road is one road that stands: the far side, the two parts, and where they
// answer.
type Road struct {
	*setup
	base   string // where the agent calls
	admins []string
	log    *started.Log // of both parts
	http   *http.Client
}

// way is a way in which a road can be built.
type way struct {
	name  string
	build func(*testing.T, *setup) *Road
}

func ways() []way { return []way{{"in process", inProcess}, {"over the wire", overTheWire}} }

// eachWay runs a test on both ways.
func eachWay(t *testing.T, run func(t *testing.T, r *Road), changes ...func(*setup)) {
	t.Helper()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) { run(t, w.build(t, newSetup(t, changes...))) })
	}
}

// inProcess has the engine itself decide the data plane's calls.
func inProcess(t *testing.T, s *setup) *Road {
	t.Helper()
	log := &started.Log{}
	loaded := load(t, s.text(secHead, secSidecar, secLimits, secInside, secRoutes, s.policy))
	tel := newTelemetry(t, log)
	service := startPDP(t, loaded, tel)
	base, admin := startPlane(t, loaded.Config, service.Engine, tel)
	return stand(t, s, log, base, admin, httpOf(t, service))
}

// overTheWire has them ask a decision service, as the sidecar's configuration
// says where.
func overTheWire(t *testing.T, s *setup) *Road {
	t.Helper()
	log := &started.Log{}
	service := startPDP(t, load(t, s.text(secHead, secLimits, secPDP, secRoutes, s.policy)), newTelemetry(t, log))
	s.grpc = grpcOf(service)
	s.decision = strings.ReplaceAll(s.decision, "$grpc", s.grpc)
	base, admin := dialPlane(t, s, log)
	return stand(t, s, log, base, admin, httpOf(t, service))
}

// dialPlane starts a data plane that asks as s.decision says.
func dialPlane(t *testing.T, s *setup, log *started.Log) (base, admin string) {
	t.Helper()
	cfg := load(t, s.text(secHead, secSidecar, secLimits, secDecision)).Config
	tel := newTelemetry(t, log)
	services, err := dataplane.Dial(cfg.GetDecision(), tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(services.Close)
	running(t, "the pool of decision services", services.Run)
	return startPlane(t, cfg, services, tel)
}

func load(t *testing.T, text string) *config.Loaded {
	t.Helper()
	loaded, err := config.Text("road", text)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func newTelemetry(t *testing.T, log io.Writer) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(telemetry.Options{Service: "road", Version: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(context.Background()) })
	return tel
}

func startPDP(t *testing.T, loaded *config.Loaded, tel *telemetry.Telemetry) *decisionservice.Service {
	t.Helper()
	service, err := decisionservice.New(loaded, decisionservice.Options{Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	running(t, "the decision service", service.Run)
	return service
}

func startPlane(t *testing.T, cfg *configv1.Config, d decision.Decider, tel *telemetry.Telemetry) (base, admin string) {
	t.Helper()
	plane, err := dataplane.New(cfg, d, tel, "test")
	if err != nil {
		t.Fatal(err)
	}
	running(t, "the data plane", plane.Run)
	return plane.Agent(), plane.Admin()
}

// running runs a part until the end of the test and demands that it ends well.
func running(t *testing.T, what string, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s ended: %v", what, err)
		}
	})
}

// httpOf and grpcOf return where a decision service answers.
func httpOf(t *testing.T, s *decisionservice.Service) string {
	t.Helper()
	i := slices.IndexFunc(s.Addresses(), isURL)
	if i < 0 {
		t.Fatalf("the decision service has no address for health: %v", s.Addresses())
	}
	return s.Addresses()[i]
}

func grpcOf(s *decisionservice.Service) string {
	for _, a := range s.Addresses() {
		if strings.HasPrefix(a, "127.0.0.1:") {
			return a
		}
	}
	return ""
}

func isURL(a string) bool { return strings.HasPrefix(a, "http://") }

// stand waits until the parts are ready.
func stand(t *testing.T, s *setup, log *started.Log, base string, admins ...string) *Road {
	t.Helper()
	r := &Road{setup: s, base: base, admins: admins, log: log, http: newClient(t)}
	if s.issuer == believed {
		for _, admin := range admins {
			eventually(t, admin+" is ready", func() bool { return r.get(t, admin+"/readyz").status == http.StatusOK })
		}
	}
	return r
}

// newClient is the agent's client of one test.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * patience}
}

const patience = 10 * time.Second

// eventually waits for what happens beside the test.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
