package rego

import "outrider.dev/outrider/authz/input"

// AllowReads returns the words that allow reads, itself or by other rules.
func (m *Module) AllowReads() []input.Field { return m.allow.words() }

// DenyReads returns the words that deny reads, itself or by other rules.
func (m *Module) DenyReads() []input.Field { return m.deny.words() }

// VisibleReads returns the words that visible reads, itself or by other rules.
func (m *Module) VisibleReads() []input.Field { return m.visible.words() }

func (q *query) words() []input.Field {
	if q == nil {
		return nil
	}
	return q.fields
}
