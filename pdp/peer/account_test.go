package peer

import (
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// TestAdmitServiceAccounts: what a token proves counts as what a certificate does.
func TestAdmitServiceAccounts(t *testing.T) {
	identity := &configv1.Peer{ServiceAccount: "prod/*", Agents: []string{FromIdentity}}
	labelled := &configv1.Peer{ServiceAccount: "prod/bot", Agents: []string{FromIdentity}, Labels: map[string]string{"tier": "prod"}}
	anybody := &configv1.Peer{ServiceAccount: "*/*", Agents: []string{"*"}}
	for name, tt := range map[string]struct {
		peer *configv1.Peer
		says decision.Caller
		is   decision.Caller
		why  string // of the refusal; empty: admitted
	}{
		"fills in":                     {identity, caller("", "", ""), caller("bot", "prod", "bot"), ""},
		"agrees":                       {identity, caller("bot", "prod", "bot"), caller("bot", "prod", "bot"), ""},
		"another agent":                {identity, caller("admin", "", ""), decision.Caller{}, "its token names bot"},
		"another namespace":            {identity, caller("bot", "dev", ""), decision.Caller{}, "not the one that this peer's token names"},
		"another account":              {identity, caller("bot", "prod", "admin"), decision.Caller{}, "not the one that this peer's token names"},
		"labels that nobody proves":    {identity, caller("bot", "", "", "app", "admin"), caller("bot", "prod", "bot"), ""},
		"labels of its entry":          {labelled, caller("bot", "", "", "app", "admin", "tier", "dev"), caller("bot", "prod", "bot", "tier", "prod"), ""},
		"any agent, labels as it says": {anybody, caller("x", "", "", "app", "x"), caller("x", "prod", "bot", "app", "x"), ""},
		"any agent, not any namespace": {anybody, caller("x", "dev", ""), decision.Caller{}, "not the one that this peer's token names"},
		"another pattern":              {&configv1.Peer{ServiceAccount: "dev/*", Agents: []string{"*"}}, caller("x", "", ""), decision.Caller{}, "not listed"},
		"by certificate alone":         {&configv1.Peer{Spiffe: "spiffe://*", Agents: []string{"*"}}, caller("x", "", ""), decision.Caller{}, "not listed"},
		"by user alone":                {&configv1.Peer{Uid: uid(0), Agents: []string{"*"}}, caller("x", "", ""), decision.Caller{}, "not listed"},
	} {
		got := tt.says
		reason := list(t, tt.peer).Admit(ServiceAccount("prod", "bot", "bot-1"), &got)
		switch {
		case tt.why == "" && (reason != nil || !same(&got, &tt.is)):
			t.Errorf("%s: %+v, refused by %+v, want %+v", name, got, reason, tt.is)
		case tt.why != "" && (reason == nil || !strings.Contains(reason.Message, tt.why)):
			t.Errorf("%s: %+v, want a refusal with %q", name, reason, tt.why)
		}
	}
}

// TestServiceAccountIsNoCertificate: a pattern for one way to prove oneself
// never admits another.
func TestServiceAccountIsNoCertificate(t *testing.T) {
	c := caller("bot", "", "")
	entry := &configv1.Peer{ServiceAccount: "*", Agents: []string{"*"}}
	for _, who := range []Identity{certified(t, bot), User(0, 0, 0), {}} {
		if reason := list(t, entry).Admit(who, &c); reason == nil {
			t.Errorf("%s is admitted as a service account", who)
		}
	}
	who := ServiceAccount("prod", "bot", "")
	if !who.Proven() || !who.Grantable() || who.String() != "service account prod/bot" || who.Name() != "serviceaccount:prod/bot" {
		t.Errorf("%s is %q", who, who.Name())
	}
	if about := ServiceAccount("prod", "bot", "bot-1").String(); about != "service account prod/bot (pod bot-1)" {
		t.Error(about)
	}
}
