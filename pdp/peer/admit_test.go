package peer

import (
	"crypto/x509"
	"maps"
	"net/url"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func uid(n uint32) *uint32 { return &n }

func certified(t testing.TB, id string) Identity {
	t.Helper()
	u, err := url.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	who, err := Certificate(&x509.Certificate{URIs: []*url.URL{u}})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func list(t testing.TB, peers ...*configv1.Peer) *List {
	t.Helper()
	l, err := NewList(peers, keyOf)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func keyOf(_ string, src *configv1.KeySource) (func() (decision.Secret, error), error) {
	return func() (decision.Secret, error) { return decision.Secret(src.GetEnv()), nil }, nil
}

func caller(agent, namespace, account string, labels ...string) decision.Caller {
	c := decision.Caller{Agent: agent, Namespace: namespace, ServiceAccount: account}
	for i := 0; i < len(labels); i += 2 {
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[labels[i]] = labels[i+1]
	}
	return c
}

func same(a, b *decision.Caller) bool {
	return a.Agent == b.Agent && a.Namespace == b.Namespace && a.ServiceAccount == b.ServiceAccount && maps.Equal(a.Labels, b.Labels)
}

const bot = "spiffe://corp/ns/prod/sa/bot"

func TestAdmit(t *testing.T) {
	identity := &configv1.Peer{Spiffe: "spiffe://corp/ns/*", Agents: []string{FromIdentity}}
	labelled := &configv1.Peer{Spiffe: "spiffe://corp/ns/*", Agents: []string{FromIdentity}, Labels: map[string]string{"tier": "prod", "team": "x"}}
	named := &configv1.Peer{Spiffe: "spiffe://corp/*", Agents: []string{"copilot", "prod-*"}}
	gateway := &configv1.Peer{Spiffe: "spiffe://corp/*", Agents: []string{"*"}, Namespaces: []string{"prod", "team-*"}}
	user := &configv1.Peer{Uid: uid(7), Agents: []string{"copilot"}}
	for name, tt := range map[string]struct {
		peer *configv1.Peer
		who  string // empty: uid 7
		says decision.Caller
		is   decision.Caller
		why  string // of the refusal; empty: admitted
	}{
		"identity, fills in":           {identity, bot, caller("", "", ""), caller("bot", "prod", "bot"), ""},
		"identity, agrees":             {identity, bot, caller("bot", "prod", "bot"), caller("bot", "prod", "bot"), ""},
		"identity, in part":            {identity, bot, caller("bot", "", "bot"), caller("bot", "prod", "bot"), ""},
		"identity, another agent":      {identity, bot, caller("admin", "prod", "bot"), decision.Caller{}, "its SPIFFE id names bot"},
		"identity, another namespace":  {identity, bot, caller("bot", "dev", "bot"), decision.Caller{}, "namespace or service account"},
		"identity, another account":    {identity, bot, caller("bot", "prod", "admin"), decision.Caller{}, "namespace or service account"},
		"identity, labels":             {identity, bot, caller("bot", "", "", "app", "x"), decision.Caller{}, "nothing proves the label \"app\""},
		"identity, literal":            {identity, bot, caller(FromIdentity, "", ""), decision.Caller{}, "its SPIFFE id names bot"},
		"identity that names no agent": {identity, "spiffe://corp/ns/prod", caller("bot", "", ""), decision.Caller{}, "names no agent"},
		"identity, own labels":         {labelled, bot, caller("", "", ""), caller("bot", "prod", "bot", "tier", "prod", "team", "x"), ""},
		"identity, some own labels":    {labelled, bot, caller("", "", "", "tier", "prod"), caller("bot", "prod", "bot", "tier", "prod", "team", "x"), ""},
		"identity, a changed label":    {labelled, bot, caller("", "", "", "tier", "dev"), decision.Caller{}, "nothing proves the label \"tier\""},
		"identity, one more label":     {labelled, bot, caller("", "", "", "tier", "prod", "app", ""), decision.Caller{}, "nothing proves the label \"app\""},

		"named":                     {named, "spiffe://corp/node/1", caller("copilot", "", "", "app", "x"), caller("copilot", "", "", "app", "x"), ""},
		"named, by glob":            {named, "spiffe://corp/node/1", caller("prod-a", "", ""), caller("prod-a", "", ""), ""},
		"named, another":            {named, "spiffe://corp/node/1", caller("admin", "", ""), decision.Caller{}, "may not speak for the agent \"admin\""},
		"named, nobody":             {named, "spiffe://corp/node/1", caller("", "", ""), decision.Caller{}, "names no agent"},
		"named, unproven namespace": {named, "spiffe://corp/node/1", caller("copilot", "prod", ""), decision.Caller{}, "nothing proves that the agent is in the namespace \"prod\""},
		"named, unproven account":   {named, "spiffe://corp/node/1", caller("copilot", "", "bot"), decision.Caller{}, `service account "bot"`},
		"named, in its namespace":   {named, bot, caller("copilot", "", ""), caller("copilot", "prod", "bot"), ""},
		"named, in another":         {named, bot, caller("copilot", "dev", ""), decision.Caller{}, "namespace or service account"},

		"named, of many letters": {named, "spiffe://corp/node/1", caller(strings.Repeat("模", 40), "", ""), decision.Caller{}, `the agent "` + strings.Repeat("模", 26) + `…"`},

		"gateway":                   {gateway, "spiffe://corp/ns/gw/sa/gw", caller("bot", "prod", "bot", "app", "x"), caller("bot", "prod", "bot", "app", "x"), ""},
		"gateway, by glob":          {gateway, "spiffe://corp/ns/gw/sa/gw", caller("bot", "team-a", ""), caller("bot", "team-a", ""), ""},
		"gateway, another":          {gateway, "spiffe://corp/ns/gw/sa/gw", caller("bot", "dev", "bot"), decision.Caller{}, "namespace or service account"},
		"gateway, its own":          {gateway, "spiffe://corp/ns/gw/sa/gw", caller("gw", "", ""), caller("gw", "gw", "gw"), ""},
		"gateway, an account alone": {gateway, "spiffe://corp/ns/gw/sa/gw", caller("bot", "", "bot"), decision.Caller{}, "namespace or service account"},

		"user":                     {user, "", caller("copilot", "", "", "app", "x"), caller("copilot", "", "", "app", "x"), ""},
		"user, the only agent":     {user, "", caller("", "", ""), caller("copilot", "", ""), ""},
		"user, namespace":          {user, "", caller("copilot", "prod", ""), decision.Caller{}, "nothing proves"},
		"user for identity":        {&configv1.Peer{Uid: uid(7), Agents: []string{FromIdentity}}, "", caller("copilot", "", ""), decision.Caller{}, "names no agent"},
		"another user":             {&configv1.Peer{Uid: uid(8), Agents: []string{"*"}}, "", caller("copilot", "", ""), decision.Caller{}, "not listed"},
		"user, by certificate":     {named, "", caller("copilot", "", ""), decision.Caller{}, "not listed"},
		"certificate, by user":     {user, bot, caller("copilot", "", ""), decision.Caller{}, "not listed"},
		"another domain":           {identity, "spiffe://evil/ns/prod/sa/bot", caller("", "", ""), decision.Caller{}, "not listed"},
		"an entry without a peer":  {&configv1.Peer{Agents: []string{"*"}}, bot, caller("a", "", ""), decision.Caller{}, "not listed"},
		"an entry without a peer2": {&configv1.Peer{Agents: []string{"*"}}, "", caller("a", "", ""), decision.Caller{}, "not listed"},
	} {
		t.Run(name, func(t *testing.T) {
			who := User(7, 8, 9)
			if tt.who != "" {
				who = certified(t, tt.who)
			}
			got := tt.says
			reason := list(t, tt.peer).Admit(who, &got)
			if tt.why == "" {
				if reason != nil || !same(&got, &tt.is) {
					t.Fatalf("%+v, refused by %+v, want %+v", got, reason, tt.is)
				}
				return
			}
			if reason == nil || reason.Code != decision.CodePeerRefused || !strings.Contains(reason.Message, tt.why) || !same(&got, &tt.says) {
				t.Fatalf("%+v, %+v, want a refusal with %q", got, reason, tt.why)
			}
		})
	}
}

// TestOneEntryAdmitsAll: what two entries admit in halves is not admitted.
func TestOneEntryAdmitsAll(t *testing.T) {
	l := list(t, &configv1.Peer{Uid: uid(7), Agents: []string{"a"}, Labels: map[string]string{"tier": "dev"}},
		&configv1.Peer{Uid: uid(7), Agents: []string{"b"}, Labels: map[string]string{"tier": "prod"}})
	for says, admitted := range map[string]bool{"a dev": true, "b prod": true, "a prod": false, "b dev": false} {
		agent, tier, _ := strings.Cut(says, " ")
		c := caller(agent, "", "", "tier", tier)
		if reason := l.Admit(User(7, 0, 0), &c); (reason == nil) != admitted {
			t.Errorf("%s: %+v", says, reason)
		}
	}
}

func TestNobodyIsAdmitted(t *testing.T) {
	l := list(t, &configv1.Peer{Uid: uid(0), Agents: []string{"*"}}, &configv1.Peer{Spiffe: "*", Agents: []string{"*"}}, &configv1.Peer{Agents: []string{"*"}})
	var nobody Identity
	c := caller("a", "", "")
	if reason := l.Admit(nobody, &c); reason == nil || nobody.Proven() || nobody.Grantable() || nobody.String() != "unproven" {
		t.Errorf("nobody is admitted as %s: %+v", nobody, reason)
	}
	if Is(nobody, uid(0), "*") {
		t.Error("nobody is somebody")
	}
}

// FuzzAdmit: from an identity nothing but what it names comes out, whatever is
// said.
func FuzzAdmit(f *testing.F) {
	f.Add("bot", "prod", "bot", "app", "x")
	f.Add("", "", "", "", "")
	f.Add("from-identity", "*", "*", "tier", "prod")
	l := list(f, &configv1.Peer{Spiffe: "spiffe://corp/*", Agents: []string{FromIdentity}, Labels: map[string]string{"tier": "prod"}})
	who := certified(f, bot)
	want := caller("bot", "prod", "bot", "tier", "prod")
	f.Fuzz(func(t *testing.T, agent, namespace, account, label, value string) {
		c := caller(agent, namespace, account, label, value)
		before := caller(agent, namespace, account, label, value)
		if l.Admit(who, &c) != nil {
			if !same(&c, &before) {
				t.Fatalf("a refusal changed %+v to %+v", before, c)
			}
			return
		}
		if !same(&c, &want) {
			t.Fatalf("%+v became %+v", before, c)
		}
	})
}
