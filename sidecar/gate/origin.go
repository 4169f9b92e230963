package gate

import (
	"net/http"
	"net/url"

	"outrider.dev/outrider/decision"
)

// CheckOrigin refuses what a web page of another host sent. A browser beside
// the agent reaches the same loopback, also by a foreign name that was rebound
// to it, and would speak with the agent's rights. The error is a
// *decision.Error.
func CheckOrigin(h http.Header) error {
	for _, origin := range h.Values("Origin") {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || !decision.LoopbackHost(u.Host) {
			return decision.Refuse(decision.CodeOriginRefused, "web pages of other hosts may not call this address")
		}
	}
	return nil
}
