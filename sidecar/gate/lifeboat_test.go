package gate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// service is a decision service that a test takes away.
type service struct {
	decision.Decider
	verdict *decision.Verdict
	err     error
	asked   int
}

func (s *service) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	s.asked++
	if s.err != nil {
		return nil, nil, s.err
	}
	v := *s.verdict
	if v.ID = r.ExchangeID; !v.Allowed() {
		return &v, nil, nil
	}
	return &v, &exchange{}, nil
}

var errGone = fmt.Errorf("%w: connection refused", decision.ErrAway)

// bare is a verdict that may be remembered.
func bare(words ...string) *decision.Verdict {
	return &decision.Verdict{
		Effect: decision.Allow, Policy: "main", Version: "v1",
		Grants:   []decision.Grant{{Target: decision.Target{Provider: "github", Origin: "http://127.0.0.1:1", Path: "/mcp"}}},
		Lifeboat: &decision.Lifeboat{NotAfter: time.Now().Add(time.Hour), InputsRead: words},
	}
}

func toolCall() *decision.Request {
	raw := []byte(`{"params":{"name":"list","arguments":{"repo":"x"}}}`)
	at := uint32(strings.Index(string(raw), `{"repo"`))
	return &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Server: "github", Session: "s1", Source: "127.0.0.1:5",
		Caller: decision.Caller{Agent: "copilot", Labels: map[string]string{"app": "copilot"}, Bearer: decision.Secret("s3cr3t-jwt")},
		HTTP:   decision.HTTP{Method: "POST", Path: "/mcp/github", Headers: map[string]string{"x-team": "a"}},
		Body:   decision.Body{Dialect: "mcp", Raw: raw},
		Tool:   decision.Tool{Exposed: "list", ArgsStart: at, ArgsEnd: uint32(len(raw) - 2)},
		Face:   decision.FullFace(),
	}
}

func aboard() Route { return Route{Mode: Lifeboat} }

// passes asks about a call, and demands what becomes of it.
func (w *watched) passes(t *testing.T, r *decision.Request, want bool) *decision.Verdict {
	t.Helper()
	r.ExchangeID = ""
	v, ex := w.Open(t.Context(), r)
	if (ex != nil) != want || v.Allowed() != want || v.ID != r.ExchangeID {
		t.Fatalf("got %+v, %v, want it to pass: %v", v, ex, want)
	}
	if !want && v.Reason.Code != decision.CodePDPUnavailable {
		t.Fatalf("refused as %s", v.Reason.Code)
	}
	return v
}

// TestLifeboat: a call that was allowed a moment ago passes while no service
// answers, to the same target, and is written down.
func TestLifeboat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{verdict: bare("scopes", "tool.args")}
		w := newGate(t, s, aboard())
		w.passes(t, toolCall(), true)
		s.err = errGone
		time.Sleep(keptTime - time.Second)
		v := w.passes(t, toolCall(), true)
		if v.Grants[0].Target != s.verdict.Grants[0].Target || v.Duty != (decision.Duty{}) || v.Effect != decision.Allow {
			t.Errorf("got %+v", v)
		}
		line := w.log.String()
		for _, want := range []string{"failMode=Lifeboat", "decision=" + v.ID, "agent=copilot", "method=tools/call", "tool=list", "to=[github]", "age=29s", "policy=main", "version=v1"} {
			if !strings.Contains(line, want) {
				t.Errorf("the log lacks %s: %s", want, line)
			}
		}
		if strings.Contains(line, "s3cr3t") || strings.Count(line, "\n") != 1 || w.modes[Lifeboat] != 1 || w.failed != 1 {
			t.Errorf("counted %v and %d, the log says %s", w.modes, w.failed, line)
		}
		time.Sleep(time.Second)
		w.passes(t, toolCall(), false)
		if w.modes[Closed] != 1 {
			t.Errorf("counted %v", w.modes)
		}
	})
}

// TestLifeboatExchange: nobody can be asked about the answer, nor told its end.
func TestLifeboatExchange(t *testing.T) {
	s := &service{verdict: bare()}
	w := newGate(t, s, aboard())
	w.passes(t, toolCall(), true)
	s.err = errGone
	_, ex := w.Open(t.Context(), toolCall())
	if g := ex.Attempt(t.Context(), decision.Attempt{FailedProvider: "github"}); g != nil {
		t.Errorf("attempt: got %+v", g)
	}
	for _, p := range []decision.Part{{Whole: &decision.Body{}}, {Tools: make([]decision.Tool, 1)}, {}} {
		if r := ex.Judge(t.Context(), p); r.Effect != decision.Deny {
			t.Errorf("judge: got %+v", r)
		}
	}
	ex.Settle(t.Context(), decision.Outcome{})
}

// reported is a decision service that hears later of calls that passed without it.
type reported struct {
	service
	outcomes []decision.Outcome
}

func (r *reported) Report(o decision.Outcome) { r.outcomes = append(r.outcomes, o) }

// TestUnjudgedCallsAreReported: once each, when they have ended, with what is known of
// them.
func TestUnjudgedCallsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &reported{service: service{verdict: bare()}}
		s.verdict.Reason.Rule = "readers"
		w := newGate(t, s, Route{Surface: decision.MCP, Mode: Lifeboat}, Route{Mode: Open, Target: decision.Target{Provider: "local", Origin: "http://127.0.0.1:1"}})
		w.passes(t, toolCall(), true)
		s.err = errGone
		time.Sleep(keptTime / 2)
		began := time.Now()
		call, prompt := toolCall(), chat("qwen3")
		_, followed := w.Open(t.Context(), call)
		_, open := w.Open(t.Context(), prompt)
		if len(s.outcomes) > 0 {
			t.Errorf("reported before their end: %+v", s.outcomes)
		}
		time.Sleep(time.Minute)
		for range 2 {
			followed.Settle(t.Context(), decision.Outcome{Provider: "github", End: decision.EndCompleted})
			open.Settle(t.Context(), decision.Outcome{Provider: "local", Usage: decision.Usage{Output: 7}, End: decision.EndFailed})
		}
		want := []decision.Outcome{
			{
				ExchangeID: call.ExchangeID, Provider: "github", End: decision.EndCompleted,
				Unjudged: &decision.Unjudged{
					FailMode: "Lifeboat", Time: began, Agent: "copilot", Surface: decision.MCP, Method: "tools/call", Server: "github", Tool: "list",
					Policy: "main", Version: "v1", Rule: "readers", Age: keptTime / 2,
				},
			},
			{
				ExchangeID: prompt.ExchangeID, Provider: "local", Usage: decision.Usage{Output: 7}, End: decision.EndFailed,
				Unjudged: &decision.Unjudged{FailMode: "Open", Time: began, Surface: decision.LLM, Method: "chat.completions", Model: "qwen3"},
			},
		}
		if !reflect.DeepEqual(s.outcomes, want) {
			t.Errorf("got  %+v\nwant %+v", s.outcomes, want)
		}
	})
}

// TestReportsAreBrief: agents choose names, and what waits to be reported is bounded.
func TestReportsAreBrief(t *testing.T) {
	s := &reported{service: service{err: errGone}}
	w := newGate(t, s, Route{Mode: Open, Target: decision.Target{Provider: "local", Origin: "http://127.0.0.1:1"}})
	r := toolCall()
	r.Method, r.Tool.Exposed, r.LLM.Model = strings.Repeat("m", 1<<20), strings.Repeat("模", 1<<20), strings.Repeat("x", 512)
	_, ex := w.Open(t.Context(), r)
	ex.Settle(t.Context(), decision.Outcome{})
	got := s.outcomes[0].Unjudged
	if got.Method != strings.Repeat("m", 512)+"…" || got.Tool != strings.Repeat("模", 170)+"…" || got.Model != r.LLM.Model {
		t.Errorf("%d, %d and %d bytes are kept", len(got.Method), len(got.Tool), len(got.Model))
	}
	if n := w.log.Len(); n > 4<<10 {
		t.Errorf("the log has %d bytes of it", n)
	}
}

// TestOtherCalls: a call that differs in anything that could matter is another.
func TestOtherCalls(t *testing.T) {
	everything := []string{"tool.args", "request.headers", "session", "source"}
	for name, c := range map[string]struct {
		words  []string
		change func(*decision.Request)
		passes bool
	}{
		"the same":              {everything, func(*decision.Request) {}, true},
		"another token":         {nil, func(r *decision.Request) { r.Caller.Bearer = decision.Secret("other") }, false},
		"no token":              {nil, func(r *decision.Request) { r.Caller.Bearer = nil }, false},
		"another agent":         {nil, func(r *decision.Request) { r.Caller.Agent = "other" }, false},
		"another namespace":     {nil, func(r *decision.Request) { r.Caller.Namespace = "other" }, false},
		"another account":       {nil, func(r *decision.Request) { r.Caller.ServiceAccount = "other" }, false},
		"another label":         {nil, func(r *decision.Request) { r.Caller.Labels = map[string]string{"app": "other"} }, false},
		"another certificate":   {nil, func(r *decision.Request) { r.Caller.Identity = "spiffe://x" }, false},
		"another subject":       {nil, func(r *decision.Request) { r.Caller.Subject = "other" }, false},
		"through a gateway":     {nil, func(r *decision.Request) { r.Caller.Shared = true }, false},
		"another surface":       {nil, func(r *decision.Request) { r.Surface = decision.LLM }, false},
		"another method":        {nil, func(r *decision.Request) { r.Method = "tools/list" }, false},
		"another server":        {nil, func(r *decision.Request) { r.Server = "slack" }, false},
		"another tool":          {nil, func(r *decision.Request) { r.Tool.Exposed = "delete" }, false},
		"another own name":      {nil, func(r *decision.Request) { r.Tool.Name = "delete" }, false},
		"another resource":      {nil, func(r *decision.Request) { r.Resource = "x" }, false},
		"another prompt":        {nil, func(r *decision.Request) { r.Prompt = "x" }, false},
		"another model":         {nil, func(r *decision.Request) { r.LLM.Model = "x" }, false},
		"a stream":              {nil, func(r *decision.Request) { r.LLM.Stream = true }, false},
		"another dialect":       {nil, func(r *decision.Request) { r.Body.Dialect = "x" }, false},
		"another path":          {nil, func(r *decision.Request) { r.HTTP.Path = "/mcp/x" }, false},
		"another HTTP method":   {nil, func(r *decision.Request) { r.HTTP.Method = "GET" }, false},
		"a weaker face":         {nil, func(r *decision.Request) { r.Face.Edits = false }, false},
		"texts moved":           {nil, func(r *decision.Request) { r.Server, r.Method = "", "tools/callgithub" }, false},
		"arguments that matter": {everything, func(r *decision.Request) { r.Body.Raw = []byte(strings.Replace(string(r.Body.Raw), "x", "y", 1)) }, false},
		"arguments that do not": {[]string{"scopes"}, func(r *decision.Request) { r.Body.Raw = []byte(strings.Replace(string(r.Body.Raw), "x", "y", 1)) }, true},
		"headers that matter":   {everything, func(r *decision.Request) { r.HTTP.Headers = map[string]string{"x-team": "b"} }, false},
		"a header more":         {everything, func(r *decision.Request) { r.HTTP.Headers = map[string]string{"x-team": "a", "y": ""} }, false},
		"headers that do not":   {nil, func(r *decision.Request) { r.HTTP.Headers = nil }, true},
		"another session":       {everything, func(r *decision.Request) { r.Session = "s2" }, false},
		"a session, unread":     {nil, func(r *decision.Request) { r.Session = "s2" }, true},
		"another source":        {everything, func(r *decision.Request) { r.Source = "127.0.0.1:6" }, false},
		"another id":            {everything, func(r *decision.Request) { r.ExchangeID = decision.NewID() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{verdict: bare(c.words...)}
			w := newGate(t, s, aboard())
			w.passes(t, toolCall(), true)
			s.err = errGone
			r := toolCall()
			c.change(r)
			w.passes(t, r, c.passes)
		})
	}
}

// TestNotRemembered: verdicts that must not be followed a second time, whatever
// their decision service says.
func TestNotRemembered(t *testing.T) {
	for name, change := range map[string]func(*decision.Verdict){
		"not said":         func(v *decision.Verdict) { v.Lifeboat = nil },
		"over":             func(v *decision.Verdict) { v.Lifeboat.NotAfter = time.Now() },
		"no time":          func(v *decision.Verdict) { v.Lifeboat.NotAfter = time.Time{} },
		"the clock":        func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{"request.time"} },
		"findings":         func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{"scopes", "findings"} },
		"an unknown word":  func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{"weather"} },
		"an empty word":    func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{""} },
		"part of a word":   func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{"tool"} },
		"all of the input": func(v *decision.Verdict) { v.Lifeboat.InputsRead = []string{"input"} },
		"too many words": func(v *decision.Verdict) {
			v.Lifeboat.InputsRead = strings.Split(strings.Repeat("claims.x ", maxWords+1), " ")
		},
		"a splice":        func(v *decision.Verdict) { v.Splices = make([]decision.Splice, 1) },
		"a header":        func(v *decision.Verdict) { v.Headers = make([]decision.HeaderOp, 1) },
		"a finding":       func(v *decision.Verdict) { v.Findings = make([]decision.Finding, 1) },
		"a mutation":      func(v *decision.Verdict) { v.Effect = decision.Mutate },
		"a judged answer": func(v *decision.Verdict) { v.Duty.JudgeResponse = true },
		"a credential": func(v *decision.Verdict) {
			v.Grants[0].Credential.Header = decision.HeaderOp{Name: "Authorization", Value: decision.Secret("k")}
		},
		"a second credential": func(v *decision.Verdict) {
			v.Grants = append(v.Grants, decision.Grant{Credential: decision.Credential{Header: decision.HeaderOp{Name: "X-Key"}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{verdict: bare()}
			change(s.verdict)
			w := newGate(t, s, aboard())
			w.passes(t, toolCall(), true)
			s.err = errGone
			w.passes(t, toolCall(), false)
			if n := len(w.boat.calls) + w.boat.count; n != 0 {
				t.Errorf("%d things are held", n)
			}
		})
	}
}

// TestOvertaken: a newer verdict that shows that the rules have changed ends all
// that was remembered; others end nothing.
func TestOvertaken(t *testing.T) {
	denial := &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNotAllowed}}
	unkept := &decision.Verdict{Effect: decision.Allow, Grants: bare().Grants}
	for name, c := range map[string]struct {
		newer  *decision.Verdict
		same   bool // it is about the very same call
		passes bool
	}{
		"a denial":                        {denial, true, false},
		"a denial of another call":        {denial, false, true},
		"no more to be kept":              {unkept, true, false},
		"not to be kept, another":         {unkept, false, true},
		"the same again":                  {bare("session"), true, true},
		"another, of the same words":      {bare("session"), false, true},
		"other words":                     {bare("scopes", "session"), true, false},
		"other words, about another call": {bare("scopes", "session"), false, false},
		"a word that is not known":        {bare("session", "weather"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{verdict: bare("session")}
			w := newGate(t, s, aboard())
			elsewhere := toolCall()
			elsewhere.Server = "slack"
			w.passes(t, elsewhere, true)
			w.passes(t, toolCall(), true)
			s.verdict = c.newer
			newer := toolCall()
			if !c.same {
				newer.Session = "another"
			}
			_, _ = w.Open(t.Context(), newer)
			s.err = errGone
			if c.same && c.passes || !c.same {
				w.passes(t, toolCall(), c.passes)
			} else {
				_, ex := w.Open(t.Context(), toolCall())
				if remembered := c.newer.Lifeboat != nil; remembered != (ex != nil) {
					t.Errorf("it passes: %v", ex != nil)
				}
			}
			w.passes(t, elsewhere, c.passes)
		})
	}
}

// TestOnlyWhileAway: an error of a service that answers is no leave to pass, on
// any route.
func TestOnlyWhileAway(t *testing.T) {
	open := Route{Mode: Open, Server: "github", Target: decision.Target{Origin: "http://127.0.0.1:1"}}
	for _, route := range []Route{aboard(), open} {
		s := &service{verdict: bare()}
		w := newGate(t, s, route)
		w.passes(t, toolCall(), true)
		for _, err := range []error{errAway, context.DeadlineExceeded, decision.Refuse(decision.CodeInternal, "splices that do not fit"), errors.New(decision.ErrAway.Error())} {
			s.err = err
			w.passes(t, toolCall(), false)
		}
		if w.modes[Closed] != 4 || w.modes[Open]+w.modes[Lifeboat] != 0 {
			t.Errorf("counted %v", w.modes)
		}
		s.err = nil
		w.passes(t, toolCall(), true)
		if s.asked != 6 {
			t.Errorf("the service was asked %d times of 6", s.asked)
		}
	}
}

// TestRoomIsBounded: agents choose what they ask for.
func TestRoomIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{verdict: bare("tool.args")}
		w := newGate(t, s, aboard())
		call := func(i int) *decision.Request {
			r := toolCall()
			if r.Tool.ArgsStart, r.Tool.ArgsEnd, r.Tool.Args = 0, 0, fmt.Append(nil, i); i%2 == 0 {
				r.Tool.Exposed = fmt.Sprint(i)
			}
			return r
		}
		for i := range maxKept + 500 {
			w.passes(t, call(i), true)
		}
		if w.boat.count != maxKept {
			t.Errorf("%d verdicts are held", w.boat.count)
		}
		time.Sleep(keptTime)
		for i := range 10 {
			w.passes(t, call(2*maxKept+i), true)
		}
		held := 0
		for _, of := range w.boat.calls {
			held += len(of.kept)
		}
		if w.boat.count != 10 || held != 10 {
			t.Errorf("%d verdicts are counted and %d held", w.boat.count, held)
		}
	})
}
