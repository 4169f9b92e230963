package road

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// refusal is an error in the shape of the caller's own protocol.
type refusal struct {
	Reason   decision.Code
	Message  string
	Rule     string
	Decision string
	Number   int    // of JSON-RPC
	Type     string // of OpenAI
}

// refused reads the error of an answer in the shape that its path promises.
func (a *answer) refused(t *testing.T) refusal {
	t.Helper()
	raw := a.message(t)
	if strings.HasPrefix(a.path, pathMCP) {
		return readRPCError(t, raw)
	}
	return readOpenAIError(t, raw)
}

func readOpenAIError(t *testing.T, raw []byte) refusal {
	t.Helper()
	var got struct {
		Error struct {
			Message, Type string
			Code          decision.Code
			Decision      string `json:"decision_id"`
		}
	}
	strictly(t, raw, &got)
	e := got.Error
	return refusal{Reason: e.Code, Message: e.Message, Decision: e.Decision, Type: e.Type}
}

func readRPCError(t *testing.T, raw []byte) refusal {
	t.Helper()
	var got struct {
		JSONRPC string
		Error   struct {
			Code    int
			Message string
			Data    struct {
				Reason         decision.Code
				Decision, Rule string
			}
		}
	}
	strictly(t, raw, &got)
	if got.JSONRPC != "2.0" {
		t.Errorf("no JSON-RPC error: %s", raw)
	}
	e := got.Error
	return refusal{Reason: e.Data.Reason, Message: e.Message, Rule: e.Data.Rule, Decision: e.Data.Decision, Number: e.Code}
}

func strictly(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%v in %.300q", err, raw)
	}
}

// wantRefused demands a refusal with its code, its statuses in both protocols
// and its decision id in header, body and message.
func (a *answer) wantRefused(t *testing.T, code decision.Code) refusal {
	t.Helper()
	got, id, status := a.refused(t), a.id(t), code.Status()
	hidden := code == decision.CodeToolUnknown && got.Reason == decision.CodeNone
	if got.Reason != code && !hidden {
		t.Errorf("%s: reason %q (%s), want %q", a.path, got.Reason, got.Message, code)
	}
	if a.status != status.HTTP && !bytes.Contains(a.body, []byte("data: ")) {
		t.Errorf("%s: status %d, want %d", a.path, a.status, status.HTTP)
	}
	if got.Number != 0 && got.Number != status.JSONRPC || got.Type != "" && got.Type != status.OpenAI {
		t.Errorf("%s: error %d%s, want %d or %s", a.path, got.Number, got.Type, status.JSONRPC, status.OpenAI)
	}
	if got.Decision != id || !strings.Contains(got.Message, id) {
		t.Errorf("%s: the header names the decision %q, the body %q with the message %q", a.path, id, got.Decision, got.Message)
	}
	return got
}

// wantPassed demands an answer that passed.
func (a *answer) wantPassed(t *testing.T) {
	t.Helper()
	a.id(t)
	if a.status != http.StatusOK || bytes.Contains(a.body, []byte(`"error":`)) {
		t.Fatalf("%s: status %d: %s", a.path, a.status, a.body)
	}
}
