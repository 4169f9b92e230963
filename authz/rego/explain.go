package rego

import "outrider.dev/outrider/authz/input"

// AllowReads returns what allow reads, itself or by other rules.
func (m *Module) AllowReads() []input.Reading { return m.allow.readings() }

// DenyReads returns what deny reads, itself or by other rules.
func (m *Module) DenyReads() []input.Reading { return m.deny.readings() }

// VisibleReads returns what visible reads, itself or by other rules.
func (m *Module) VisibleReads() []input.Reading { return m.visible.readings() }

func (q *query) readings() []input.Reading {
	if q == nil {
		return nil
	}
	return q.reads
}
