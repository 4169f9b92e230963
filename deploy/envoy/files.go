package envoy

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed envoy.yaml outrider.yaml policies tcp
var files embed.FS

// File is one file of a deployment.
type File struct {
	Name string // path below its folder, with slashes
	Why  string // what it is for
	Text string
}

// Files returns the files of a deployment in the order of reading. The decision
// service is reached by its unix socket, or by TCP with mutual TLS: the two
// variants differ in where each file says so, which is its end.
func Files(tcp bool) ([]File, error) {
	out := []File{
		{Name: "envoy.yaml", Why: "the Envoy: listener, filters, routes"},
		{Name: "outrider.yaml", Why: "the decision service: providers, servers, who may ask"},
		{Name: "policies/policy.yaml", Why: "what the agent may do"},
		{Name: "policies/tests.yaml", Why: "what must stay so"},
	}
	for i := range out {
		text, err := files.ReadFile(out[i].Name)
		if err != nil {
			return nil, err
		}
		out[i].Text = string(text)
	}
	if !tcp {
		return out, nil
	}
	for i, ending := range []string{"tcp/cluster.yaml", "tcp/pdp.yaml"} {
		if err := out[i].end(ending); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// end puts a file in the place of the text's end, from the line with which that
// file begins.
func (f *File) end(name string) error {
	ending, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	mark, _, _ := strings.Cut(string(ending), "\n")
	head, _, found := strings.Cut(f.Text, "\n"+mark+"\n")
	if !found {
		return fmt.Errorf("%s has no line %q, where %s would begin", f.Name, mark, name)
	}
	f.Text = head + "\n" + string(ending)
	return nil
}
