package sse

import "bytes"

// AppendWithData appends the event with other data. Every other line and the
// spelling of the line ends stay; the data lines become the lines of data, at
// the place of the first one. An event without data gets them at its end.
func AppendWithData(dst []byte, ev Event, data []byte) []byte {
	dst = append(dst, ev.Raw[:ev.lead]...)
	written := false
	for rest := ev.Raw[ev.lead:]; len(rest) > 0; {
		var line, end []byte
		line, end, rest = cutLine(rest)
		name, value := splitField(line)
		blank := len(line) == 0
		if !written && (blank || string(name) == "data") {
			prefix := line[:len(line)-len(value)]
			dst = appendData(dst, prefix, end, data)
			written = true
		}
		if blank && string(end) == "\n" && dst[len(dst)-1] == '\r' {
			dst = append(dst, '\n') // mixed line ends: CR and LF must stay two
		}
		if string(name) != "data" || blank {
			dst = append(append(dst, line...), end...)
		}
	}
	return dst
}

// appendData writes data line by line. The prefix is how the event spells
// "data:", empty when it has no data line.
func appendData(dst, prefix, end, data []byte) []byte {
	if bytes.IndexByte(prefix, ':') < 0 {
		prefix = []byte("data:")
	}
	if len(end) == 0 { // a last line without an end
		end = []byte("\n")
	}
	for {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		dst = append(dst, prefix...)
		if prefix[len(prefix)-1] == ':' && len(line) > 0 && line[0] == ' ' {
			dst = append(dst, ' ') // or the reader takes the text's own space
		}
		dst = append(append(dst, line...), end...)
		if !more {
			return dst
		}
		data = rest
	}
}

// cutLine cuts the first line off, apart from the bytes that end it.
func cutLine(b []byte) (line, end, rest []byte) {
	at := bytes.IndexByte(b, '\n')
	if at < 0 {
		at = len(b)
	}
	if cr := bytes.IndexByte(b[:at], '\r'); cr >= 0 {
		at = cr
	}
	switch {
	case at == len(b):
		return b, nil, nil
	case b[at] == '\r' && at+1 < len(b) && b[at+1] == '\n':
		return b[:at], b[at : at+2], b[at+2:]
	default:
		return b[:at], b[at : at+1], b[at+1:]
	}
}
