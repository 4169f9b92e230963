package wire

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// codec encodes messages as gRPC does by itself, in buffers of other sizes.
// They carry whole bodies, and gRPC's own pool has no size between 32 KiB and
// 1 MiB: a body in between would take a whole MiB on either side, and have all
// of it cleared.
type codec struct{ pool mem.BufferPool }

// NewCodec returns the codec that both sides of the decision API use.
func NewCodec() encoding.CodecV2 {
	const kib = 1 << 10
	return &codec{mem.NewTieredBufferPool(4*kib, 16*kib, 32*kib, 64*kib, 96*kib, 128*kib, 256*kib, 512*kib, 1024*kib)}
}

// Name implements encoding.CodecV2.
func (*codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (c *codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("encode a %T, which is no message", v)
	}
	size := proto.Size(m)
	options := proto.MarshalOptions{UseCachedSize: true} // nobody changes m in between
	if mem.IsBelowBufferPoolingThreshold(size) {
		raw, err := options.Marshal(m)
		return mem.BufferSlice{mem.SliceBuffer(raw)}, err
	}
	buf := c.pool.Get(size)
	if _, err := options.MarshalAppend((*buf)[:0], m); err != nil {
		c.pool.Put(buf)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(buf, c.pool)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("decode into a %T, which is no message", v)
	}
	raw := data.MaterializeToBuffer(c.pool)
	defer raw.Free()
	return proto.Unmarshal(raw.ReadOnlyData(), m)
}
