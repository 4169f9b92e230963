package demo

// opening says what runs.
func (p *printer) opening(s *Stage) {
	p.line("%s", p.paint(bold, "outrider demo: one agent, one policy, every call through real sockets"))
	p.line("  data plane        %s (agent), %s (health)", s.AgentAddress, s.AdminAddress)
	p.line("  decision service  %s, %s (health)", s.Socket(), s.PDPAddress)
	p.line("  token issuer      %s", s.Issuer.URL)
	p.line("  LLM provider      %s", s.LLM.URL)
	p.line("  MCP servers       %s, %s", s.GitHub.URL, s.Slack.URL)
	p.line("  configuration     %s: policy.yaml, pdp.yaml, sidecar.yaml", s.Dir)
}

// closing says how to go on from here.
func (p *printer) closing(s *Stage, id string, found bool) {
	if id != "" {
		where := ""
		if !found {
			where = "--state " + s.StateDir + " "
		}
		p.line("\n%s", p.paint(bold, "Ask about any line by its id:"))
		p.line("  go run ./cmd/outrider why %s%s", where, short(id))
	}
	p.line("\n%s", p.paint(bold, "Try it with your own key:"))
	p.line("  OPENAI_API_KEY=… go run ./cmd/outrider run")
	p.line("  then point any OpenAI client at http://127.0.0.1:4000/v1 with the key %q.", placeholder)
}

// keeping says how to use what stays.
func (p *printer) keeping(s *Stage) {
	reader := clients()[readClient]
	p.line("\n%s", p.paint(bold, "Everything keeps running; Ctrl-C ends it. A token for the MCP surface:"))
	p.line("  curl -s -u %s:%s -d grant_type=client_credentials %s", reader.ID, reader.Secret, s.Issuer.TokenURL())
	p.line("  The limit of %d requests a minute is used up; it frees itself within a minute.", RequestsPerMinute)
}
