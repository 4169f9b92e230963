package decisionservice

import "outrider.dev/outrider/telemetry"

// events counts what happens at the decision service's listeners.
type events struct{ metrics *telemetry.Metrics }

// PeerRefused implements server.Events.
func (e events) PeerRefused() { e.metrics.PeersRefused.Inc() }

// Shed implements server.Events.
func (e events) Shed(why string) { e.metrics.Shed.WithLabelValues(why).Inc() }

// CertificatesRead implements server.Events.
func (e events) CertificatesRead(taken bool) { e.metrics.CertificatesRead(taken) }
