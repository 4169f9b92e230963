package telemetry

import (
	"io"
	"log/slog"

	"golang.org/x/term"
)

// newLog writes for whoever reads: people at a terminal, programs elsewhere.
// Secrets hide themselves (decision.Secret), so no attribute is filtered here.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	if w == nil {
		return slog.New(slog.DiscardHandler)
	}
	options := &slog.HandlerOptions{Level: level}
	if f, ok := w.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
