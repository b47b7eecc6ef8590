package challenge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// formAt is the form of a flag, and the key of instance.toml that its text is at.
type formAt struct {
	whaley.FlagForm
	key string
}

// shape is what flags have before and after their text.
func (d *definition) shape(defaults Defaults) (open, end string) {
	for _, format := range []string{d.Flag.Format, defaults.FlagFormat} {
		if open, end, err := sentinel.ParseFormat(format); err == nil {
			return open, end
		}
	}
	return defaults.FlagPrefix + "{", "}"
}

// named are the flags whose texts instance.toml names: the one of [flag] first, then those of [[flags]].
func (d *definition) named() (all []formAt) {
	add := func(key, name, text string, ctfd any) {
		form := whaley.FlagForm{Name: name, Text: text, Literal: true, Scoreboard: scoreboardName(ctfd)}
		if len(all) > 0 {
			if form.Part = name; name == "" {
				form.Part = strconv.Itoa(len(all) + 1)
			}
		}
		all = append(all, formAt{form, key})
	}
	if d.Flag.Text != "" {
		add("flag.text", "", d.Flag.Text, d.Flag.CTFd)
	}
	for n, p := range d.Flags {
		ctfd := p.CTFd
		if len(all) == 0 && ctfd == nil {
			ctfd = d.Flag.CTFd
		}
		add(join(item("flags", n), "text"), p.Name, p.Text, ctfd)
	}
	return all
}

func scoreboardName(value any) (name whaley.ScoreboardName) {
	switch v := value.(type) {
	case int64:
		name.ID = int(v)
	case string:
		name.Name = v
	}
	return name
}

// flagVariables are the names by which a compose file asks for the flags.
func (d *definition) flagVariables() (names []string) {
	for _, form := range d.named() {
		names = append(names, form.Variables()...)
	}
	if len(names) == 0 {
		names = whaley.FlagForm{}.Variables()
	}
	return names
}

// checkFlags refuses flags that cannot be told apart.
func checkFlags(d *definition, file string, problems *Problems) {
	if d.Flag.Format != "" {
		if _, _, err := sentinel.ParseFormat(d.Flag.Format); err != nil {
			problems.add(file, 0, "flag.format", "%q %s", d.Flag.Format, err)
		}
	}
	texts, variables := map[string]string{}, map[string]string{}
	for _, form := range d.named() {
		if first, twice := texts[form.Text]; twice {
			problems.add(file, 0, form.key, "%q is the text of %s already; each flag has one of its own", form.Text, first)
		}
		texts[form.Text] = form.key
		if slices.Contains(d.Flag.Decoys, form.Text) {
			problems.add(file, 0, form.key, "%q is one of the decoys too", form.Text)
		}
		for _, v := range form.Variables() {
			if first, twice := variables[v]; twice {
				problems.add(
					file, 0, strings.TrimSuffix(form.key, "text")+"name", "makes the variable %s, as %s does; take another name", v,
					first,
				)
			}
			variables[v] = strings.TrimSuffix(form.key, ".text")
		}
	}
}

// findersOf find exactly what flags take the places of.
func findersOf(forms []formAt, decoys []string) (all []sentinel.Finder) {
	for _, form := range forms {
		if form.Literal || form.Text == "" {
			all = append(all, sentinel.Literal(form.Text))
			continue
		}
		all = append(all, sentinel.NewFinder(form.Open, form.Close).Only(form.Text))
	}
	for _, text := range decoys {
		all = append(all, sentinel.Decoy(text))
	}
	return all
}

// around are those of some texts of which a flag's text is a part: what is in them must not be replaced.
func around(decoys []string, forms []formAt) (all []string) {
	for _, text := range decoys {
		isFlag := func(form formAt) bool { return form.Text == text }
		within := func(form formAt) bool { return form.Text != "" && strings.Contains(text, form.Text) }
		if !slices.ContainsFunc(forms, isFlag) && slices.ContainsFunc(forms, within) && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}
