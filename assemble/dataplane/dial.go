package dataplane

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/decision/wire/pool"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// maxMessage bounds one answer of the decision service: the splices of the
// largest body.
const maxMessage = 64 << 20

// Dial connects to the decision services that the configuration names. The
// connections are made in the background, and made again when they are lost.
func Dial(cfg *configv1.Decision, tel *telemetry.Telemetry) (*pool.Pool, error) {
	creds, err := dialCredentials(cfg)
	if err != nil {
		return nil, err
	}
	common := append(append(wire.ClientOptions(),
		// How large a question may be is the service's to say: a refusal on this side would cut the stream, and with it
		// the outcome of another call that goes ahead of the question.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.ForceCodecV2(wire.NewCodec())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	), tel.GRPCClient()...)
	secured := append(slices.Clip(common), grpc.WithTransportCredentials(creds))
	if file := cfg.GetToken(); file != "" {
		secured = append(secured, grpc.WithPerRPCCredentials(&workloadToken{file: file, now: time.Now}))
	}
	local := append(slices.Clip(common), grpc.WithTransportCredentials(insecure.NewCredentials()))
	return pool.New(pool.Config{
		Targets: cfg.GetTarget(),
		Dial: func(a pool.Address) (*grpc.ClientConn, error) {
			switch {
			case strings.HasPrefix(a.Dial, "unix:"): // the kernel says who is there, whatever goes for others
				return dial(a, local)
			case a.Host != "" && cfg.GetTls().GetServerName() == "":
				return dial(a, append(slices.Clip(secured), grpc.WithAuthority(a.Host)))
			default:
				return dial(a, secured)
			}
		},
		Lookup: net.DefaultResolver.LookupHost,
		Log:    tel.Log,
		Count:  func(e pool.Event) { count(tel.Metrics, e) },
		Trace:  tel.TraceContext,
	})
}

func dial(a pool.Address, options []grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(a.Dial, options...)
	if err != nil {
		return nil, fmt.Errorf("decision.target %s: %w: give unix:///path or host:port", a.Name, err)
	}
	return conn, nil
}

// count counts what the pool tells of.
func count(m *telemetry.Metrics, e pool.Event) {
	switch e {
	case pool.Answered:
		m.PDPAttempts.WithLabelValues(telemetry.AttemptAnswered).Inc()
	case pool.Silent:
		m.PDPAttempts.WithLabelValues(telemetry.AttemptSilent).Inc()
	case pool.Failed:
		m.PDPAttempts.WithLabelValues(telemetry.AttemptFailed).Inc()
	case pool.Retried:
		m.PDPRetries.Inc()
	case pool.Ejected:
		m.PDPEjections.Inc()
	case pool.Settled:
		m.PDPSettled.WithLabelValues(telemetry.SettledAfterwards).Inc()
	case pool.Late:
		m.PDPSettled.WithLabelValues(telemetry.SettledLate).Inc()
	case pool.Unsettled:
		m.PDPSettled.WithLabelValues(telemetry.SettledNever).Inc()
	}
}

// dialCredentials demands TLS of everything beyond this machine.
func dialCredentials(cfg *configv1.Decision) (credentials.TransportCredentials, error) {
	files := cfg.GetTls()
	if files == nil {
		for _, target := range cfg.GetTarget() {
			if !strings.HasPrefix(target, "unix:") && !decision.LoopbackHost(hostOf(target)) {
				return nil, fmt.Errorf("decision.target %s is beyond loopback: give decision.tls with cert, key and ca", target)
			}
		}
		return insecure.NewCredentials(), nil
	}
	creds := &freshTLS{files: files}
	if _, err := creds.config(); err != nil {
		return nil, err
	}
	return creds, nil
}

// hostOf returns the host of a target: host:port, or dns:///host:port.
func hostOf(target string) string {
	target = strings.TrimPrefix(target, "dns:///")
	if host, _, err := net.SplitHostPort(target); err == nil {
		return host
	}
	return target
}
