package decision

// Principal is who asks: the workload that the data plane speaks for and,
// where a verified token came, its subject and claims.
type Principal struct {
	Agent   string
	Subject string         // empty without a token
	Client  string         // the client that got the token; empty where the token names none
	Issuer  string         // empty without a token
	Claims  map[string]any // empty without a token, perhaps nil
	Scopes  []string       // scp ∪ scope ∪ roles, in order of appearance, without repeats
}

// Identity names the principal for limits: the token's subject, else the workload.
func (p *Principal) Identity() string {
	if p.Subject != "" {
		return p.Issuer + "|" + p.Subject
	}
	return p.Agent
}
