package extproc

import (
	"bytes"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/pdp/envoy"
)

// exchangeOf names the exchange that ext_authz opened for the call.
func exchangeOf(m *extprocv3.ProcessingRequest) string {
	return told(m, envoy.ExchangeKey)
}

// told is what ext_authz says of the call, as dynamic metadata that Envoy
// forwards.
func told(m *extprocv3.ProcessingRequest, key string) string {
	return m.GetMetadataContext().GetFilterMetadata()[envoy.Namespace].GetFields()[key].GetStringValue()
}

// claim takes over an exchange that waits for this call.
func (c *conversation) claim(id string, in *inbound.Request) error {
	o := c.Exchanges.Claim(id, c.Peers.Name(c.ctx))
	if o == nil {
		return cannot("the exchange that ext_authz opened does not wait here for this call: let both filters ask one decision service")
	}
	c.call, c.verdict, c.exchange = o.Call, o.Verdict, o.Exchange
	if was := &c.call.Ask.HTTP; was.Method != in.Method || was.Path != in.Path || in.Query != "" {
		return decision.Refuse(decision.CodeBodyInvalid, "the request is not the one that was judged: something between Envoy's two filters changed it")
	}
	return nil
}

// same checks that the body is the one that was judged.
func (c *conversation) same(in *received) error {
	if !bytes.Equal(c.call.Ask.Body.Raw, in.body) {
		return decision.Refuse(decision.CodeBodyInvalid, "the body is not the one that was judged: something between Envoy's two filters changed it")
	}
	return nil
}
