package instancer

import (
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Inside is what makes an instance's own addresses work inside it.
type Inside interface {
	// Settings are what a relay is told that serves routes of an instance; their backends are its containers.
	Settings(routes []whaley.Publication) (string, error)
	// URL is the web address that players have of a host.
	URL(host string) string
	// Authority is the file on the host with the certificate of whoever signs the relays'.
	Authority() string
}

// noInside is for those who have none.
type noInside struct{}

func (noInside) Settings([]whaley.Publication) (string, error) { return "", nil }
func (noInside) URL(host string) string                        { return "http://" + host }
func (noInside) Authority() string                             { return "" }

// relaySettings are what an instance's relay is told, if it has one.
func (i *Instancer) relaySettings(in *whaley.Instance, ch *whaley.Challenge) (string, error) {
	if !slices.ContainsFunc(ch.Services, func(s whaley.Service) bool { return s.Relay }) {
		return "", nil
	}
	var all []whaley.Publication
	for _, r := range ch.Routes {
		if r.Inside() {
			all = append(all, i.publication(in, r, i.contained(in, r)))
		}
	}
	return i.Inside.Settings(all)
}
