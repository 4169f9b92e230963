package openapi

import (
	_ "embed" // of the template
	"html/template"
)

//go:embed page.html
var pageText string

func page() (*template.Template, error) { return template.New("page").Parse(pageText) }
