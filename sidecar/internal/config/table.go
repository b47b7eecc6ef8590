package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Types of settings.
const (
	TypeText     = "text"
	TypeInt      = "int"
	TypeFloat    = "float"
	TypeBool     = "bool"
	TypeEnum     = "enum"
	TypeDuration = "duration" // whole seconds
	TypeBytes    = "bytes"    // 512m, 1g
	TypeURL      = "url"
	TypeCIDRs    = "cidr list" // separated by commas
	TypePath     = "path"
	TypeSecret   = "secret"
	TypeImage    = "image"  // a data: address
	TypeColour   = "colour" // #rrggbb
)

// Setting is one row of the table: a field of Config as its tags describe it.
type Setting struct {
	Name    string // of the variable
	Section string
	Type    string
	Default string
	Help    string
	Unit    string
	Min     string // in the form of a value; empty: none
	Max     string
	Choices []string // of an enum
	Live    bool     // may be changed while Whaley runs

	field string
}

// Table lists all settings, in the order of the struct. It is not to be written to.
func Table() []Setting { return table() }

var table = sync.OnceValue(func() []Setting {
	var all []Setting
	section := ""
	t := reflect.TypeFor[Config]()
	for n := range t.NumField() {
		f := t.Field(n)
		name := f.Tag.Get("env")
		if name == "-" {
			continue
		}
		if s := f.Tag.Get("section"); s != "" {
			section = s
		}
		s := Setting{
			Name: name, Section: section, Type: typeOf(f), Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("whaley"),
			Unit: f.Tag.Get("unit"), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), Live: f.Tag.Get("live") == "true",
			field: f.Name,
		}
		if choices := f.Tag.Get("choices"); choices != "" {
			s.Choices = strings.Split(choices, "|")
		}
		if s.Type == TypeDuration {
			s.Unit = "seconds"
		}
		all = append(all, s)
	}
	return all
})

func typeOf(f reflect.StructField) string {
	switch f.Type {
	case reflect.TypeFor[Secret]():
		return TypeSecret
	case reflect.TypeFor[Seconds]():
		return TypeDuration
	case reflect.TypeFor[Bytes]():
		return TypeBytes
	}
	switch f.Tag.Get("kind") {
	case "url":
		return TypeURL
	case "cidr":
		return TypeCIDRs
	case "path":
		return TypePath
	case "image":
		return TypeImage
	case "colour":
		return TypeColour
	}
	switch f.Type.Kind() {
	case reflect.Bool:
		return TypeBool
	case reflect.Int, reflect.Int64:
		return TypeInt
	case reflect.Float64:
		return TypeFloat
	}
	if f.Tag.Get("choices") != "" {
		return TypeEnum
	}
	return TypeText
}

// Value is a setting's value as the environment would hold it.
func (c *Config) Value(s Setting) string {
	switch v := reflect.ValueOf(c).Elem().FieldByName(s.field).Interface().(type) {
	case Secret:
		return string(v)
	case Bytes:
		return v.text()
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// checkTags holds every value against the bounds and choices of its tags.
func (c *Config) checkTags() []error {
	var wrong []error
	for _, s := range Table() {
		v := reflect.ValueOf(c).Elem().FieldByName(s.field)
		refuse := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("%s=%s must be "+format, append([]any{s.Name, c.Value(s)}, args...)...))
		}
		switch s.Type {
		case TypeEnum:
			if !slices.Contains(s.Choices, v.String()) {
				refuse("one of %s", strings.Join(s.Choices, ", "))
			}
		case TypeText:
			if s.Max != "" && len(v.String()) > int(number(s, s.Max)) {
				refuse("at most %s bytes", s.Max)
			}
			if strings.ContainsFunc(v.String(), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				refuse("without control characters")
			}
		case TypeURL:
			u, err := url.Parse(v.String())
			if v.String() != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				refuse("an http or https URL")
			}
		case TypeInt, TypeDuration, TypeBytes, TypeFloat:
			n := v.Convert(reflect.TypeFor[float64]()).Float()
			if s.Min != "" && n < number(s, s.Min) || n != n {
				refuse("at least %s", strings.TrimSpace(s.Min+" "+s.Unit))
			}
			if s.Max != "" && n > number(s, s.Max) {
				refuse("at most %s", strings.TrimSpace(s.Max+" "+s.Unit))
			}
		}
	}
	return wrong
}

// number reads a bound in the form of its setting's values.
func number(s Setting, bound string) float64 {
	if s.Type == TypeBytes {
		var b Bytes
		if err := b.UnmarshalText([]byte(bound)); err != nil {
			panic(fmt.Sprintf("bound %q of %s: %v", bound, s.Name, err)) // in this package's own tags
		}
		return float64(b)
	}
	n, err := strconv.ParseFloat(bound, 64)
	if err != nil {
		panic(fmt.Sprintf("bound %q of %s: %v", bound, s.Name, err))
	}
	return n
}
