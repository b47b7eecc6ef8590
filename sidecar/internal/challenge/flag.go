package challenge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

// dynamic says whether owners may get flags of their own.
func (d *definition) dynamic(defaults Defaults) bool {
	return defaults.FlagPrefix != "" && !d.DisableDynamicFlags && d.Flag.Place != string(instancer.PlaceNone)
}

// withPrefix is another revision: placeholders of another prefix make other images.
func withPrefix(revision, prefix string) string {
	sum := sha256.Sum256([]byte(revision + " flag " + prefix))
	return hex.EncodeToString(sum[:])[:len(revision)]
}

// coreOf is a revision's core: letters that are no digits of any flag.
func coreOf(challenge, revision string, digits int) string {
	sum := sha256.Sum256([]byte("core of " + challenge + " " + revision))
	core := make([]byte, digits)
	for n := range core {
		core[n] = 'g' + sum[n%len(sum)]%20
	}
	return string(core)
}

// findFlag fills a challenge's Flag, and marks where its flag goes: builds, mounts, and values of the compose file.
func findFlag(ctx context.Context, d *definition, ch *instancer.Challenge, tomlFile, composeFile string, defaults Defaults, problems *Problems) {
	if !d.dynamic(defaults) {
		return
	}
	plan := &ch.Flag
	plan.Place, plan.Prefix = instancer.Place(d.Flag.Place), defaults.FlagPrefix
	finder := sentinel.NewFinder(plan.Prefix)
	if d.Flag.Text != "" {
		finder = sentinel.Literal(d.Flag.Text)
	}
	s := surveyOf(ctx, ch, composeFile, finder, problems)
	plan.Text, plan.Literal = s.choose(d, problems)
	if asked := flagArguments(ch, ""); asked {
		// An image is built once, with a placeholder: this one, unless the files have it.
		if plan.Text == "" {
			plan.Text = plan.Prefix + "{flag_of_the_owner}"
		}
		flagArguments(ch, plan.Text)
		s = surveyOf(ctx, ch, composeFile, finder, problems)
	}
	switch {
	case d.Flag.Text == "" && plan.Literal:
		finder = sentinel.Literal(plan.Text)
		s = surveyOf(ctx, ch, composeFile, finder, problems)
	case !plan.Literal && plan.Text != "":
		finder = finder.Only(plan.Text)
	case plan.Text == "":
		finder = sentinel.Literal("")
	}
	env := plan.Place == instancer.PlaceEnv
	token := false
	for n := range ch.Services {
		token = s.mark(&ch.Services[n], finder, plan.Text) || token
		if env {
			giveEnv(&ch.Services[n])
		}
	}
	stands := plan.Text != "" && len(s.found) > 0
	if plan.Literal && !stands && !token && !env {
		problems.note(tomlFile, 0, "flag.text", "stands in none of the challenge's files, so no owner gets a flag of their own; "+
			"place = \"env\" gives it by the variable FLAG")
	}
	plan.Dynamic = stands || token || env
	plan.Elsewhere = token || env || slices.ContainsFunc(ch.Services, func(s instancer.Service) bool {
		return slices.ContainsFunc(s.Mounts, func(m instancer.Mount) bool { return len(m.Flags) > 0 })
	})
	if plan.Place == instancer.PlaceBuild && !stands {
		problems.add(tomlFile, 0, "flag.place", `"build" needs a placeholder %s{…} in a file that an image is built from`, plan.Prefix)
	}
	for _, name := range s.binaries {
		s.refuseBinary(name, plan.Text, problems)
	}
	plan.Core = coreOf(ch.ID, ch.Revision, plan.Digits())
}

// flagArguments says whether build arguments are to be the owner's flag, and with a text puts that into them.
func flagArguments(ch *instancer.Challenge, text string) (asked bool) {
	for _, s := range ch.Services {
		if s.Build == nil {
			continue
		}
		for name, value := range s.Build.Args {
			for _, variable := range []string{"FLAG", "DYNAMIC_FLAG"} {
				if !strings.Contains(value, instancer.Token(variable)) {
					continue
				}
				asked = true
				if text != "" {
					value = strings.ReplaceAll(value, instancer.Token(variable), text)
					s.Build.Args[name] = value
				}
			}
		}
	}
	return asked
}

// mark says where an owner's flag goes in a service, and whether a value of the compose file asks for it.
func (s *survey) mark(service *instancer.Service, finder sentinel.Finder, text string) (token bool) {
	for _, texts := range values(service) {
		for n := range texts {
			replaced, _ := finder.Replace([]byte(texts[n]), instancer.Token("FLAG"))
			texts[n] = string(replaced)
			token = token || strings.Contains(texts[n], instancer.Token("FLAG")) || strings.Contains(texts[n], instancer.Token("DYNAMIC_FLAG"))
		}
	}
	if b := service.Build; b != nil {
		b.Flag = len(s.folders[b.Context].holding(text)) > 0 || len(finder.Find([]byte(b.Inline))) > 0
		for _, value := range b.Args {
			b.Flag = b.Flag || len(finder.Find([]byte(value))) > 0
		}
	}
	for n := range service.Mounts {
		if m := &service.Mounts[n]; m.Path() != "" {
			m.Flags = s.folders[m.Path()].holding(text)
		}
	}
	return token
}

// giveEnv gives a service the variable FLAG unless it has one.
func giveEnv(service *instancer.Service) {
	if slices.ContainsFunc(service.Environment, func(e string) bool { return strings.HasPrefix(e, "FLAG=") }) {
		return
	}
	service.Environment = append(slices.Clone(service.Environment), "FLAG="+instancer.Token("FLAG"))
	slices.Sort(service.Environment)
}
