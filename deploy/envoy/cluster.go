package envoy

import (
	"net/netip"
)

// service looks at how a filter reaches the decision service.
func (c *checker) service(filter node) {
	if n := filter.at("grpc_service", "google_grpc"); n.written() {
		n.fail("this way to the decision service is not checked here", "name one of static_resources.clusters in envoy_grpc")
		return
	}
	name := filter.at("grpc_service", "envoy_grpc", "cluster_name")
	if !name.written() {
		filter.fail("grpc_service.envoy_grpc.cluster_name is missing", "name the cluster of the decision service")
		return
	}
	cluster, ok := c.clusters[name.text()]
	if !ok {
		name.fail("the file has no cluster of this name", "add it to static_resources.clusters")
		return
	}
	http2 := http2Of(cluster)
	if !http2.written() {
		cluster.fail("gRPC needs HTTP/2, which this cluster does not speak", "add http2_protocol_options, as deploy/envoy/envoy.yaml has it")
	}
	if http2.written() && filter.get("processing_mode").written() && !http2.get("connection_keepalive").written() {
		http2.fail("ext_proc waits for ever for a decision service that hangs", "add connection_keepalive: {interval: 11s, timeout: 3s}")
	}
	if local(cluster) {
		return
	}
	c.verified(cluster, "the decision service")
	if !cluster.at("transport_socket", "typed_config", "common_tls_context", "tls_certificates").written() &&
		!cluster.at("transport_socket", "typed_config", "common_tls_context", "tls_certificate_sds_secret_configs").written() {
		cluster.fail("no certificate is shown to the decision service, which gives keys only to whom it knows", "add tls_certificates to its TLS context")
	}
}

// http2Of is what a cluster says of HTTP/2, in the usual place or the old one.
func http2Of(cluster node) node {
	options := cluster.get("typed_extension_protocol_options").entry("envoy.extensions.upstreams.http.v3.HttpProtocolOptions")
	if h := options.at("explicit_http_config", "http2_protocol_options"); h.written() {
		return h
	}
	return cluster.get("http2_protocol_options")
}

// upstream looks at a cluster that gets credentials of a provider or server.
// Beyond this machine many customers may share an address, and be told apart by the
// name that they are asked by.
func (c *checker) upstream(route, name node, agentsName bool) {
	if !name.written() {
		route.fail("which cluster the route leads to is not in the file", "name one: cluster")
		return
	}
	cluster, ok := c.clusters[name.text()]
	switch {
	case !ok:
		name.fail("the file has no cluster of this name", "add it to static_resources.clusters")
	case !local(cluster):
		c.verified(cluster, "a provider or server, which gets its key,")
		if agentsName {
			route.fail("the agent says by which name the provider is asked, and the key goes to whoever has that name there", "add host_rewrite_literal")
		}
	}
}

// verified demands TLS with a known authority. Envoy takes any certificate
// where none is named.
func (c *checker) verified(cluster node, who string) {
	tls := cluster.at("transport_socket", "typed_config")
	if !tls.is("UpstreamTlsContext") {
		cluster.fail(who+" beyond this machine is reached without TLS", "add a transport_socket with UpstreamTlsContext")
		return
	}
	common := tls.get("common_tls_context")
	context := common.get("validation_context")
	if combined := common.get("combined_validation_context"); combined.written() {
		context = combined.get("default_validation_context")
	}
	switch {
	case common.get("validation_context_sds_secret_config").written():
	case !context.get("trusted_ca").written() && !context.get("system_root_certs").written():
		tls.fail("any certificate is taken for that of "+who+" because no authority is named", "add validation_context: {trusted_ca: …}")
	case !context.get("match_typed_subject_alt_names").written() && !tls.get("auto_sni_san_validation").on():
		tls.fail("every name that the authority ever signed is taken for that of "+who, "add match_typed_subject_alt_names")
	}
	context.get("trust_chain_verification").failUnless("", "VERIFY_TRUST_CHAIN")
}

// local reports whether every endpoint of a cluster is a unix socket or an
// address of loopback.
func local(cluster node) bool {
	all, some := true, false
	cluster.at("load_assignment", "endpoints").each(func(group node) {
		group.get("lb_endpoints").each(func(e node) {
			some = true
			address := e.at("endpoint", "address")
			ip, err := netip.ParseAddr(address.at("socket_address", "address").text())
			all = all && (address.get("pipe").written() || err == nil && ip.IsLoopback())
		})
	})
	return all && some
}
