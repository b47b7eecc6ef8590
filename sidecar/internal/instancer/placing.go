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
func (i *Instancer) placing(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, b *build) (p placing, err error) {
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

// create makes one container with the flag in it; it is not started before that is certain.
func (i *Instancer) create(ctx context.Context, ch *whaley.Challenge, spec ContainerSpec, p placing) (string, error) {
	s := &spec.Service
	if image := p.images[s.Name]; image != "" {
		s.Image = image
	}
	flag := p.flags[s.Name]
	if flag != nil {
		s.Image = flag.Image
		p.settings(s, flag)
	}
	if p.own != nil && (slices.ContainsFunc(s.Mounts, func(m whaley.Mount) bool { return m.From == "" && len(m.Flags) > 0 }) || s.ReadOnly && flag != nil && flag.Files > 0) {
		copies, err := i.Engine.MakeFiles(ctx, spec.Labels.Instance, ch, s, flag, p.own)
		if err != nil {
			return "", err
		}
		s.Mounts = slices.DeleteFunc(slices.Clone(s.Mounts), func(m whaley.Mount) bool {
			return slices.ContainsFunc(copies, func(c whaley.Mount) bool { return c.Target == m.Target })
		})
		s.Mounts = append(s.Mounts, copies...)
	}
	id, err := i.Engine.CreateContainer(ctx, spec)
	if err == nil && flag != nil && flag.Files > 0 && !s.ReadOnly {
		err = i.Engine.PlaceFlag(ctx, id, ch, s, flag, p.own)
	}
	if own := ch.OwnMounts(s); err == nil && len(own) > 0 {
		err = i.Engine.FillMounts(ctx, id, ch, s, own, p.own)
	}
	return id, err
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
