package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Widths of the columns; a whole line is at most lineWidth characters.
const (
	whatWidth   = 44
	effectWidth = 8
	whyWidth    = 41
	idWidth     = 8 // enough for `outrider why`
	lineWidth   = 110
)

// Colours of a terminal, used only there.
const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// printer prints the story as a table. A line that cannot be written is lost:
// the story's outcome is its error, not its text.
type printer struct {
	out   io.Writer
	color bool
}

// row is one line of the table.
type row struct {
	what   string
	seen   *seen
	faults []string
}

func (p *printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", args...) }

func (p *printer) paint(color, text string) string {
	if !p.color || text == "" {
		return text
	}
	return color + text + plain
}

func (p *printer) scene(title string) { p.line("\n%s", p.paint(bold, title)) }

func (p *printer) row(r row) {
	mark := p.paint(green, "✓")
	if len(r.faults) > 0 {
		mark = p.paint(red, "✗")
	}
	line := fmt.Sprintf("  %s %s %s %s %s", mark,
		pad(r.what, whatWidth),
		p.paint(colorOf(r.seen.effect), pad(string(r.seen.effect), effectWidth)),
		pad(why(r.seen), whyWidth),
		p.paint(dim, short(r.seen.decision)))
	p.line("%s", strings.TrimRight(line, " "))
	for _, note := range r.seen.notes {
		p.line("      %s", p.paint(dim, clip(note, lineWidth-6)))
	}
	for _, fault := range r.faults {
		p.line("      %s", p.paint(red, fault))
	}
}

func (p *printer) summary(steps, failed int, took time.Duration) {
	if failed > 0 {
		p.line("\n%s", p.paint(red, fmt.Sprintf("%d of %d steps did not come out as expected.", failed, steps)))
		return
	}
	p.line("\n%s", p.paint(green, fmt.Sprintf("All %d steps came out as expected, in %.1f s.", steps, took.Seconds())))
}

func colorOf(e effect) string {
	switch e {
	case allowed, obtained:
		return green
	case redacted:
		return yellow
	default:
		return red
	}
}

// why puts the reason code and what is known of the rule into one column.
func why(s *seen) string {
	if s.code == "" || s.why == "" {
		return string(s.code) + s.why
	}
	return string(s.code) + " " + s.why
}

// short is the beginning of a decision id.
func short(id string) string { return id[:min(len(id), idWidth)] }

// pad makes text exactly n characters wide.
func pad(text string, n int) string {
	text = clip(text, n)
	return text + strings.Repeat(" ", n-utf8.RuneCountInString(text))
}

// clip cuts text to at most n characters, the last of which says so.
func clip(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
