package main

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/pluginpb"

	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// written returns the document of the contract as it is compiled in here.
func written(t *testing.T) string {
	t.Helper()
	files := []protoreflect.FileDescriptor{
		durationpb.File_google_protobuf_duration_proto, timestamppb.File_google_protobuf_timestamp_proto,
		decisionv1.File_outrider_decision_v1_decision_proto, decisionv1.File_outrider_decision_v1_service_proto,
	}
	req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("")}
	for _, f := range files {
		p := protodesc.ToFileDescriptorProto(f)
		p.SourceCodeInfo = &descriptorpb.SourceCodeInfo{}
		req.ProtoFile = append(req.ProtoFile, p)
	}
	plugin, err := protogen.Options{}.New(req)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDocument("../../proto/outrider/decision/v1/http.yaml", "../../pdp/openapi/page.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plugin.Files {
		for _, s := range f.Services {
			d.service(s)
		}
	}
	text, err := json.Marshal(d.whole())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocument: methods with an HTTP rule are there and no others, and every
// kind of field has the form that protobuf gives it in JSON.
func TestDocument(t *testing.T) {
	text := written(t)
	for _, want := range []string{
		`"/v1/check":{"post":{"operationId":"check"`, `"operationId":"filterTools"`, `"/docs":`,
		`"exchangeId":{"type":"string"`, `"raw":{"type":"string","contentEncoding":"base64"`, `"maxTokens":{"type":"string","pattern":`,
		`"start":{"type":"integer","minimum":0`, `"confidence":{"type":"number"`, `"hidden":{"type":"boolean"`,
		`"labels":{"type":"object","additionalProperties":{"type":"string"}`, `"items":{"$ref":"#/components/schemas/Segment"}`,
		`"enum":["EFFECT_UNSPECIFIED","EFFECT_ALLOW"`, `"retryAfter":{"type":"string","format":"duration"`, `"notAfter":{"type":"string","format":"date-time"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %s", want)
		}
	}
	for _, never := range []string{"Explain", "Settle", "ExchangeRequest", "DecideRequest"} {
		if strings.Contains(text, never) {
			t.Errorf("the document has %s", never)
		}
	}
}

func TestOrder(t *testing.T) {
	o := object{{"b", 1}, {"a", object{{"d", nil}, {"c", []any{object{}}}}}}
	got, err := json.Marshal(o)
	if err != nil || string(got) != `{"b":1,"a":{"d":null,"c":[{}]}}` {
		t.Errorf("%s, %v", got, err)
	}
}
