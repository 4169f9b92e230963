package config

// Text reads documents that a program holds, any mix of one Config and
// policies. The name stands in errors where a file's would; relative paths in
// the documents are relative to the working directory.
func Text(name, src string) (*Loaded, error) {
	l := newLoader()
	p := l.open(name)
	if src, ok := p.text([]byte(src)); ok {
		for _, d := range p.documents(src) {
			l.read(d, kindConfig, kindPolicy, kindTest, kindInject)
		}
	}
	return l.result()
}
