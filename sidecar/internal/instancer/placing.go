package instancer

import (
	"context"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// placing is how one owner's flags get into one instance.
type placing struct {
	own    []string                     // the owner's flags; nil: the challenge has none
	digits []string                     // of these, if they have the form that images were built for
	images map[string]string            // service → image that was built with the flags
	flags  map[string]*whaley.ImageFlag // service → where its image holds the sentinel
}

// placing asks for the owner's flags, and for the images that were made for it if the challenge needs such.
func (i *Instancer) placing(
	ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, b *build,
) (p placing, err error) {
	if p.own, err = i.flags(ctx, in, ch); err != nil || p.own == nil {
		return p, err
	}
	if p.digits, _ = ch.Flag.AllDigits(p.own); !b.needed(ch, p.own) {
		p.flags = b.flags
		return p, nil
	}
	p.images, err = i.images.owned(in, ch)
	return p, err
}

// holds says whether any image holds the sentinel.
func (b *build) holds() bool {
	for _, f := range b.flags {
		if f.Files > 0 || f.Settings() {
			return true
		}
	}
	return false
}

// planned is a service with the image that its owner's instance has, and the flag in what that sets.
func (p placing) planned(s whaley.Service) PlannedService {
	if image := p.images[s.Name]; image != "" {
		s.Image = image
	}
	flag := p.flags[s.Name]
	if flag != nil {
		s.Image = flag.Image
		p.settings(&s, flag)
	}
	return PlannedService{s, flag}
}

// settings puts the flag into what the image itself sets, where the service does not set it.
func (p placing) settings(s *whaley.Service, flag *whaley.ImageFlag) {
	put := func(texts []string) []string {
		out := slices.Clone(texts)
		for n, t := range out {
			for k, core := range flag.Cores {
				t = strings.ReplaceAll(t, core, p.digits[k])
			}
			out[n] = t
		}
		return out
	}
	for _, pair := range put(flag.Environment) {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.ContainsFunc(s.Environment, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			s.Environment = append(slices.Clone(s.Environment), pair)
		}
	}
	if s.Entrypoint != nil {
		return // the image's command does not hold then either
	}
	s.Entrypoint = put(flag.Entrypoint)
	if s.Command == nil {
		s.Command = put(flag.Command)
	}
}
