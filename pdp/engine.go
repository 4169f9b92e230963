package pdp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/strictjson"
)

// Tokens verifies a bearer token. The error is a *decision.Error.
type Tokens interface {
	Verify(bearer decision.Secret) (*token.Token, error)
}

// Introspector finds out about a token that is no JWT from the issuers of the
// list. It shows the token to nobody else. The error is a *decision.Error.
type Introspector interface {
	Introspect(bearer decision.Secret, issuers []string) (*token.Token, error)
}

// Reader is a service outside of this process that finds something in texts: a
// recogniser or a classifier. It answers with the findings of each text, their
// spans in it and without actions, or not at all.
type Reader interface {
	Read(ctx context.Context, texts []string) ([][]decision.Finding, error)
}

// Service is a Reader that guards may name.
type Service struct {
	Reader
	Kind guards.Kind // guards.Recognizer or guards.Classifier
	Open bool        // what it could not read passes
}

// kind names the service's kind to people.
func (s Service) kind() string { return "the " + strings.ToLower(string(s.Kind)) }

// Recorder keeps what was decided.
type Recorder interface {
	Add(r audit.Record)
}

// Config is what an Engine is made of.
type Config struct {
	Policies *authz.Set
	Tokens   Tokens
	Opaque   Introspector // nil: Tokens judges tokens that are no JWT
	Routes   *route.Table
	Recorder Recorder
	Limits   strictjson.Limits  // for bodies that the engine reads itself
	Services map[string]Service // that guards ask, by name
	GuardKey guards.Key         // of the hashes of values; nil: policies that need it are refused
	Now      func() time.Time
	Open     bool // an agent that no policy selects passes
}

// Engine is the decision service's core. It is safe for concurrent use.
type Engine struct {
	state atomic.Pointer[state]
	calls sync.Pool // of *call, empty: a new one for each question is most of what a question allocates

	mu      sync.Mutex
	pending map[string]*exchange // by settlement handle
}

// state is what a reload replaces as a whole. A call keeps the one that it
// began with until it is settled, so that none sees two versions.
type state struct {
	Config
	policies []enforcement // by the policy's index
	bundles  bundles
}

var _ decision.Decider = (*Engine)(nil)

// maxPending bounds exchanges whose outcome is still to come. Beyond it new
// calls are refused: forgetting an old one would lose its settlement.
const maxPending = 100_000

// New builds the engine: it compiles the guards and limits of every policy.
func New(cfg Config) (*Engine, error) {
	e := &Engine{pending: map[string]*exchange{}, calls: sync.Pool{New: func() any { return &call{} }}}
	return e, e.Replace(cfg)
}

// Replace makes new calls be decided by cfg. Limits that are the same as
// before go on counting where they are. After an error everything stays.
func (e *Engine) Replace(cfg Config) error {
	if cfg.Policies == nil || cfg.Tokens == nil || cfg.Routes == nil || cfg.Recorder == nil || cfg.Now == nil {
		return errors.New("pdp: policies, tokens, routes, recorder and clock are needed")
	}
	policies, err := enforcements(&cfg)
	if err != nil {
		return err
	}
	if old := e.state.Load(); old != nil {
		keepLimits(policies, old.policies)
	}
	e.state.Store(&state{Config: cfg, policies: policies})
	return nil
}

// Loaded reports whether there is a policy that can judge, or none is needed:
// without one every agent is refused.
func (e *Engine) Loaded() bool {
	s := e.state.Load()
	return s.Open || slices.ContainsFunc(s.Policies.Policies(), func(p *authz.Policy) bool { return p.Unready == "" })
}

// CheckPolicies reports what [New] would refuse of the policies. The services
// are not asked.
func CheckPolicies(set *authz.Set, services map[string]Service, now func() time.Time) error {
	_, err := enforcements(&Config{Policies: set, Services: services, GuardKey: make(guards.Key, guards.KeySize), Now: now})
	return err
}

// Check implements decision.Decider. A body that came without segments is
// read here. A call that passes is counted by the limits as estimated.
func (e *Engine) Check(ctx context.Context, r *decision.Request) (*decision.Verdict, error) {
	c := e.calls.Get().(*call)
	c.begin(e, r, false)
	if err := c.read(); err != nil {
		c.refuse(err)
	} else {
		c.decide(ctx)
	}
	c.record()
	v := c.verdict // nothing else of the call outlives its verdict
	*c = call{}
	e.calls.Put(c)
	return &v, nil
}

// Open implements decision.Decider. A body without segments is read as Check
// reads it: guards see every text, whoever asks.
func (e *Engine) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	c := e.newCall(r, true)
	if err := c.read(); err != nil {
		c.refuse(err)
	} else {
		c.decide(ctx)
	}
	c.record()
	if !c.verdict.Allowed() {
		return &c.verdict, nil, nil
	}
	x := newExchange(c)
	e.mu.Lock()
	e.pending[string(c.verdict.Settlement)] = x
	e.mu.Unlock()
	return &c.verdict, x, nil
}

// Settle charges an outcome by its settlement handle, for a data plane whose
// exchange was lost. It reports whether the handle had been charged before or
// was never given; then nothing changes. A call that passed without a verdict is
// recorded.
func (e *Engine) Settle(ctx context.Context, o decision.Outcome) (repeated bool) {
	if o.Unjudged != nil {
		e.recordUnjudged(&o)
		return false
	}
	e.mu.Lock()
	x := e.pending[string(o.Settlement)]
	e.mu.Unlock()
	if x == nil {
		return true
	}
	_ = x.Settle(ctx, o)
	return false
}

func (e *Engine) forget(x *exchange) {
	e.mu.Lock()
	delete(e.pending, string(x.call.verdict.Settlement))
	e.mu.Unlock()
}

func (e *Engine) full() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.pending) >= maxPending
}

// FilterTools implements decision.Decider. A caller whose token is refused
// sees nothing, and nobody does while guards cannot read the definitions.
func (e *Engine) FilterTools(ctx context.Context, r *decision.Request, tools []decision.Tool) (*decision.Visibility, error) {
	c := e.newCall(r, false)
	for _, step := range []step{(*call).chosen, (*call).identify, (*call).tryToken} {
		if reason := step(c); reason != nil {
			return &decision.Visibility{Bitmap: []byte{}}, nil
		}
	}
	return c.visible(ctx, tools, 0).Visibility, nil
}
