package mcp

import "outrider.dev/outrider/sidecar/gate"

// read takes the call in and fills in the question. What it refuses is never
// asked about.
func (x *exchange) read() error {
	if err := x.in.Accept(); err != nil {
		return err
	}
	raw, err := gate.ReadBody(x.w, x.r, int64(x.Limits.Bytes))
	if err != nil {
		return err
	}
	err = x.in.Read(raw, x.Limits)
	x.msg = x.in.Message
	return err
}
