package limit

import (
	"errors"
	"fmt"

	"outrider.dev/outrider/decision"
)

// Per says whose calls share one count.
type Per string

// Who shares a count.
const (
	Identity Per = "Identity" // the token's subject, else the workload
	Agent    Per = "Agent"
	Global   Per = "Global"
)

// maxLimit bounds limits and single counts, so that sums cannot overflow.
const maxLimit = 1 << 40

// Rule is one limit. A call to which several rules apply needs room in each.
type Rule struct {
	Name              string // for people; every rule has its own
	Provider          string // the rule applies to this provider's calls; empty: to all
	Per               Per
	RequestsPerMinute uint64 // 0: no limit
	TokensPerMinute   uint64 // 0: no limit
}

func (r Rule) check() error {
	switch r.Per {
	case Identity, Agent, Global:
	default:
		return fmt.Errorf("per %q is unknown: use %s, %s or %s", r.Per, Identity, Agent, Global)
	}
	if r.Name == "" {
		return errors.New("it has no name: give it one, so that a refusal can be explained")
	}
	if r.RequestsPerMinute == 0 && r.TokensPerMinute == 0 {
		return errors.New("it limits nothing: set requestsPerMinute or tokensPerMinute above 0")
	}
	if r.RequestsPerMinute > maxLimit || r.TokensPerMinute > maxLimit {
		return fmt.Errorf("its limit is above %d: leave it out instead", uint64(maxLimit))
	}
	return nil
}

func (r Rule) applies(q Question) bool { return r.Provider == "" || r.Provider == q.Provider }

// who names the caller that the rule counts for.
func (r Rule) who(p *decision.Principal) string {
	switch {
	case p == nil || r.Per == Global:
		return ""
	case r.Per == Agent:
		return p.Agent
	default:
		return p.Identity()
	}
}
