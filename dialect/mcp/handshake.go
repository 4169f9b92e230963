package mcp

import (
	"slices"

	"outrider.dev/outrider/strictjson"
)

// ReadVersions returns the protocol versions that the answer to a handshake
// names: the one that initialize chose, or those that server/discover offers.
// A version is a date; an answer that names another thing is refused with an
// [*Error].
func ReadVersions(raw []byte, method string, lim strictjson.Limits) ([]string, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	defer doc.Free()
	result := doc.Root().Get("result")
	named := []strictjson.Value{result.Get("protocolVersion")}
	if method == MethodDiscover {
		named = nil
		for _, v := range result.Get("supportedVersions").Elements() {
			named = append(named, v)
		}
	}
	var out []string
	for _, v := range named {
		text, _ := v.Text()
		if !isDate(text) {
			return nil, badAnswer("it names no protocol version")
		}
		out = append(out, string(text))
	}
	if len(out) == 0 {
		return nil, badAnswer("it names no protocol version")
	}
	return out, nil
}

func isDate(text []byte) bool {
	const form = "0000-00-00"
	if len(text) != len(form) {
		return false
	}
	for i, c := range text {
		if digit := '0' <= c && c <= '9'; digit == (form[i] == '-') || !digit && c != '-' {
			return false
		}
	}
	return true
}

// Oldest returns the oldest version of all lists, empty when there is none.
func Oldest(lists [][]string) string {
	all := slices.Concat(lists...)
	if len(all) == 0 {
		return ""
	}
	return slices.Min(all)
}

// Common returns the versions that stand in every list, in the order of the
// first one. An empty list is of a server that did not answer and counts for
// nothing.
func Common(lists [][]string) []string {
	var out []string
	begun := false
	for _, list := range lists {
		switch {
		case len(list) == 0:
		case !begun:
			out, begun = slices.Clone(list), true
		default:
			out = slices.DeleteFunc(out, func(v string) bool { return !slices.Contains(list, v) })
		}
	}
	return out
}

const ownTools = `"capabilities":{"tools":{"listChanged":false}}`

// privateResult are the members that every modern result of ours has.
const privateResult = `"resultType":"complete","ttlMs":0,"cacheScope":"private",`

func appendServerInfo(out []byte, build string) []byte {
	out = append(out, `{"name":"outrider","version":`...)
	return append(appendString(out, build), '}')
}

// InitializeResult is what several servers behind one address answer to
// initialize: the tools of all, at one version.
func InitializeResult(version, build string) []byte {
	out := appendString([]byte(`{"protocolVersion":`), version)
	out = append(out, ","+ownTools+`,"serverInfo":`...)
	return append(appendServerInfo(out, build), '}')
}

// DiscoverResult is the same for server/discover.
func DiscoverResult(versions []string, build string) []byte {
	out := []byte(`{` + privateResult + `"supportedVersions":[`)
	for i, v := range versions {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, v)
	}
	out = append(out, "],"+ownTools+`,"_meta":{"io.modelcontextprotocol/serverInfo":`...)
	return append(appendServerInfo(out, build), "}}"...)
}

// ToolsResult is one page that lists every tool.
func ToolsResult(era Era, definitions [][]byte) []byte {
	out := []byte(`{`)
	if era == Modern {
		out = append(out, privateResult...)
	}
	out = append(out, `"tools":[`...)
	for i, d := range definitions {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, d...)
	}
	return append(out, "]}"...)
}
