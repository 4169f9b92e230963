package wire

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // gRPC's own codec, to compare with
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestCodecIsTheOneOfGRPC: each side may use either codec, whatever the size of
// the body and however the bytes came.
func TestCodecIsTheOneOfGRPC(t *testing.T) {
	ours, theirs := NewCodec(), encoding.GetCodecV2("proto")
	if ours.Name() != theirs.Name() {
		t.Errorf("named %q, want %q", ours.Name(), theirs.Name())
	}
	for _, size := range []int{0, 1, 1000, 5_000, 40_000, 65_536, 70_000, 1 << 20, 3 << 20} {
		for range 3 { // the second time in a buffer that was used before
			m := &decisionv1.Body{Dialect: "mcp", Raw: bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]}
			for _, way := range [][2]encoding.CodecV2{{ours, theirs}, {theirs, ours}, {ours, ours}} {
				if got := recoded(t, way[0], way[1], m); !proto.Equal(got, m) {
					t.Errorf("a body of %d bytes changed on its way", size)
				}
			}
		}
	}
}

// recoded encodes with one codec and decodes with the other, from pieces as
// HTTP/2 frames bring them.
func recoded(t *testing.T, from, to encoding.CodecV2, m *decisionv1.Body) *decisionv1.Body {
	t.Helper()
	data, err := from.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	raw := data.Materialize()
	data.Free()
	var frames mem.BufferSlice
	for piece := range slices.Chunk(raw, 16<<10) {
		frames = append(frames, mem.SliceBuffer(piece))
	}
	got := &decisionv1.Body{}
	if err := to.Unmarshal(frames, got); err != nil {
		t.Fatal(err)
	}
	clear(raw) // a message must not alias what is used again
	return got
}

func TestCodecRefusesWhatIsNoMessage(t *testing.T) {
	c := NewCodec()
	if _, err := c.Marshal("text"); err == nil {
		t.Error("encoded a string")
	}
	if err := c.Unmarshal(mem.BufferSlice{}, new(string)); err == nil {
		t.Error("decoded a string")
	}
	if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer("\xff\xff")}, &decisionv1.Body{}); err == nil {
		t.Error("decoded junk")
	}
	if _, err := c.Marshal(&decisionv1.Body{Dialect: "\xff"}); err == nil {
		t.Error("encoded a string that is not UTF-8")
	}
}
