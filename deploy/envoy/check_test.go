package envoy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/config"
)

const tenMiB = 10 << 20

// good is the envoy.yaml of a variant.
func good(t *testing.T, tcp bool) string {
	t.Helper()
	all, err := Files(tcp)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].Text
}

func checked(t *testing.T, text string, maxBody int64) config.Errors {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems config.Errors
	if err := Check(file, maxBody); err != nil && !errors.As(err, &problems) {
		t.Fatalf("an error of another type: %v", err)
	}
	return problems
}

func TestOwnFilesPass(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		if problems := checked(t, good(t, tcp), tenMiB); len(problems) > 0 {
			t.Errorf("TCP %v: %v", tcp, problems)
		}
	}
}

// trap is a change that must be refused where it stands.
type trap struct {
	name     string
	old, new string
	want     string // of what is said; the place is the line that changed unless elsewhere says
	tcp      bool
}

func traps() []trap {
	const (
		authzOpen = "failure_mode_allow: false\n              status_on_error: {code: ServiceUnavailable}\n              with_request_body"
		procOpen  = "failure_mode_allow: false\n              status_on_error: {code: ServiceUnavailable}\n              message_timeout"
		end       = "              # Nothing else"
		more      = "              - match: {prefix: /more}\n                "
		on404     = "direct_response: {status: 404}"
		llm       = "route: {cluster: openai, "
		llmScope  = "check_settings: {context_extensions: {provider: openai}}"
	)
	return []trap{
		{name: "partial bodies", old: "allow_partial_message: false", new: "allow_partial_message: true", want: "padding"},
		{name: "partial bodies in camel case", old: "allow_partial_message: false", new: "allowPartialMessage: true", want: "padding"},
		{name: "both spellings", old: "allow_partial_message: false", new: "allow_partial_message: false, allowPartialMessage: true", want: "two spellings"},
		{name: "a word that Envoy takes for true", old: "allow_partial_message: false", new: "allow_partial_message: yes", want: "padding"},
		{name: "bytes as text", old: ", pack_as_bytes: true", new: "", want: "pack_as_bytes"},
		{name: "bytes as text, said", old: "pack_as_bytes: true", new: "pack_as_bytes: false", want: "pack_as_bytes"},
		{name: "no body", old: "with_request_body: {max_request_bytes: 10485760, allow_partial_message: false, pack_as_bytes: true}", new: "", want: "sends no body"},
		{name: "no size", old: "max_request_bytes: 10485760, ", new: "", want: "max_request_bytes is missing"},
		{name: "a size of zero", old: "max_request_bytes: 10485760", new: "max_request_bytes: 0", want: "max_request_bytes is missing"},
		{name: "more than the decision service takes", old: "max_request_bytes: 10485760", new: "max_request_bytes: 10485761", want: "takes 10485760 bytes"},
		{name: "ext_authz fails open", old: authzOpen, new: strings.Replace(authzOpen, "false", "true", 1), want: "pass unjudged"},
		{name: "ext_proc fails open", old: procOpen, new: strings.Replace(procOpen, "false", "true", 1), want: "FULL_DUPLEX_STREAMED"},
		{name: "shadow mode", old: "validate_mutations: true", new: "shadow_mode: true", want: "only recorded"},
		{name: "another route afterwards", old: "validate_mutations: true", new: "clear_route_cache: true", want: "another route"},
		{name: "a sample", old: "validate_mutations: true", new: "filter_enabled: {default_value: {numerator: 50}}", want: "some calls"},
		{name: "another protocol", old: "validate_mutations: true", new: "http_service: {}", want: "gRPC"},
		{name: "no trailers", old: "response_trailer_mode: SEND", new: "", want: "response_trailer_mode"},
		{name: "answers unread", old: "response_body_mode: FULL_DUPLEX_STREAMED", new: "response_body_mode: NONE", want: "response_body_mode"},
		{name: "answers in pieces", old: "response_body_mode: FULL_DUPLEX_STREAMED", new: "response_body_mode: STREAMED", want: "response_body_mode"},
		{name: "answers whole", old: "response_body_mode: FULL_DUPLEX_STREAMED", new: "response_body_mode: BUFFERED", want: ""},
		{name: "requests in part", old: "request_body_mode: BUFFERED", new: "request_body_mode: BUFFERED_PARTIAL", want: "request_body_mode"},
		{name: "requests in full duplex", old: "request_body_mode: BUFFERED", new: "request_body_mode: FULL_DUPLEX_STREAMED", want: ""},
		{name: "trailers of requests", old: "request_trailer_mode: SEND", new: "request_trailer_mode: SKIP", want: "request_trailer_mode"},
		{name: "trailers of whole answers", old: "response_body_mode: FULL_DUPLEX_STREAMED\n                response_trailer_mode: SEND", new: "response_body_mode: BUFFERED", want: "response_trailer_mode"},
		{name: "no headers", old: "response_header_mode: SEND", new: "response_header_mode: SKIP", want: "response_header_mode"},
		{name: "no mode", old: "processing_mode:", new: "unknown_mode:", want: "no body is judged"},
		{name: "observing", old: "message_timeout: 5s", new: "observability_mode: true", want: "does not wait"},
		{name: "no refusals", old: "message_timeout: 5s", new: "disable_immediate_response: true", want: "refused"},
		{name: "a filter by name only", old: "- name: envoy.filters.http.ext_proc", new: "- disabled: true\n            name: envoy.filters.http.ext_proc", want: "asks nobody"},
		{name: "an optional filter", old: "- name: envoy.filters.http.ext_authz", new: "- is_optional: true\n            name: envoy.filters.http.ext_authz", want: "leaves an optional filter out"},
		{name: "a route without ext_authz", old: llmScope, new: "disabled: true", want: "ext_authz is turned off"},
		{name: "a route without bodies", old: llmScope, new: "check_settings: {disable_request_body_buffering: true}", want: "sends no body here"},
		{name: "a route with its own bodies", old: llmScope, new: "check_settings: {with_request_body: {max_request_bytes: 1, allow_partial_message: true}}", want: "own way with bodies"},
		{name: "a route with its own service", old: llmScope, new: "check_settings: {grpc_service: {}}", want: "another service"},
		{name: "a pair that is none", old: `, paired: "true"`, new: "", want: "each for itself"},
		{name: "the end of the routes leads somewhere", old: on404, new: "route: {cluster: openai}", want: "ext_authz is turned off"},
		{name: "a way past", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_authz: {disabled: true}}\n" + end, want: "ext_authz is turned off"},
		{name: "a way past in a frame", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_authz: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}\n" + end, want: "ext_authz is turned off"},
		{name: "a pair of one", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_proc: {disabled: true}}\n" + end, want: "said to be paired"},
		{name: "answers of a route unread", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_proc: {overrides: {processing_mode: {request_body_mode: BUFFERED, response_trailer_mode: SEND}}}}\n" + end, want: "response_body_mode"},
		{name: "a route fails open", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_proc: {overrides: {failure_mode_allow: true}}}\n" + end, want: "pass unjudged"},
		{name: "questions of a route that are changed", old: end, new: more + "route: {cluster: openai}\n                typed_per_filter_config: {envoy.filters.http.ext_proc: {overrides: {processing_request_modifier: {}}}}\n" + end, want: "is judged"},
		{name: "one of several clusters past", old: end, new: more + "route: {weighted_clusters: {clusters: [{name: openai, weight: 1, typed_per_filter_config: {envoy.filters.http.ext_authz: {disabled: true}}}]}}\n" + end, want: "ext_authz is turned off"},
		{name: "a mirror", old: llm, new: llm + "request_mirror_policies: [{cluster: github}], ", want: "mirror"},
		{name: "a redirect that Envoy follows", old: llm, new: llm + "internal_redirect_policy: {}, ", want: "to another route"},
		{name: "the agent names the host", old: "host_rewrite_literal: api.openai.com, ", new: "", want: "has that name there"},
		{name: "a header names the host", old: "host_rewrite_literal: api.openai.com", new: "host_rewrite_header: x-host", want: "has that name there"},
		{name: "one of several clusters takes the agent's host", old: end, new: more + "route: {weighted_clusters: {clusters: [{name: openai, weight: 1}]}}\n" + end, want: "has that name there"},
		{name: "hosts that the virtual host names", old: "domains: [\"*\"]", new: "domains: [api.openai.com]", want: ""},
		{name: "the provider's address is its name", old: "host_rewrite_literal: api.openai.com", new: "auto_host_rewrite: true", want: ""},
		{name: "headers unshown to ext_authz", old: "validate_mutations: true", new: "disallowed_headers: {patterns: [{exact: x-api-key}]}", want: "not shown"},
		{name: "headers shown to ext_authz", old: "validate_mutations: true", new: "allowed_headers: {patterns: [{exact: authorization}]}", want: "not shown"},
		{name: "headers unshown to ext_proc", old: "message_timeout: 5s", new: "forward_rules: {disallowed_headers: {patterns: [{exact: x-api-key}]}}", want: "not shown"},
		{name: "changes left out by ext_authz", old: "validate_mutations: true", new: "decoder_header_mutation_rules: {disallow_all: true}", want: "leave out"},
		{name: "changes left out by ext_proc", old: "message_timeout: 5s", new: "mutation_rules: {disallow_all: true}", want: "leave out"},
		{name: "another route after ext_proc", old: "message_timeout: 5s", new: "route_cache_action: CLEAR", want: "another route"},
		{name: "questions that are changed", old: "message_timeout: 5s", new: "processing_request_modifier: {}", want: "is judged"},
		{name: "an upgrade", old: "generate_request_id: false", new: "upgrade_configs: [{upgrade_type: websocket}]", want: "after an upgrade"},
		{name: "an upgrade of a route", old: llm, new: llm + "upgrade_configs: [{upgrade_type: CONNECT}], ", want: "after an upgrade"},
		{name: "the agent picks the cluster", old: llm, new: "route: {cluster_header: x-cluster, ", want: "not in the file"},
		{name: "a cluster that is not there", old: llm, new: "route: {cluster: elsewhere, ", want: "no cluster of this name"},
		{name: "routes from elsewhere", old: "route_config:", new: "rds:", want: "routes are not in the file"},
		{name: "hosts from elsewhere", old: "virtual_hosts:", new: "vhds: {}\n            virtual_hosts:", want: "come later"},
		{name: "listeners from elsewhere", old: "static_resources:", new: "dynamic_resources: {lds_config: {path: x}}\nstatic_resources:", want: "lds_config"},
		{name: "a filter of another name for the decision service", old: "envoy_grpc: {cluster_name: outrider}}", new: "envoy_grpc: {cluster_name: outreider}}", want: "no cluster of this name"},
		{name: "no service", old: "grpc_service: {envoy_grpc: {cluster_name: outrider}}", new: "grpc_service: {}", want: "cluster_name is missing"},
		{name: "a service that is not looked at", old: "grpc_service: {envoy_grpc: {cluster_name: outrider}}", new: "grpc_service: {google_grpc: {target_uri: x}}", want: "not checked here"},
		{name: "HTTP/1.1 to the decision service", old: "explicit_http_config: {http2_protocol_options: {connection_keepalive: {interval: 11s, timeout: 3s}}}", new: "explicit_http_config: {http_protocol_options: {}}", want: "HTTP/2"},
		{name: "a decision service that may hang", old: "connection_keepalive: {interval: 11s, timeout: 3s}", new: "", want: "for ever"},
		{name: "a decision service that may hang, in camel case", old: "{http2_protocol_options: {connection_keepalive:", new: "{http2ProtocolOptions: {connectionKeepalive:", want: ""},
		{name: "a provider in the clear", old: "name: envoy.transport_sockets.tls\n      typed_config:", new: "name: envoy.transport_sockets.raw_buffer\n      unused:", want: "without TLS"},
		{name: "a provider on this machine", old: "socket_address: {address: api.openai.com", new: "socket_address: {address: \"::1\"", want: ""},
		{name: "a provider of any certificate", old: "trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}\n            match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: api.openai.com}}]", new: "{}", want: "any certificate"},
		{name: "a provider of any name", old: "match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: api.openai.com}}]", new: "", want: "every name"},
		{name: "a provider whose chain is not verified", old: "match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: api.openai.com}}]", new: "match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: api.openai.com}}]\n            trust_chain_verification: ACCEPT_UNTRUSTED", want: "turned off"},
		{name: "the decision service of any certificate", tcp: true, old: "trusted_ca: {filename: /etc/outrider/tls/ca.crt}", new: "", want: "any certificate"},
		{name: "nothing shown to the decision service", tcp: true, old: "tls_certificates:\n          - certificate_chain: {filename: /etc/outrider/tls/envoy.crt}\n            private_key: {filename: /etc/outrider/tls/envoy.key}", new: "alpn_protocol: x", want: "no certificate is shown"},
		{name: "bytes past", old: "- name: envoy.filters.network.http_connection_manager", new: "- name: tcp\n        typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: openai}\n      - name: envoy.filters.network.http_connection_manager", want: "forwards bytes"},
		{name: "aliases", old: on404, new: "direct_response: &x {status: 404}", want: "anchors"},
		{name: "twice", old: "skip_xff_append: true", new: "use_remote_address: false", want: "given twice"},
	}
}

func TestTraps(t *testing.T) {
	for _, tt := range traps() {
		t.Run(tt.name, func(t *testing.T) {
			text := good(t, tt.tcp)
			if strings.Count(text, tt.old) == 0 {
				t.Fatalf("%q does not stand in the file", tt.old)
			}
			problems := checked(t, strings.Replace(text, tt.old, tt.new, 1), tenMiB)
			if tt.want == "" {
				if len(problems) > 0 {
					t.Errorf("refused: %v", problems)
				}
				return
			}
			if len(problems) == 0 || !strings.Contains(problems.Error(), tt.want) {
				t.Errorf("it says %v, want something about %q", problems, tt.want)
			}
			for _, p := range problems {
				if p.Line == 0 || p.Fix == "" {
					t.Errorf("a problem without a place, or without what to do: %v", p)
				}
			}
		})
	}
}

// filter is the text of an HTTP filter of the file.
func filter(t *testing.T, text, name, next string) string {
	t.Helper()
	from, to := strings.Index(text, "          - name: "+name), strings.Index(text, "          - name: "+next)
	if from < 0 || to < from {
		t.Fatalf("%s does not stand in front of %s", name, next)
	}
	return text[from:to]
}

func TestOrderOfFilters(t *testing.T) {
	text := good(t, false)
	authz := filter(t, text, "envoy.filters.http.ext_authz", "envoy.filters.http.ext_proc")
	proc := filter(t, text, "envoy.filters.http.ext_proc", "envoy.filters.http.router")
	router := filter(t, text+"          - name: end", "envoy.filters.http.router", "end")
	router, _, _ = strings.Cut(router, "          route_config:")
	for name, tt := range map[string]struct{ text, want string }{
		"ext_proc first":  {strings.Replace(text, authz+proc, proc+authz, 1), "ext_authz stands behind ext_proc"},
		"router first":    {strings.Replace(text, proc+router, router+proc, 1), "behind the router"},
		"twice":           {strings.Replace(text, authz, authz+authz, 1), "twice"},
		"nobody asks":     {strings.Replace(text, authz+proc, "", 1), "neither ext_authz nor ext_proc"},
		"a pair of one":   {strings.Replace(text, proc, "", 1), "said to be paired"},
		"ext_authz alone": {strings.Replace(strings.Replace(text, proc, "", 1), `, paired: "true"`, "", 1), ""},
		"ext_proc alone":  {strings.Replace(text, authz, "", 1), ""},
	} {
		if problems := checked(t, tt.text, tenMiB); tt.want == "" && len(problems) > 0 || !strings.Contains(problems.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, problems, tt.want)
		}
	}
}

func TestWhatIsNoBootstrap(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "is empty",
		"- a\n":                            "mapping",
		"a: 1\n---\nb: 2\n":                "second document",
		"static_resources: {}\n":           "no listener",
		"apiVersion: outrider.dev/v1\n":    "no listener",
		"static_resources: [1, 2\n":        "YAML",
		"static_resources: {listeners: 1}": "no listener",
	} {
		if problems := checked(t, text, tenMiB); !strings.Contains(problems.Error(), want) {
			t.Errorf("%q: %v, want %q", text, problems, want)
		}
	}
	if err := Check(filepath.Join(t.TempDir(), "absent.yaml"), tenMiB); err == nil {
		t.Error("a file that is not there passes")
	}
}

// FuzzCheck holds the checker to two things: it ends, and what it passes holds
// a chain that asks.
func FuzzCheck(f *testing.F) {
	for _, tcp := range []bool{false, true} {
		all, err := Files(tcp)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(all[0].Text)
		for _, tt := range traps() {
			f.Add(strings.Replace(all[0].Text, tt.old, tt.new, 1))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if problems := checked(t, text, tenMiB); len(problems) == 0 && !strings.Contains(text, "ext_") {
			t.Errorf("passes without a filter that asks:\n%s", text)
		}
	})
}

func TestVariants(t *testing.T) {
	socket, err := Files(false)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := Files(true)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range socket {
		raw, err := os.ReadFile(filepath.FromSlash(f.Name))
		if err != nil || string(raw) != f.Text {
			t.Errorf("%s is not the file of this folder: %v", f.Name, err)
		}
		if same := f.Text == tcp[i].Text; same != strings.HasPrefix(f.Name, "policies/") || f.Name != tcp[i].Name || f.Why == "" {
			t.Errorf("%s: the same in both variants: %v", f.Name, same)
		}
	}
	if text := tcp[0].Text; strings.Contains(text, "pipe") || !strings.Contains(text, "private_key") || !strings.Contains(text, "cluster: github") {
		t.Errorf("over TCP:\n%s", text)
	}
	if text := tcp[1].Text; strings.Contains(text, "socket:") || !strings.Contains(text, "clientCA") || !strings.Contains(text, "name: github") {
		t.Errorf("over TCP:\n%s", text)
	}
	broken := File{Name: "x", Text: "nothing\n"}
	if err := broken.end("tcp/pdp.yaml"); err == nil {
		t.Error("an ending that fits nowhere is taken")
	}
}
