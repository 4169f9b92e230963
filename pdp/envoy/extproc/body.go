package extproc

import (
	"io"
	"net/http"
	"strconv"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
)

// body reads the body of the answer, one message at a time: what is not read
// waits in Envoy.
type body struct {
	c    *conversation
	rest []byte
	done bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.done {
			return 0, io.EOF
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *body) fill() error {
	m, err := b.c.nextOfAnswer()
	if err != nil {
		return err
	}
	switch r := m.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_ResponseBody:
		b.rest = r.ResponseBody.GetBody()
		b.done = r.ResponseBody.GetEndOfStream() || b.c.modes.response == buffered
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		b.c.trailers, b.c.trailed = names(r.ResponseTrailers.GetTrailers()), true
		b.done = true
	default:
		return cannot("a message came out of order")
	}
	return nil
}

// write lets a part of the answer go, its head before it. One that is buffered
// goes as a whole.
func (c *conversation) write(part []byte) error {
	if c.modes.response != duplex || c.head.last {
		c.out = append(c.out, part...)
		return nil
	}
	if err := c.start(); err != nil || len(part) == 0 {
		return err
	}
	return c.send(streamedAnswer(part, false))
}

// start lets the head of the answer go. The length that it told was that of
// the bytes before they were judged.
func (c *conversation) start() error {
	if c.begun {
		return nil
	}
	c.begun = true
	m := c.answerHeader()
	m.RemoveHeaders = append(m.RemoveHeaders, "content-length")
	return c.send(responseHeaders(m))
}

// finish ends the answer, unless an error refuses it.
func (c *conversation) finish(err error) error {
	if err != nil {
		return err
	}
	switch {
	case c.head.last:
		err = c.finishHead()
	case c.modes.response == duplex:
		err = c.finishStream()
	default:
		err = c.finishWhole()
	}
	if err == nil {
		c.ended, c.result.End = true, decision.EndCompleted
	}
	return err
}

// finishHead ends an answer that has no body.
func (c *conversation) finishHead() error {
	c.begun = true
	return c.send(responseHeaders(c.answerHeader()))
}

func (c *conversation) finishStream() error {
	if err := c.start(); err != nil {
		return err
	}
	return c.endStream(nil)
}

// endStream sends the last part of a stream, and takes the text out of trailers
// that came with the answer.
func (c *conversation) endStream(last []byte) error {
	if !c.trailed {
		return c.send(streamedAnswer(last, true))
	}
	if len(last) > 0 {
		if err := c.send(streamedAnswer(last, false)); err != nil {
			return err
		}
	}
	return c.send(responseTrailers(c.trailers))
}

// finishWhole replaces a buffered body.
func (c *conversation) finishWhole() error {
	c.begun = true
	m := &extprocv3.HeaderMutation{}
	if c.head.header.Get("Content-Length") != "" {
		m.SetHeaders = setHeaders(http.Header{"Content-Length": {strconv.Itoa(len(c.out))}})
	}
	return c.send(responseBody(m, whole(c.out)))
}
