package config

import (
	"fmt"
	"strings"
)

// Reference is docs/settings.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Settings\n\nAll come from the environment. None is needed to try Whaley on a laptop. A secret can stand in a file: with\n" +
		"`SECRET_FILE=/run/secrets/whaley` its content is taken. Those marked *live* can also be changed while Whaley runs, in the\n" +
		"admin panel or by `PUT /admin/api/settings`: such a value is kept in the database, holds at once on every sidecar, and goes\n" +
		"before the environment's until it is reset. This page is made from `sidecar/internal/config`.\n")
	section := ""
	for _, s := range Table() {
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "\n## %s\n\n| name | type | default | |\n|---|---|---|---|\n", section)
		}
		def, name := "", "`"+s.Name+"`"
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		if s.Live {
			name += " *live*"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, s.kind(), def, s.Help)
	}
	return b.String()
}

// kind is the type with its bounds, for people.
func (s Setting) kind() string {
	text := s.Type
	if s.Type == TypeEnum {
		text = strings.Join(s.Choices, ", ")
	}
	if s.Type == TypeDuration {
		text = "seconds"
	}
	switch {
	case s.Type == TypeText:
	case s.Min != "" && s.Max != "":
		text += ", " + s.Min + " to " + s.Max
	case s.Min != "":
		text += ", at least " + s.Min
	case s.Max != "":
		text += ", at most " + s.Max
	}
	return text
}

// Example is .env.example: every setting with its default, none set.
func Example() string {
	var b strings.Builder
	b.WriteString("# Every setting with its default. Copy this file to .env and uncomment what is to be different.\n" +
		"# docs/settings.md says the same as a table; both are made from sidecar/internal/config.\n")
	section := ""
	for _, s := range Table() {
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "\n# ---- %s\n", section)
		}
		fmt.Fprintf(&b, "\n# %s (%s)\n#%s=%s\n", s.Help, s.kind(), s.Name, quoted(s.Default))
	}
	return b.String()
}

// quoted is a value as a compose .env file takes it.
func quoted(value string) string {
	if strings.ContainsAny(value, " #$\"'") {
		return "'" + strings.ReplaceAll(value, "'", `\'`) + "'"
	}
	return value
}
