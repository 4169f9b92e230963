// Package catalogue is the form in which the detectors tell what they look for,
// so that the page of all rules is written from the data that decides.
//
// The packages below guards import it; the tool that writes the page reads it.
package catalogue

// Rule is one kind of content that a detector finds.
type Rule struct {
	ID          string   // unique among the rules of all detectors
	Type        string   // of its findings, as in pii.email
	Description string   // what it is, in a few words
	Form        string   // how it looks, or what announces it, in Markdown
	Confidence  float32  // of a usual finding
	Examples    []string // texts that hold one; none where no example may stand in a file
	Clean       []string // texts that nearly do
}
