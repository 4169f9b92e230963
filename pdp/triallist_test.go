package pdp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
)

const openMCP = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: in-force}
spec:
  rules: [{name: all, allow: {tools: ["*"]}}]
`

const tryingLists = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: tried}
spec:
  enforcement: Observe
  rules:
    - {name: most, allow: {tools: ["a*", "b*", "c*", "d*"]}}
    - {name: no-b, deny: {tools: ["b*"]}}
  backend:
    mcp: {guards: {response: [` + redactNames + ", " + blockRude + `, {type: PII, action: Redact}]}}
`

// listing opens an exchange about the tools of all servers.
func listing(t *testing.T, e *Engine) decision.Exchange {
	t.Helper()
	_, x := open(t, e, &decision.Request{ExchangeID: decision.NewID(), Surface: decision.MCP, Method: "tools/list", Caller: copilot(""), Face: decision.FullFace()})
	return x
}

func described(texts ...string) []decision.Tool {
	var out []decision.Tool
	for i, text := range texts {
		name := string(rune('a' + i))
		out = append(out, decision.Tool{Server: "slack", Name: name, Exposed: name, Definition: []byte(`{"name":"` + name + `","description":"` + text + `"}`)})
	}
	return out
}

// TestTriedLists: what an observing policy would hide or change of a list of
// tools is told once for the page, of its rules and of its guards, services
// among them, and everything is shown as it is.
func TestTriedLists(t *testing.T) {
	tools := described("asks Zoë Brown", "is denied", "for the idiot", "of ann@example.com", "on no list")
	for _, away := range []error{nil, errors.New("it is away")} {
		mod := rude()
		mod.err = away
		e, seen := consulting(t, names(), mod, false, openMCP, tryingLists)
		ruling, err := listing(t, e).Judge(t.Context(), decision.Part{Tools: tools})
		if err != nil || ruling.Effect != decision.Allow {
			t.Fatalf("%+v, %v", ruling, err)
		}
		for i := range tools {
			if !ruling.Visibility.Visible(i) {
				t.Errorf("tool %d is hidden", i)
			}
		}
		if slices.ContainsFunc(ruling.Visibility.Splices, func(s decision.Splice) bool { return !strings.Contains(string(s.With), "slack__") }) {
			t.Errorf("changed: %+v", ruling.Visibility.Splices)
		}
		want := []string{`tried: changes list of tools: hides 2, "b" first by rules[1] no-b`, `tried: changes list of tools: hides 1 and changes 2, "a" first by guards`}
		if away != nil {
			want[1] = `tried: changes list of tools: changes 2, "a" first by guards`
		}
		got := told(seen.of(audit.PhaseRuling))
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], " (")
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
		unread := seen.of(audit.PhaseRuling)[0].Unread
		if (len(unread) == 1 && unread[0].Passed) != (away != nil) || len(mod.asked) != 1 {
			t.Errorf("unread %+v, asked %q", unread, mod.asked)
		}
		filtered, err := e.FilterTools(t.Context(), &decision.Request{Surface: decision.MCP, Method: "tools/list", Caller: copilot("")}, tools)
		if err != nil || !filtered.Visible(4) || len(told(seen.of(audit.PhaseRuling))) != 4 {
			t.Errorf("asked by a program: %+v, %v, told %q", filtered, err, told(seen.of(audit.PhaseRuling)))
		}
	}
}

// TestTriedListsTellOfWhatIsShown: what is on no list anyway, such as a tool
// that nobody could call by its name, is none that a policy would hide.
func TestTriedListsTellOfWhatIsShown(t *testing.T) {
	tools := []decision.Tool{
		{Server: "slack", Name: "b\u200b", Exposed: "b\u200b", Definition: []byte(`{"name":"b\u200b"}`)},
		{Server: "slack", Name: "b1", Exposed: "b1", Definition: []byte(`{"name":"b2"}`)},
		{Server: "slack", Name: "b3", Exposed: "b3", Definition: []byte(`{"name":"b3","description":"for the idiot"}`)},
		{Server: "slack", Name: "b4", Exposed: "b4", Definition: []byte(`{"name":"b4"}`)},
	}
	e, seen := consulting(t, names(), rude(), false, strings.Replace(openMCP, "spec:", "spec:\n  backend: {mcp: {guards: {response: ["+blockRude+"]}}}", 1), tryingLists)
	ruling, err := listing(t, e).Judge(t.Context(), decision.Part{Tools: tools})
	if err != nil || !ruling.Visibility.Visible(3) || ruling.Visibility.Visible(0) || ruling.Visibility.Visible(1) || ruling.Visibility.Visible(2) {
		t.Fatalf("%+v, %v", ruling, err)
	}
	if got := told(seen.of(audit.PhaseRuling)); len(got) != 1 || !strings.HasPrefix(got[0], `tried: changes list of tools: hides 1, "b4" first by `) {
		t.Errorf("told %q", got)
	}
}

// TestTriedServices: what services found counts for observing policies as well,
// without being asked for again.
func TestTriedServices(t *testing.T) {
	ner, mod := names(), rude()
	e, seen := consulting(t, ner, mod, false, guarding("tried", "Observe", redactNames, blockRude))
	r := chat(t, "ask Zoë Brown")
	v, x := open(t, e, r)
	if !v.Allowed() || forwarded(r, v) != string(r.Body.Raw) || len(ner.asked) != 1 {
		t.Errorf("%+v, asked %q", v, ner.asked)
	}
	if got := told(seen.of(audit.PhaseRequest)); !slices.Equal(got, []string{"tried: changes text by guards"}) {
		t.Errorf("of the request %q is told", got)
	}
	ruling, err := x.Judge(t.Context(), said(t, "you idiot"))
	if err != nil || ruling.Effect != decision.Allow || len(mod.asked) != 1 {
		t.Errorf("%+v, %v", ruling, err)
	}
	if got := told(seen.of(audit.PhaseRuling)); !slices.Equal(got, []string{"tried: guard_moderation by guards"}) {
		t.Errorf("of the answer %q is told", got)
	}
}

// hung never answers.
type hung struct{}

func (hung) Read(ctx context.Context, _ []string) ([][]decision.Finding, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// TestObservingServicesHoldUpNothing: those that nothing depends on leave the
// call half of its time, however many they are, and come after those that are
// needed.
func TestObservingServicesHoldUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mod := rude()
		e, seen, err := engineAsking(t, map[string]Service{
			"ner": {Reader: hung{}, Kind: guards.Recognizer}, "other": {Reader: hung{}, Kind: guards.Recognizer},
			"third": {Reader: hung{}, Kind: guards.Classifier}, "mod": {Reader: mod, Kind: guards.Classifier},
		}, false, configYAML, guarding("tried", "Observe", redactNames+", {type: Recognizer, name: other, action: Block}, {type: Classifier, name: third, action: Block}", ""), guarding("in-force", "Enforce", blockRude, ""))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		v, err := e.Check(ctx, chat(t, "hello"))
		if took := time.Since(start); err != nil || !v.Allowed() || took != 500*time.Millisecond || len(mod.asked) != 1 {
			t.Errorf("after %s: %+v, %v, asked %q", took, v, err, mod.asked)
		}
		unread := seen.of(audit.PhaseRequest)[0].Unread
		if len(unread) != 3 {
			t.Errorf("unread %+v", unread)
		}
		for _, u := range unread {
			if !u.Passed || u.Why != errPatience.Error() {
				t.Errorf("unread %+v", u)
			}
		}
		cancel()
		if v, err = e.Check(ctx, chat(t, "hello")); err != nil || v.Reason.Code != decision.CodeGuardAway {
			t.Errorf("an asker that left has it pass without the service that is needed: %+v, %v", v, err)
		}
	})
}
