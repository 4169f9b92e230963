package gate

import (
	"errors"
	"net/http"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestCheckOrigin(t *testing.T) {
	for _, tt := range []struct {
		origins []string
		refused bool
	}{
		{nil, false},
		{[]string{"http://localhost:3000"}, false},
		{[]string{"http://127.0.0.1"}, false},
		{[]string{"https://[::1]:8443"}, false},
		{[]string{"http://rebound.example:4000"}, true},
		{[]string{"http://127.0.0.1.rebound.example"}, true},
		{[]string{"http://localhost@rebound.example"}, true},
		{[]string{"null"}, true},
		{[]string{""}, true},
		{[]string{"http://local host"}, true},
		{[]string{"http://localhost", "http://rebound.example"}, true},
	} {
		err := CheckOrigin(http.Header{"Origin": tt.origins})
		var refusal *decision.Error
		if refused := errors.As(err, &refusal) && refusal.Code == decision.CodeOriginRefused; refused != tt.refused {
			t.Errorf("%q: %v", tt.origins, err)
		}
	}
}
