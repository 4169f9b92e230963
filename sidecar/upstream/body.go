package upstream

import (
	"errors"
	"io"
)

// answerBody is the body of an answer on a plain connection. One caller at a
// time.
type answerBody struct {
	framed io.Reader // as its head frames it; to close that one would read it to its end
	conn   *conn
	last   bool // no other answer follows on the connection
	gone   func() error
	over   error // what every further Read returns
}

var errClosedBody = errors.New("the body of the answer was closed")

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.over != nil {
		return 0, b.over
	}
	n, err := b.framed.Read(p)
	if err == nil {
		return n, nil
	}
	if gone := b.gone(); gone != nil && !errors.Is(err, io.EOF) {
		err = gone
	}
	b.over = err
	b.end(errors.Is(err, io.EOF))
	return n, err
}

// Close implements io.Closer. A body that was not read to its end costs its
// connection.
func (b *answerBody) Close() error {
	if b.over == nil {
		b.over = errClosedBody
		b.end(false)
	}
	return nil
}

func (b *answerBody) end(whole bool) {
	if c := b.conn; whole && !b.last && c.done() {
		c.free()
		c.pool.keep(c)
	} else {
		c.drop()
	}
}
