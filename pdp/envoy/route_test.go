package envoy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"outrider.dev/outrider/decision"
)

// both reads a route in both spellings and demands that they agree.
func both(t *testing.T, values map[string]string) (Route, error) {
	t.Helper()
	md := metadata.MD{"user-agent": {"envoy"}}
	for key, value := range values {
		md["x-outrider-"+strings.ReplaceAll(key, "_", "-")] = []string{value}
	}
	r, err := RouteOfContext(values)
	again, failed := RouteOfMetadata(md)
	if diff := cmp.Diff(r, again); diff != "" || (err == nil) != (failed == nil) {
		t.Errorf("context extensions and initial metadata differ: %v, %v\n%s", err, failed, diff)
	}
	return r, err
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		want   Route
		target string
	}{
		{nil, Route{}, ""},
		{map[string]string{"agent": "copilot", "provider": "xai"}, Route{Agent: decision.Caller{Agent: "copilot"}, Provider: "xai"}, "xai"},
		{
			map[string]string{
				"agent": "copilot", "namespace": "prod", "service_account": "sa", "labels": "app=copilot, team=dev,x=", "server": "github", "paired": "true",
			},
			Route{
				Agent:  decision.Caller{Agent: "copilot", Namespace: "prod", ServiceAccount: "sa", Labels: map[string]string{"app": "copilot", "team": "dev", "x": ""}},
				Server: "github", Paired: true,
			},
			"github",
		},
		{map[string]string{"paired": "false"}, Route{}, ""},
	} {
		got, err := both(t, c.values)
		if err != nil {
			t.Errorf("%v: %v", c.values, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || got.Target() != c.target {
			t.Errorf("%v leads to %q:\n%s", c.values, got.Target(), diff)
		}
	}
}

func TestRoutesThatSayNothingClear(t *testing.T) {
	for _, values := range []map[string]string{
		{"agnet": "copilot"},
		{"Agent": "copilot"},
		{"paired": "yes"},
		{"provider": "xai", "server": "github"},
		{"labels": "app"},
		{"labels": "=x"},
		{"labels": "a=1,a=2"},
		{"labels": "a=1,"},
	} {
		r, err := both(t, values)
		var refusal *decision.Error
		if !errors.As(err, &refusal) || refusal.Code != decision.CodeFaceCannotEnforce {
			t.Errorf("%v: %+v, %v", values, r, err)
		}
	}
	if _, err := RouteOfMetadata(metadata.MD{"x-outrider-agent": {"a", "b"}}); err == nil {
		t.Error("two agents are one too many")
	}
}
