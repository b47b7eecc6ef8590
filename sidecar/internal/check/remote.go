package check

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"golang.org/x/net/publicsuffix"
)

const (
	maxSkew     = 5 * time.Second
	tokenSoon   = 3 * 24 * time.Hour  // a token that ends sooner may end during the event
	certificate = 14 * 24 * time.Hour // likewise
)

// checkNames looks whether any name under BASE_DOMAIN leads to the edge, with a certificate if the web is https, and
// whether CTFd's cookies are out of the instances' reach.
func checkNames(ctx context.Context, c *config.Config, r *report) {
	if u, err := url.Parse(c.CTFdPublicURL); err == nil && u.Host != "" {
		name := "CTFD_PUBLIC_URL"
		if c.CTFdPublicURL == c.CTFdURL {
			name = "CTFD_URL"
		}
		checkCookies(name, strings.ToLower(u.Hostname()), c.BaseDomain, r)
	}
	checkCookies("DASHBOARD_URL", strings.ToLower(c.Dashboard.Hostname()), c.BaseDomain, r)
	if c.BaseDomain == "localhost" || strings.HasSuffix(c.BaseDomain, ".localhost") {
		return // which browsers and curl look up by themselves
	}
	name := strings.ToLower(rand.Text()[:13]) + "." + c.BaseDomain
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		r.fault("names", fmt.Sprintf("%s, a name as instances have, cannot be looked up: %s", name, dnsReason(err)),
			fmt.Sprintf("Make a wildcard record *.%s in the DNS that leads to the edge.", c.BaseDomain))
		return
	}
	r.ok("names")
	if dashboard, err := net.DefaultResolver.LookupHost(ctx, c.Dashboard.Hostname()); err != nil {
		r.fault(
			"names", fmt.Sprintf("the dashboard's host %s cannot be looked up: %s", c.Dashboard.Hostname(), dnsReason(err)),
			"Make a record for it in the DNS.",
		)
	} else if !slices.ContainsFunc(addresses, func(a string) bool { return slices.Contains(dashboard, a) }) {
		r.hint(
			"names", "*.%s leads to %s, the dashboard to %s: is this the same edge?", c.BaseDomain, strings.Join(addresses, " "),
			strings.Join(dashboard, " "),
		)
	}
	if c.Dashboard.Scheme == "https" {
		checkCertificate(ctx, name, c, nil, r)
	}
}

// dnsReason is an error of a look-up without the server's address.
func dnsReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	return err.Error()
}

// checkCookies tells how near a host's cookies are to those that instances can set.
func checkCookies(what, host, base string, r *report) {
	if net.ParseIP(host) != nil || host == "" || strings.HasSuffix(host, ".localhost") {
		return
	}
	if host == base || strings.HasSuffix(host, "."+base) || strings.HasSuffix(base, "."+host) {
		r.fault(
			"cookies",
			fmt.Sprintf("%s is on %s, and instances on *.%s: a hostile page there can set its cookies", what, host, base),
			"Give the instances a domain of their own, as ctf-instances.example.",
		)
		return
	}
	ours, err1 := publicsuffix.EffectiveTLDPlusOne(base)
	theirs, err2 := publicsuffix.EffectiveTLDPlusOne(host)
	if err1 == nil && err2 == nil && ours == theirs {
		r.hint(
			"cookies",
			"instances and %s share the domain %s: a script on an instance's page can set cookies for all of it. A domain of their own keeps them apart",
			what, ours,
		)
	}
}

// checkCertificate looks whether browsers accept an instance's name; roots is whom they trust, nil: whom this machine does.
func checkCertificate(ctx context.Context, name string, c *config.Config, roots *x509.CertPool, r *report) {
	port := c.Dashboard.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(name, port))
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &verify):
		r.fault("certificate", fmt.Sprintf("the certificate for %s is not good: %v", name, verify.Err),
			fmt.Sprintf("Traefik needs a wildcard certificate for *.%s, which ACME gives by DNS challenge only.", c.BaseDomain))
		return
	case err != nil:
		r.hint("certificate", "nothing answers with TLS at %s:%s yet; look again when the edge runs", name, port)
		return
	}
	defer conn.Close()
	if chain := conn.(*tls.Conn).ConnectionState().PeerCertificates; len(chain) > 0 &&
		time.Until(chain[0].NotAfter) < certificate {
		r.fault(
			"certificate", "the certificate of *."+c.BaseDomain+" ends on "+chain[0].NotAfter.Format(time.DateOnly),
			"Renew it before the event.",
		)
		return
	}
	r.ok("certificate")
}

// checkSkew compares another machine's clock with ours.
func checkSkew(whose string, ahead time.Duration, r *report) {
	if ahead.Abs() > maxSkew {
		r.fault(
			"clock",
			fmt.Sprintf(
				"%s clock is %s off ours, so the times of what happens here and there do not fit", whose,
				ahead.Round(time.Millisecond),
			),
			"Let both machines take the time from the network (chrony or systemd-timesyncd).",
		)
	}
}

// checkRedis looks whether routes can be published, and for what is known to make Traefik slow or forgetful.
func checkRedis(ctx context.Context, c *config.Config, r *report) {
	const mend = "TRAEFIK_REDIS_URL must name the Redis that Traefik's provider reads, and a user that may read, write and publish there; traefik/redis.conf and scripts/up show how."
	kv, err := app.NewRouter(c, slog.New(slog.DiscardHandler))
	if err != nil {
		r.say("redis", err, mend)
		return
	}
	defer kv.Close()
	standing, err := kv.Standing(ctx)
	if !r.say("redis", err, mend) {
		return
	}
	if standing.Notifies {
		r.fault(
			"redis",
			"it tells Traefik of every single key that changes, which keeps Traefik busy for minutes after many changes",
			`Set notify-keyspace-events "" in redis.conf; Whaley tells Traefik itself, once for each change.`,
		)
	} else if standing.Settable {
		r.hint(
			"redis",
			"this user may use CONFIG; Traefik's own must not (-config in its ACL), or it switches notifications of every key on",
		)
	}
	if standing.Evicts != "" {
		r.fault(
			"redis",
			"when its memory is full it throws keys away by "+standing.Evicts+", routes of running instances among them",
			"Set maxmemory-policy noeviction in redis.conf.",
		)
	}
}
