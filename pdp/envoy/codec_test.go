package envoy

import (
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // gRPC's own codec, to stand around
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// full is a question with every field that Envoy fills in.
func full() *authv3.CheckRequest {
	peer := func(port uint32) *authv3.AttributeContext_Peer {
		return &authv3.AttributeContext_Peer{
			Principal: "spiffe://prod/ns/a/sa/b", Certificate: "x", Labels: map[string]string{"l": "v"},
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: "10.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
			}}},
		}
	}
	told := &structpb.Struct{Fields: map[string]*structpb.Value{"method": structpb.NewStringValue("tools/call")}}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: peer(1), Destination: peer(2), TlsSession: &authv3.AttributeContext_TLSSession{Sni: "s"},
		ContextExtensions: map[string]string{"agent": "a", "": "empty"},
		MetadataContext:   &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{filterMCP: told}},
		Request: &authv3.AttributeContext_Request{
			Time: timestamppb.New(timestamppb.Now().AsTime()),
			Http: &authv3.AttributeContext_HttpRequest{
				Id: "1", Method: "POST", Path: "/mcp?x", Host: "h", Scheme: "http", Query: "q", Fragment: "f", Size: -1, Protocol: "HTTP/2",
				Body: "text", RawBody: []byte{0xff, 0}, Headers: map[string]string{":path": "/mcp", "a": "b", "é": "ü"},
				HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "k", RawValue: []byte("v")}}},
			},
		},
	}}
}

// pack is a message in a field of another.
func pack(number protowire.Number, inner []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), inner)
}

// inHTTP is a question whose request has the fields.
func inHTTP(inner ...[]byte) []byte { return pack(1, pack(4, pack(2, slices.Concat(inner...)))) }

// FuzzReadQuestion: whatever came, it is read as the library reads it, or
// refused where the library refuses it.
func FuzzReadQuestion(f *testing.F) {
	whole, err := proto.Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	entry := func(parts ...[]byte) []byte { return inHTTP(pack(3, slices.Concat(parts...))) }
	key, value := pack(1, []byte("k")), pack(2, []byte("v"))
	varint := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7)
	group := protowire.AppendTag(protowire.AppendTag(nil, 3, protowire.StartGroupType), 3, protowire.EndGroupType)
	for _, raw := range [][]byte{
		nil, whole, slices.Concat(whole, whole), whole[:len(whole)/2],
		entry(), entry(key), entry(value), entry(key, value, value, key), entry(varint, key, value), entry(group, key), entry(pack(3, []byte("x"))),
		slices.Concat(entry(key, value), entry(key)), entry(pack(1, []byte{0xff})), entry(pack(3, []byte{0xff})),
		inHTTP(pack(2, []byte{0xff})), inHTTP(pack(12, []byte{0xff}), pack(12, nil)), inHTTP(varint), inHTTP(group), inHTTP(pack(99, []byte("x"))),
		inHTTP(protowire.AppendTag(nil, 3, protowire.EndGroupType)), inHTTP(pack(2, []byte("GET")), pack(2, []byte("POST"))),
		slices.Concat(inHTTP(pack(2, []byte("GET"))), inHTTP(pack(4, []byte("/mcp")))),
		pack(1, slices.Concat(pack(1, pack(4, []byte("p"))), pack(4, nil), pack(1, pack(2, []byte("s"))))),
		pack(1, varint),
		{0x00},
		{0x0a},
		{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, got := &authv3.CheckRequest{}, &authv3.CheckRequest{}
		theirs := proto.Unmarshal(raw, want)
		ours := readQuestion(raw, got)
		if (theirs == nil) != (ours == nil) {
			t.Fatalf("ours says %v, the library %v", ours, theirs)
		}
		if theirs == nil && !proto.Equal(got, want) {
			t.Fatalf("read %v, the library %v", got, want)
		}
	})
}

// TestCodecReadsFrames: a question that came in pieces is read, and other
// messages go to the codec around which this one stands.
func TestCodecReadsFrames(t *testing.T) {
	c := NewCodec(encoding.GetCodecV2("proto"))
	for _, m := range []proto.Message{full(), full().GetAttributes()} {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var frames mem.BufferSlice
		for piece := range slices.Chunk(raw, 100) {
			frames = append(frames, mem.SliceBuffer(piece))
		}
		got := m.ProtoReflect().New().Interface()
		if err := c.Unmarshal(frames, got); err != nil || !proto.Equal(m, got) {
			t.Errorf("read %v, %v", got, err)
		}
	}
	if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer("\xff\xff")}, &authv3.CheckRequest{}); err == nil {
		t.Error("junk was read")
	}
}

// TestQuestionIsItsOwn: the buffer of a question is used again while the
// question is judged.
func TestQuestionIsItsOwn(t *testing.T) {
	want := full()
	raw, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := &authv3.CheckRequest{}
	if err := readQuestion(raw, got); err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if !proto.Equal(want, got) {
		t.Errorf("it changed: %v", got)
	}
}
