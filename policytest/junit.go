package policytest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The JUnit form that build servers read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		File     string      `xml:"file,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Suite   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit XML.
func (r *Report) JUnit(out io.Writer) error {
	doc := junitSuites{Tests: r.Cases(), Failures: r.Failed(), Time: seconds(r.Took)}
	for i := range r.Suites {
		doc.Suites = append(doc.Suites, r.Suites[i].junit())
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(out)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}

func (s *SuiteReport) junit() junitSuite {
	out := junitSuite{Name: s.Name, File: s.File, Tests: len(s.Results), Failures: s.Failed()}
	var took time.Duration
	for i := range s.Results {
		r := &s.Results[i]
		took += r.Took
		out.Cases = append(out.Cases, junitCase{
			Suite: s.Name, Name: r.Name, File: r.At.File, Line: r.At.Line, Time: seconds(r.Took), Failure: s.junitFailure(r),
		})
	}
	out.Time = seconds(took)
	return out
}

func (s *SuiteReport) junitFailure(r *Result) *junitFailure {
	if r.Passed() {
		return nil
	}
	var lines []string
	for _, m := range r.Mismatches {
		lines = append(lines, fmt.Sprintf("%s: want %s, got %s", m.What, m.Want, m.Got))
	}
	message := lines[0]
	for _, line := range []string{r.because(), r.Answer.Verdict.Reason.Rule, s.again(r)} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return &junitFailure{Message: message, Text: strings.Join(lines, "\n")}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
