package challenge

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Schema is the JSON Schema of instance.toml, for editors; docs/instance.schema.json is made of it.
func Schema() map[string]any {
	root := schemaOf(reflect.TypeFor[definition](), "")
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "A challenge of Whaley (" + definitionFile + ")"
	return root
}

func schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	s := map[string]any{}
	if about := tag.Get("about"); about != "" {
		s["description"] = about
	}
	bounds := func(least, most string) {
		if n := bound(tag, "min"); !math.IsInf(n, 0) {
			s[least] = n
		}
		if n := bound(tag, "max"); !math.IsInf(n, 0) {
			s[most] = n
		}
	}
	if t.Kind() == reflect.Pointer { // a value that may be left out
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Interface: // a number or a name
		s["type"] = []string{"integer", "string"}
		s["minimum"] = 1
		bounds("minLength", "maxLength")
	case reflect.String:
		s["type"] = "string"
		bounds("minLength", "maxLength")
		if form := tag.Get("pattern"); form != "" {
			s["pattern"] = form
		}
		if choices := tag.Get("enum"); choices != "" {
			s["enum"] = strings.Split(choices, ",")
		}
	case reflect.Bool:
		s["type"] = "boolean"
	case reflect.Int, reflect.Int64:
		s["type"] = "integer"
		bounds("minimum", "maximum")
	case reflect.Float64:
		s["type"] = "number"
		bounds("minimum", "maximum")
	case reflect.Slice:
		s["type"] = "array"
		bounds("minItems", "maxItems")
		s["items"] = schemaOf(t.Elem(), reflect.StructTag(`enum:"`+tag.Get("enum")+`"`))
	case reflect.Struct:
		s["type"], s["additionalProperties"] = "object", false
		properties, required := map[string]any{}, []string{}
		for n := range t.NumField() {
			field := t.Field(n)
			name := field.Tag.Get("toml")
			properties[name] = schemaOf(field.Type, field.Tag)
			if field.Tag.Get("needed") != "" || field.Type.Kind() == reflect.Slice && field.Tag.Get("min") != "" {
				required = append(required, name)
			}
		}
		s["properties"] = properties
		if len(required) > 0 {
			s["required"] = required
		}
	}
	return s
}

// bound is a tag's number, or without one what bounds nothing.
func bound(tag reflect.StructTag, name string) float64 {
	if n, err := strconv.ParseFloat(tag.Get(name), 64); err == nil {
		return n
	}
	if name == "min" {
		return math.Inf(-1)
	}
	return math.Inf(1)
}
