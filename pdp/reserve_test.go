package pdp

import (
	"strconv"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestBoundsOfTokensAreCounted: no bound that a chat may ask for counts for
// less than it is.
func TestBoundsOfTokensAreCounted(t *testing.T) {
	e, _ := engine(t, false, ofPolicy(`  traffic: {rateLimiting: [{per: Agent, limits: [{tokensPerMinute: 1000}]}]}
  backend: {llm: {models: {allow: ["*"]}}}
`))
	for most, want := range map[uint64]decision.Code{900: decision.CodeNone, 1001: decision.CodeRateLimited, 1 << 63: decision.CodeRateLimited, 1<<64 - 1: decision.CodeRateLimited} {
		v, x := open(t, e, chatOf(t, `{"model":"gpt-5","max_tokens":`+strconv.FormatUint(most, 10)+`,"messages":[{"role":"user","content":"hi"}]}`))
		if v.Reason.Code != want {
			t.Errorf("%d: %+v", most, v.Reason)
		}
		if x != nil {
			if err := x.Settle(t.Context(), decision.Outcome{}); err != nil {
				t.Error(err)
			}
		}
	}
	for _, bound := range []string{"1e3", "10.0", "-1", "-0", "18446744073709551616", `"7"`, "1e400"} {
		r := chat(t, "")
		r.Body.Raw = []byte(`{"model":"gpt-5","max_tokens":` + bound + `,"messages":[{"role":"user","content":"hi"}]}`)
		if v, err := e.Check(t.Context(), r); err != nil || v.Reason.Code != decision.CodeBodyInvalid {
			t.Errorf("%s: %+v, %v", bound, v.Reason, err)
		}
	}
}
