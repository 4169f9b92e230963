package rego

import "outrider.dev/outrider/authz/input"

// AllowStage says from when on allow can be asked.
func (m *Module) AllowStage() input.Stage { return m.allow.stage() }

// DenyStage says from when on deny can be asked.
func (m *Module) DenyStage() input.Stage { return m.deny.stage() }

// MutateStage says from when on mutate can be asked.
func (m *Module) MutateStage() input.Stage { return m.mutate.stage() }

// VisibleStage says from when on visible can be asked.
func (m *Module) VisibleStage() input.Stage { return m.visible.stage() }

// stage is that of what the query reads; [input.Asked] without a query.
func (q *query) stage() input.Stage {
	var s input.Stage
	if q == nil {
		return s
	}
	for _, f := range q.fields {
		s = max(s, f.Stage)
	}
	return s
}
