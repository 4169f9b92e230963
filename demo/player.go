package demo

import (
	"context"
	"fmt"
	"time"

	"outrider.dev/outrider/audit"
)

// player plays the story on a stage where both parts run.
type player struct {
	stage  *Stage
	agent  *agent
	tokens map[string]string // by scope, as they were obtained
	out    *printer
	find   func(id string) ([]audit.Record, error) // what `outrider why` reads

	asked  int // LLM calls that counted against the limit
	steps  int
	wrong  int      // steps that came out otherwise
	failed []string // what was wrong, one line each
	lastID string   // the last decision worth asking about
}

func newPlayer(stage *Stage, out *printer) *player {
	return &player{
		stage: stage, agent: newAgent(stage.AgentURL()), tokens: map[string]string{}, out: out,
		find: func(id string) ([]audit.Record, error) { return audit.Find(stage.StateDir, id) },
	}
}

// play plays every scene to its end, whatever comes out.
func (p *player) play(ctx context.Context, scenes []scene) error {
	begun := time.Now()
	for _, sc := range scenes {
		p.out.scene(sc.title)
		for _, st := range sc.steps {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("the story was cut short: %w", context.Cause(ctx))
			}
			p.step(ctx, st)
		}
	}
	p.out.summary(p.steps, p.wrong, time.Since(begun))
	if len(p.failed) > 0 {
		return &Mismatch{Steps: p.steps, Wrong: p.wrong, Failed: p.failed}
	}
	return nil
}

func (p *player) step(ctx context.Context, st step) {
	marks := p.marks()
	s, err := st.do(ctx, p)
	if err != nil {
		s = &seen{effect: "failed"}
		s.fault("the call failed: %v", err)
	}
	s.received = p.since(marks)
	s.checkFarSide(p.secrets())
	if s.decision != "" {
		p.explain(ctx, s)
	}
	faults := s.compare(st.want)
	p.out.row(row{what: st.what, seen: s, faults: faults})
	p.steps++
	if len(faults) > 0 {
		p.wrong++
	}
	for _, f := range faults {
		p.failed = append(p.failed, fmt.Sprintf("%s: %s", st.what, f))
	}
	if s.code != "" && s.decision != "" {
		p.lastID = s.decision
	}
}

// secrets are the agent's credentials, none of which may reach the far side.
func (p *player) secrets() []string {
	out := []string{"Bearer " + placeholder}
	for _, token := range p.tokens {
		out = append(out, token)
	}
	return out
}

// marks remembers how much has arrived at each stand-in behind the road.
func (p *player) marks() [3]uint64 {
	return [3]uint64{p.stage.LLM.Total(), p.stage.GitHub.Total(), p.stage.Slack.Total()}
}

// since returns what has arrived after the marks.
func (p *player) since(marks [3]uint64) []arrival {
	var out []arrival
	for _, r := range p.stage.LLM.Since(marks[0]) {
		out = append(out, arrival{r, "the LLM provider", p.stage.LLM.Key()})
	}
	for _, r := range p.stage.GitHub.Since(marks[1]) {
		out = append(out, arrival{r, "server github", p.stage.GitHub.Token()})
	}
	for _, r := range p.stage.Slack.Since(marks[2]) {
		out = append(out, arrival{r, "server slack", p.stage.Slack.Token()})
	}
	return out
}

// Mismatch says which steps came out otherwise than expected.
type Mismatch struct {
	Steps  int
	Wrong  int
	Failed []string // one line each: step, expected, got
}

// Error implements error.
func (m *Mismatch) Error() string {
	text := fmt.Sprintf("%d of %d steps came out otherwise than expected:", m.Wrong, m.Steps)
	for _, f := range m.Failed {
		text += "\n  " + f
	}
	return text
}
