package main

import (
	"strings"
	"testing"

	"outrider.dev/outrider/inject"
)

func TestReportText(t *testing.T) {
	injected := inject.Report{Kind: "Deployment", Namespace: "prod", Name: "bot", Outcome: inject.Injected, Agent: "bot", From: "service account", Notes: []inject.Note{
		{Container: "a", Text: "sets X"}, {Warning: true, Text: "shares"}, {Warning: true, Container: "longer", Text: "leads away"},
	}}
	skipped := inject.Report{Kind: "Pod", Name: "p", Outcome: inject.Skipped, Reason: inject.HostNetwork, Detail: "because"}
	before := inject.Report{Kind: "Pod", Name: "q", Outcome: inject.Unchanged, Notes: []inject.Note{{Container: "a", Text: "keeps Y"}}}
	var loud, quiet strings.Builder
	printReports(&loud, []inject.Report{injected, skipped, before}, false)
	printReports(&quiet, []inject.Report{injected, skipped, before}, true)
	wantLoud := `Deployment prod/bot: injected; the agent's name is bot (service account)
    container a       sets X
  ! pod               shares
  ! container longer  leads away
Pod p: not injected (host_network): because
Pod q: was injected before; nothing changed
    container a  keeps Y
`
	wantQuiet := `Deployment prod/bot: injected; the agent's name is bot (service account)
  ! pod               shares
  ! container longer  leads away
Pod p: not injected (host_network): because
`
	if loud.String() != wantLoud || quiet.String() != wantQuiet {
		t.Errorf("got\n%s\nand quietly\n%s", loud.String(), quiet.String())
	}
}
