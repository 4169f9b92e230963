package envoy

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	statusv3 "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func allowOf(answer *authv3.OkHttpResponse, told *structpb.Struct) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status: &statusv3.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: answer}, DynamicMetadata: told,
	}
}

func toldOf(fields map[string]*structpb.Value) *structpb.Struct {
	return &structpb.Struct{Fields: fields}
}

// wantAlike holds what the codec writes to what the library does.
func wantAlike(t *testing.T, m *authv3.CheckResponse) {
	t.Helper()
	_, theirs := proto.Marshal(m)
	written, ours := NewCodec(encoding.GetCodecV2("proto")).Marshal(m)
	if (theirs == nil) != (ours == nil) {
		t.Fatalf("ours says %v, the library %v", ours, theirs)
	}
	if theirs != nil {
		return
	}
	got := &authv3.CheckResponse{}
	if err := proto.Unmarshal(written.Materialize(), got); err != nil || !proto.Equal(m, got) {
		t.Fatalf("%v: written %v, of\n%v", err, got, m)
	}
}

// TestAnswersAreWrittenAsTheLibraryWouldBe, whether the codec takes them or not.
func TestAnswersAreWrittenAsTheLibraryWouldBe(t *testing.T) {
	odd := set("x", "y")
	odd.AppendAction, odd.KeepEmptyValue = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD, true
	old := set("x", "y")
	old.Append = wrapperspb.Bool(true) //nolint:staticcheck // an odd message is the point
	raw := &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: "k", RawValue: []byte{0xff}}}
	text := structpb.NewStringValue
	deep := structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewStructValue(toldOf(map[string]*structpb.Value{
		"name": text("a"), "left": structpb.NewNumberValue(7), "none": structpb.NewNullValue(), "yes": structpb.NewBoolValue(true),
	}))}})
	for name, m := range map[string]*authv3.CheckResponse{
		"empty":          allowOf(&authv3.OkHttpResponse{}, nil),
		"nothing":        {},
		"without status": {HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}},
		"a status":       {Status: &statusv3.Status{Code: 7, Message: "m"}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}},
		"a denial":       {HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{Body: "b"}}},
		"all": allowOf(&authv3.OkHttpResponse{
			Headers:         []*corev3.HeaderValueOption{set("authorization", strings.Repeat("k", 20000)), set("empty", ""), set("", "v")},
			HeadersToRemove: []string{"cookie", ""}, ResponseHeadersToAdd: []*corev3.HeaderValueOption{set("outrider-decision", "id")},
		}, toldOf(map[string]*structpb.Value{"": text("v"), "e": text(""), "long": text(strings.Repeat("é", 100)), "limits": deep})),
		"no fields":       allowOf(&authv3.OkHttpResponse{}, &structpb.Struct{}),
		"a bare value":    allowOf(&authv3.OkHttpResponse{}, toldOf(map[string]*structpb.Value{"k": {}})),
		"no value":        allowOf(&authv3.OkHttpResponse{}, toldOf(map[string]*structpb.Value{"k": nil})),
		"odd":             allowOf(&authv3.OkHttpResponse{Headers: []*corev3.HeaderValueOption{odd}}, nil),
		"old":             allowOf(&authv3.OkHttpResponse{Headers: []*corev3.HeaderValueOption{old}}, nil),
		"raw":             allowOf(&authv3.OkHttpResponse{ResponseHeadersToAdd: []*corev3.HeaderValueOption{raw}}, nil),
		"no header":       allowOf(&authv3.OkHttpResponse{Headers: []*corev3.HeaderValueOption{{}}}, nil),
		"queries":         allowOf(&authv3.OkHttpResponse{QueryParametersToRemove: []string{"q"}}, nil),
		"more queries":    allowOf(&authv3.OkHttpResponse{QueryParametersToSet: []*corev3.QueryParameter{{Key: "q"}}}, nil),
		"metadata inside": allowOf(&authv3.OkHttpResponse{DynamicMetadata: toldOf(nil)}, nil), //nolint:staticcheck // as above
		"no text":         allowOf(&authv3.OkHttpResponse{Headers: []*corev3.HeaderValueOption{set("k", "\xff")}}, nil),
		"no name":         allowOf(&authv3.OkHttpResponse{HeadersToRemove: []string{"\xff"}}, nil),
		"no metadata":     allowOf(&authv3.OkHttpResponse{}, toldOf(map[string]*structpb.Value{"\xff": text("v")})),
		"nested no text":  allowOf(&authv3.OkHttpResponse{}, toldOf(map[string]*structpb.Value{"k": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{text("\xff")}})})),
	} {
		t.Run(name, func(t *testing.T) { wantAlike(t, m) })
	}
}

// FuzzWriteAllow: whatever an allow holds, it is written as by the library.
func FuzzWriteAllow(f *testing.F) {
	f.Add("authorization", "Bearer k", "cookie", "sub", "ann", 1.5, int32(2))
	f.Add("", "\xff", strings.Repeat("n", 127), "k", strings.Repeat("v", 16384), 0.0, int32(-1))
	f.Fuzz(func(t *testing.T, name, value, removed, key, text string, number float64, action int32) {
		h := set(name, value)
		h.AppendAction = corev3.HeaderValueOption_HeaderAppendAction(action)
		wantAlike(t, allowOf(&authv3.OkHttpResponse{Headers: []*corev3.HeaderValueOption{h, set(value, name)}, HeadersToRemove: []string{removed, name}},
			toldOf(map[string]*structpb.Value{key: structpb.NewStringValue(text), text: structpb.NewNumberValue(number)})))
	})
}

// BenchmarkWriteAllow writes what a call that passes is usually answered with.
func BenchmarkWriteAllow(b *testing.B) {
	m := allowOf(&authv3.OkHttpResponse{HeadersToRemove: []string{"authorization"}, ResponseHeadersToAdd: []*corev3.HeaderValueOption{set("outrider-decision", "0123456789abcdefghjkmnpqrs")}},
		toldOf(map[string]*structpb.Value{
			"decision_id": structpb.NewStringValue("0123456789abcdefghjkmnpqrs"), "effect": structpb.NewStringValue("allow"), "sub": structpb.NewStringValue("ann"),
			"policy": structpb.NewStringValue("bench"), "version": structpb.NewStringValue("0123456789ab"), "rule": structpb.NewStringValue("readers (policy.yaml:20)"),
		}))
	library := encoding.GetCodecV2("proto")
	for name, c := range map[string]encoding.CodecV2{"ours": NewCodec(library), "library": library} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if out, err := c.Marshal(m); err != nil || out.Len() == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}
