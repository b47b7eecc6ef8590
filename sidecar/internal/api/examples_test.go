package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// examples are all that a media type of the description shows: its own, or those of its schema.
func examples(media *openapi3.MediaType) []any {
	var all []any
	if media.Example != nil {
		all = append(all, media.Example)
	}
	for _, e := range media.Examples {
		all = append(all, e.Value.Value)
	}
	if len(all) == 0 && media.Schema != nil {
		all = media.Schema.Value.Examples
	}
	return all
}

func TestEveryBodyHasAnExampleThatFitsIt(t *testing.T) {
	s := newSurface(t)
	seen := 0
	look := func(where string, content openapi3.Content) {
		for kind, media := range content {
			all := examples(media)
			if len(all) == 0 {
				t.Errorf("%s %s has no example", where, kind)
			}
			for _, example := range all {
				seen++
				if err := media.Schema.Value.VisitJSON(plain(t, example), openapi3.EnableJSONSchema2020()); err != nil {
					t.Errorf("%s %s: the example does not fit the schema: %v", where, kind, err)
				}
			}
		}
	}
	for path, item := range s.document.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody != nil {
				look(method+" "+path, op.RequestBody.Value.Content)
			}
			for status, answer := range op.Responses.Map() {
				look(fmt.Sprintf("%s %s %s", method, path, status), answer.Value.Content)
			}
		}
	}
	for name, schema := range s.document.Components.Schemas {
		for _, example := range schema.Value.Examples {
			if err := schema.Value.VisitJSON(plain(t, example), openapi3.EnableJSONSchema2020()); err != nil {
				t.Errorf("%s: the example does not fit: %v", name, err)
			}
			known(t, name, schema.Value, example)
		}
	}
	t.Logf("%d examples", seen)
}

// plain is a value as JSON brings it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var same any
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	return same
}

// known wants the fields of an example to be those that the schema names: a schema lets others pass.
func known(t *testing.T, where string, schema *openapi3.Schema, example any) {
	t.Helper()
	if list, ok := example.([]any); ok && schema.Items != nil {
		for _, one := range list {
			known(t, where, schema.Items.Value, one)
		}
		return
	}
	object, ok := example.(map[string]any)
	if !ok {
		return
	}
	fields, open := properties(schema)
	for name, value := range object {
		if field := fields[name]; field != nil {
			known(t, where+"."+name, field.Value, value)
		} else if !open {
			t.Errorf("%s: the example has %q, which the schema does not", where, name)
		}
	}
}

// properties are all fields that a schema names, in parts of it too; open: it allows any.
func properties(schema *openapi3.Schema) (fields openapi3.Schemas, open bool) {
	fields = openapi3.Schemas{}
	for name, field := range schema.Properties {
		fields[name] = field
	}
	open = schema.AdditionalProperties.Schema != nil
	for _, parts := range []openapi3.SchemaRefs{schema.AllOf, schema.OneOf, schema.AnyOf} {
		for _, part := range parts {
			more, any := properties(part.Value)
			for name, field := range more {
				fields[name] = field
			}
			open = open || any
		}
	}
	return fields, open
}

func TestThePageShowsExamples(t *testing.T) {
	s := newSurface(t)
	page := s.call(alice, "GET", "/openapi", "").Body.String()
	for _, want := range []string{"examples:", "web-notes-team_42-9f3c1a7e", "event: instances"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on it", want)
		}
	}
}
