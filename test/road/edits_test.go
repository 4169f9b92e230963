package road

import (
	"context"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestSameEdits: what guards redact is redacted alike, byte for byte, whichever
// way a body takes, and every other byte stays.
func TestSameEdits(t *testing.T) {
	const mail, label = "ann@example.com", "[EMAIL]"
	r := overTheWire(t, newSetup(t))
	token := r.token(t, scopeRead)
	swapped := func(path string, changes ...spoil) (body, want string) {
		body = goodBody(path)
		for _, change := range changes {
			body = change(path, body)
		}
		return body, strings.NewReplacer(mail, label, `ann\u0040example\u002ecom`, label).Replace(body)
	}
	x := func(with string) spoil { return swap(`"text"`, with) }
	for name, changes := range map[string][]spoil{ // names of members are never changed: such a call is refused
		"a text":             {x(`"` + mail + `"`)},
		"an escaped text":    {x(`"ann\u0040example\u002ecom"`)},
		"two texts":          {x(`["` + mail + `",{"a":"to ` + mail + `, please"}]`)},
		"beside odd numbers": {x(`[1e999,-0,0.10,"` + mail + `",12345678901234567890]`)},
		"between odd spaces": {x("\"" + mail + "\"\r\n\t"), around("\n ", " \n")},
		"beside escapes":     {x(`"\u00e9\ud83d\ude00 ` + mail + ` \/\b\u0000"`)},
		"in the depths":      {x(strings.Repeat("[", 50) + `"` + mail + `"` + strings.Repeat("]", 50))},
	} {
		for _, path := range []string{pathChat, pathMCP + "/github"} {
			body, want := swapped(path, changes...)
			c := attack{spoil: instead(body)}.call(path, token)
			for way, got := range map[string]string{
				"the sidecar": r.arrivesBy(t, c), "ext_proc": r.sentByExtProc(t, c, false), "ext_proc in full duplex": r.sentByExtProc(t, c, true), "Exchange": r.editedByExchange(t, c),
			} {
				if got != want {
					t.Errorf("%s, %s by %s:\n%q\nwant\n%q", path, name, way, got, want)
				}
			}
		}
	}
}

// arrivesBy is the body that reaches the far side.
func (r *Road) arrivesBy(t *testing.T, c call) string {
	t.Helper()
	before := map[string]uint64{}
	for at, recorder := range r.recorders() {
		before[at] = recorder.Total()
	}
	r.send(t, c)
	for at, recorder := range r.recorders() {
		for _, got := range recorder.Since(before[at]) {
			return string(got.Body)
		}
	}
	return ""
}

func (r *Road) sentByExtProc(t *testing.T, c call, duplex bool) string {
	t.Helper()
	a := r.accompany(t, c, "", duplex)
	if refusal := a.request(); refusal != nil {
		return string(refusal.GetBody())
	}
	return string(a.sent)
}

func (r *Road) editedByExchange(t *testing.T, c call) string {
	t.Helper()
	var list []decision.Splice
	code := byGRPC(func(ctx context.Context, client decisionv1.DecisionServiceClient, q *decisionv1.Request) (*decisionv1.Verdict, error) {
		v, err := byExchange(ctx, client, q)
		for _, s := range v.GetSplices() {
			list = append(list, decision.Splice{Start: s.GetStart(), End: s.GetEnd(), With: s.GetWith()})
		}
		return v, err
	})(t, r)(t, c)
	if code != "" {
		return string(code)
	}
	return string(dialect.Apply(nil, []byte(c.body), list))
}
