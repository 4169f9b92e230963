package config

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func (d *document) checkIssuers(providers []*configv1.JWTProvider) {
	seen := map[string]string{}
	for i, p := range providers {
		path := fmt.Sprintf("spec.traffic.jwtAuthentication.providers[%d]", i)
		if first, twice := seen[p.GetIssuer()]; twice && p.GetIssuer() != "" {
			d.fail(path+".issuer", fmt.Sprintf("%s.issuer: %s has this issuer already", path, first), "list its audiences in one entry")
		}
		seen[p.GetIssuer()] = path
		if p.GetJwks() == nil && p.GetIntrospection() == nil {
			d.fail(path, "neither jwks nor introspection is given "+place(path), "add jwks, for an issuer of JWTs")
		}
		d.checkKeys(path+".jwks", p)
		d.checkIntrospection(path+".introspection", p.GetIntrospection())
		d.checkNotBefore(path+".notBefore", p.GetNotBefore())
	}
}

func (d *document) checkKeys(path string, p *configv1.JWTProvider) {
	const shortest, longest = time.Minute, 24 * time.Hour
	if remote := p.GetJwks().GetRemote(); remote != nil {
		if remote.GetUrl() != "" {
			d.checkURL(path+".remote.url", remote.GetUrl())
		}
		d.checkDuration(path+".remote.cacheDuration", remote.GetCacheDuration(), shortest, longest)
	}
	if found := p.GetJwks().GetDiscovery(); found != nil {
		if found.GetUrl() != "" {
			d.checkURL(path+".discovery.url", found.GetUrl())
		} else if issuer := p.GetIssuer(); issuer != "" && !strings.HasPrefix(issuer, "https://") && !strings.HasPrefix(issuer, "http://") {
			d.fail(path+".discovery", path+".discovery: the issuer is no URL at which its metadata could be found", "give discovery.url")
		} else if issuer != "" {
			d.checkURL(path+".discovery", issuer)
		}
		d.checkDuration(path+".discovery.cacheDuration", found.GetCacheDuration(), shortest, longest)
	}
}

func (d *document) checkIntrospection(path string, i *configv1.Introspection) {
	if i.GetUrl() != "" {
		d.checkURL(path+".url", i.GetUrl())
	}
	d.checkDuration(path+".cacheDuration", i.GetCacheDuration(), time.Second, 5*time.Minute)
}

// checkNotBefore wants a time with its zone: a date alone begins at another
// hour wherever it is read.
func (d *document) checkNotBefore(path, written string) {
	if written == "" {
		return
	}
	if _, err := time.Parse(time.RFC3339, written); err != nil {
		d.fail(path, fmt.Sprintf("%s: %s is not a time", path, quoted(written)), "write it as 2026-01-31T09:00:00Z")
	}
}

// checkDuration keeps the time for which something revoked goes on to be
// believed short, and the issuer from being asked with every call.
func (d *document) checkDuration(path string, given *durationpb.Duration, shortest, longest time.Duration) {
	if given == nil {
		return
	}
	if t := given.AsDuration(); t < shortest || t > longest {
		d.fail(path, fmt.Sprintf("%s: %s is out of bounds", path, t), fmt.Sprintf("give %s to %s", short(shortest), short(longest)))
	}
}

// short writes a duration of one unit as people do.
func short(t time.Duration) string {
	switch {
	case t%time.Hour == 0:
		return fmt.Sprintf("%dh", t/time.Hour)
	case t%time.Minute == 0:
		return fmt.Sprintf("%dm", t/time.Minute)
	default:
		return t.String()
	}
}
