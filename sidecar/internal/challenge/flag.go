package challenge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// dynamic says whether owners may get flags of their own.
func (d *definition) dynamic(defaults Defaults) bool {
	return defaults.FlagPrefix != "" && !d.DisableDynamicFlags && d.Flag.Place != string(whaley.PlaceNone)
}

// withShape is another revision: placeholders of another shape make other images.
func withShape(revision string, defaults Defaults) string {
	shape := defaults.FlagPrefix
	if defaults.FlagFormat != "" {
		shape = defaults.FlagFormat
	}
	sum := sha256.Sum256([]byte(revision + " flag " + shape))
	return hex.EncodeToString(sum[:])[:len(revision)]
}

// coreOf is a revision's core: letters that are no digits of any flag.
func coreOf(challenge, part, revision string, digits int) string {
	if part != "" {
		challenge += " part " + part
	}
	sum := sha256.Sum256([]byte("core of " + challenge + " " + revision))
	core := make([]byte, digits)
	for n := range core {
		core[n] = 'g' + sum[n%len(sum)]%20
	}
	return string(core)
}

// findFlag fills a challenge's Flag, and marks where its flags go: builds, mounts, and values of the compose file.
func findFlag(
	ctx context.Context, d *definition, ch *whaley.Challenge, tomlFile, composeFile string, defaults Defaults,
	problems *Problems,
) {
	if !d.dynamic(defaults) {
		return
	}
	plan := &ch.Flag
	plan.Place = whaley.Place(d.Flag.Place)
	open, end := d.shape(defaults)
	forms := d.named()
	finders := []sentinel.Finder{sentinel.NewFinder(open, end)}
	if named := len(forms) > 0; named {
		plan.Decoys = around(d.Flag.Decoys, forms)
		finders = findersOf(forms, plan.Decoys)
		tellPretending(forms, tomlFile, problems)
	}
	s := surveyOf(ctx, ch, composeFile, finders, problems)
	if len(forms) == 0 {
		form := formAt{whaley.FlagForm{Scoreboard: scoreboardName(d.Flag.CTFd)}, "flag.text"}
		form.Text, form.Literal = s.choose(d, problems)
		form.Literal = form.Literal || end == "" && form.Text != ""
		forms = []formAt{form}
		plan.Decoys = around(append(s.texts(), d.Flag.Decoys...), forms)
	}
	for n := range forms {
		forms[n].Open, forms[n].Close = open, end
	}
	argued := flagArguments(ch, forms, false)
	if argued && forms[0].Text == "" {
		// An image is built once, with a placeholder: this one, unless the files have it.
		forms[0].Text = open + "flag_of_the_owner" + end
	}
	if flagArguments(ch, forms, true); argued || forms[0].Literal && len(d.named()) == 0 || len(plan.Decoys) > 0 {
		s = surveyOf(ctx, ch, composeFile, findersOf(forms, plan.Decoys), problems)
	}
	asked := s.mark(ch, forms, plan)
	env := plan.Place == whaley.PlaceEnv
	stands := false
	for n := range forms {
		form := &forms[n]
		there := form.Text != "" && slices.Contains(s.texts(), form.Text)
		stands = stands || there
		form.Elsewhere = env || asked[n] || s.mounted(ch, form.Text)
		if there || form.Elsewhere {
			form.Core = coreOf(ch.ID, form.Part, ch.Revision, form.Digits())
			plan.Add(form.FlagForm)
		} else if form.Literal && slices.ContainsFunc(d.named(), func(o formAt) bool { return o.Text == form.Text }) {
			problems.note(
				tomlFile, 0, form.key, "stands in none of the challenge's files, so no owner gets a flag of their own; "+
					"place = \"env\" gives it by the variable %s", form.Variables()[0],
			)
		}
		for _, name := range s.binaries {
			s.refuseBinary(name, form.Text, problems)
		}
	}
	if !plan.Dynamic {
		plan.FlagForm = forms[0].FlagForm
		plan.Core = coreOf(ch.ID, plan.Part, ch.Revision, plan.Digits())
	}
	if plan.Place == whaley.PlaceBuild && !stands {
		problems.add(
			tomlFile, 0, "flag.place", `"build" needs a placeholder %s…%s in a file that an image is built from`, open, end,
		)
	}
	for n := range ch.Services {
		for _, form := range plan.Forms() {
			if env {
				giveEnv(&ch.Services[n], form.Variables()[0])
			}
		}
	}
}

// tellFlagless notes a challenge in which nothing even looks like a flag; what does is noted by its line already.
func tellFlagless(ch *whaley.Challenge, folder string, defaults Defaults, problems *Problems) {
	told := slices.ContainsFunc(ch.Notes, func(n whaley.Note) bool {
		return n.Key == "flag" || strings.HasPrefix(n.Key, "flag.") || strings.HasPrefix(n.Key, "flags[")
	})
	if defaults.FlagPrefix == "" || ch.Flag.Dynamic || ch.StaticFlags || ch.Flag.Open == "" || told {
		return
	}
	problems.note(
		folder+"/"+definitionFile, 1, "flag",
		"no file holds a flag like %s…%s, so everybody has the same: [flag] text names it, "+
			"place = \"env\" gives each owner one by the variable FLAG, disable_dynamic_flags = true says that it is meant so",
		ch.Flag.Open, ch.Flag.Close,
	)
}

// flagArguments says whether build arguments are to be the owner's flags, and puts the texts of these into them if it
// may.
func flagArguments(ch *whaley.Challenge, forms []formAt, put bool) (asked bool) {
	for _, s := range ch.Services {
		if s.Build == nil {
			continue
		}
		for name, value := range s.Build.Args {
			for _, form := range forms {
				for _, variable := range form.Variables() {
					asked = asked || strings.Contains(value, whaley.Token(variable))
					if put {
						value = strings.ReplaceAll(value, whaley.Token(variable), form.Text)
					}
				}
			}
			s.Build.Args[name] = value
		}
	}
	return asked
}

// mark says where owners' flags go in a challenge's services, and of each flag whether a value of the compose file asks
// for it.
func (s *survey) mark(ch *whaley.Challenge, forms []formAt, plan *whaley.FlagPlan) (asked []bool) {
	asked = make([]bool, len(forms))
	finders := findersOf(forms, plan.Decoys)
	var texts []string
	swaps := make([]sentinel.Swap, len(finders))
	for n, finder := range finders {
		swaps[n].Finder = finder
		if n < len(forms) {
			swaps[n].With = whaley.Token(forms[n].Variables()[0])
			texts = append(texts, forms[n].Text)
		}
	}
	for n := range ch.Services {
		service := &ch.Services[n]
		for _, all := range values(service) {
			for k := range all {
				replaced, _ := sentinel.Replace([]byte(all[k]), swaps)
				all[k] = string(replaced)
			}
		}
		for k := range service.Mounts {
			replaced, _ := sentinel.Replace([]byte(service.Mounts[k].Text), swaps)
			service.Mounts[k].Text = string(replaced)
		}
		for k, form := range forms {
			asked[k] = asked[k] || service.Uses(form.Variables()...)
		}
		if b := service.Build; b != nil {
			b.Flag = len(s.folders[b.Context].holding(texts)) > 0 || len(sentinel.Find([]byte(b.Inline), finders)) > 0
			for _, value := range b.Args {
				b.Flag = b.Flag || len(sentinel.Find([]byte(value), finders)) > 0
			}
			for _, file := range b.Secrets {
				b.Flag = b.Flag || len(s.folders[file].holding(texts)) > 0
			}
		}
		for k := range service.Mounts {
			if m := &service.Mounts[k]; m.Path() != "" {
				m.Flags = s.folders[m.Path()].holding(texts)
			}
		}
	}
	return asked
}

// mounted says whether a mounted file holds a placeholder.
func (s *survey) mounted(ch *whaley.Challenge, text string) bool {
	return slices.ContainsFunc(ch.Services, func(service whaley.Service) bool {
		return slices.ContainsFunc(service.Mounts, func(m whaley.Mount) bool {
			return m.Path() != "" && len(s.folders[m.Path()].holding([]string{text})) > 0
		})
	})
}

// texts are all that was found.
func (s *survey) texts() (all []string) {
	for _, c := range s.found {
		all = append(all, c.text)
	}
	return all
}

// giveEnv gives a service a variable of a flag unless it has one.
func giveEnv(service *whaley.Service, name string) {
	if slices.ContainsFunc(service.Environment, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
		return
	}
	service.Environment = append(slices.Clone(service.Environment), name+"="+whaley.Token(name))
	slices.Sort(service.Environment)
}
