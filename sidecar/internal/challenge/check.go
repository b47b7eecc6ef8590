package challenge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	mistake "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// definitionSchema is made of the definition, and validator is what holds a document to it.
var (
	definitionSchema = sync.OnceValue(Schema)
	validator        = sync.OnceValue(func() *jsonschema.Schema {
		compiler := jsonschema.NewCompiler()
		text, err := json.Marshal(definitionSchema())
		if err == nil {
			var document any
			if document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err == nil {
				err = compiler.AddResource(definitionFile, document)
			}
		}
		if err != nil {
			panic(err) // by the definition, not by what is read
		}
		return compiler.MustCompile(definitionFile)
	})
)

// check fills a definition with what a document says, and tells of every key and value that is not as the schema has
// it. Those are left out, and the rest is taken, so that one look finds what is wrong with that too.
func check(into *definition, values map[string]any, file string, problems *Problems) {
	root, _ := asJSON(values).(map[string]any)
	if at, ok := root["opens"].(time.Time); ok && !strings.HasSuffix(at.Location().String(), "-local") {
		root["opens"] = at.Format(time.RFC3339) // a date of TOML that says its zone
	}
	var wrong *jsonschema.ValidationError
	if err := validator().Validate(root); errors.As(err, &wrong) {
		var found Problems
		for _, cause := range wrong.Causes {
			explain(cause, root, file, &found)
		}
		slices.SortStableFunc(found, func(a, b Problem) int { return cmp.Compare(a.Key, b.Key) })
		*problems = append(*problems, found...)
		for _, cause := range wrong.Causes {
			prune(cause, root)
		}
	}
	text, err := toml.Marshal(root)
	if err == nil {
		err = toml.Unmarshal(text, into)
	}
	if err != nil {
		problems.add(file, 0, "", "cannot be read: %s", err)
	}
}

// asJSON is a value of TOML as validators know it: lists of tables are lists, and 60.0 is a whole number. Dates stay,
// and are told to be wrong.
func asJSON(value any) any {
	switch v := value.(type) {
	case map[string]any:
		table := make(map[string]any, len(v))
		for key, inner := range v {
			table[key] = asJSON(inner)
		}
		return table
	case []map[string]any:
		return each(v)
	case []any:
		return each(v)
	case float64:
		if whole := int64(v); v == float64(whole) {
			return whole
		}
	}
	return value
}

func each[T any](items []T) []any {
	list := make([]any, len(items))
	for n, inner := range items {
		list[n] = asJSON(inner)
	}
	return list
}

// prune takes out of a document what does not fit into the definition.
func prune(wrong *jsonschema.ValidationError, root map[string]any) {
	for _, cause := range wrong.Causes {
		prune(cause, root)
	}
	switch k := wrong.ErrorKind.(type) {
	case *mistake.AdditionalProperties:
		_, _, value := follow(wrong.InstanceLocation, root)
		for _, name := range k.Properties {
			table, _ := value.(map[string]any) // gone already if what it is in has gone
			delete(table, name)
		}
	case *mistake.Type, *mistake.InvalidJsonValue:
		// An item goes with its list: others must keep their places.
		at := wrong.InstanceLocation
		for ; len(at) > 0; at = at[:len(at)-1] {
			_, _, around := follow(at[:len(at)-1], root)
			if table, ok := around.(map[string]any); ok {
				delete(table, at[len(at)-1])
				return
			}
		}
	}
}

// explain says in an author's words what the validator found.
func explain(wrong *jsonschema.ValidationError, root map[string]any, file string, problems *Problems) {
	for _, cause := range wrong.Causes {
		explain(cause, root, file, problems)
	}
	key, of, value := follow(wrong.InstanceLocation, root)
	refuse := func(key, format string, args ...any) { problems.add(file, 0, key, format, args...) }
	properties, _ := of["properties"].(map[string]any)
	switch k := wrong.ErrorKind.(type) {
	case *mistake.AdditionalProperties:
		for _, name := range k.Properties {
			refuse(join(key, name), "is not a key of %s; %s", cmp.Or(key, definitionFile),
				suggest(name, slices.Sorted(maps.Keys(properties))))
		}
	case *mistake.Required:
		for _, name := range k.Missing {
			about, _ := properties[name].(map[string]any)
			refuse(join(key, name), "is missing: %s", about["description"])
		}
	case *mistake.Type, *mistake.InvalidJsonValue:
		refuse(key, "must be %s, and is %s", mustBe(of, key), kindOf(value))
	case *mistake.Enum:
		refuse(key, "%q must be %s", value, choice(of["enum"].([]string)))
	case *mistake.MinLength, *mistake.MaxLength:
		if most, bounded := of["maxLength"]; bounded {
			refuse(key, "must have from %v to %v characters", cmp.Or(of["minLength"], any(0)), most)
		} else {
			refuse(key, "must not be empty")
		}
	case *mistake.Pattern:
		refuse(key, "%q has not the right form: %s", value, forms[k.Want])
	case *mistake.MinItems, *mistake.MaxItems:
		refuse(key, "there are %d; there must be from %v to %v", len(value.([]any)), of["minItems"], of["maxItems"])
	case *mistake.Minimum, *mistake.Maximum:
		refuse(key, "%v must be from %v to %v", plainly(value), plainly(of["minimum"]), plainly(of["maximum"]))
	}
}

// follow is what is at a place of a document: its key, what the schema says of it, and its value.
func follow(location []string, root map[string]any) (key string, of map[string]any, value any) {
	of, value = definitionSchema(), root
	for _, part := range location {
		switch v := value.(type) {
		case map[string]any:
			key, value = join(key, part), v[part]
			of, _ = of["properties"].(map[string]any)[part].(map[string]any)
		case []any:
			n, _ := strconv.Atoi(part) // the validator's own
			key, value = item(key, n), v[n]
			of, _ = of["items"].(map[string]any)
		}
	}
	return key, of, value
}

// mustBe is what a value must be, kindOf what it is.
func mustBe(of map[string]any, key string) string {
	switch of["type"] {
	case "string":
		return "a text in quotes"
	case "boolean":
		return "true or false"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "object":
		return "a table, as [" + key + "]"
	}
	if _, either := of["type"].([]string); either {
		return "a whole number or a text in quotes"
	}
	if items, _ := of["items"].(map[string]any); items["type"] == "object" {
		return "tables, each begun by [[" + key + "]]"
	}
	return "a list in brackets"
}

func kindOf(value any) string {
	switch v := value.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "no number"
		}
		return "a number with a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// plainly is a number without an exponent.
func plainly(number any) string {
	if f, ok := number.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(number)
}

// forms say in words what the patterns of the definition match.
var forms = map[string]string{
	`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$`: "a moment with its zone, as 2026-05-16T10:00:00Z",

	`^[a-z0-9](-?[a-z0-9])*$`:      "a-z, 0-9 and single hyphens inside",
	`^[A-Za-z0-9_-]+$`:             "letters, digits, hyphens and underscores",
	`^[A-Za-z0-9][A-Za-z0-9 _-]*$`: "a letter or digit first, then letters, digits, spaces, hyphens and underscores",
	`^[^\r\n]+$`:                   "one line",
	`^[a-z][a-z0-9._-]*$`:          "a-z first, then a-z, 0-9, dots, hyphens and underscores",
	`^[0-9]+(\.[0-9]+)? ?([bkmgBKMG]|[kmgKMG][bB]|[kmgKMG]i[bB])?$`: `a size like "256m" or "1g"`,
}
