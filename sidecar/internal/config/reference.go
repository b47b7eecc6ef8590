package config

import (
	"fmt"
	"reflect"
	"strings"
)

// setting is one variable as the struct describes it.
type setting struct {
	name, field, def, text string
	secret                 bool
}

func settings() []setting {
	var all []setting
	t := reflect.TypeFor[Config]()
	for n := range t.NumField() {
		f := t.Field(n)
		if name := f.Tag.Get("env"); name != "-" {
			all = append(all, setting{
				name: name, field: f.Name, def: f.Tag.Get("envDefault"), text: f.Tag.Get("whaley"),
				secret: f.Type == reflect.TypeFor[Secret](),
			})
		}
	}
	return all
}

// Reference is docs/settings.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Settings\n\nAll come from the environment. None is needed to try Whaley on a laptop. A secret can stand in a file: with\n" +
		"`SECRET_FILE=/run/secrets/whaley` its content is taken. This page is made from `sidecar/internal/config`.\n\n" +
		"| name | default | |\n|---|---|---|\n")
	for _, s := range settings() {
		def, text := "", s.text
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		if s.secret {
			text += " Secret."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, def, text)
	}
	return b.String()
}
