package challenge

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fill puts parsed values into a struct by its toml tags, checks them by the other tags, and tells of every key and
// value that is not right.
func fill(into any, values map[string]any, file string, problems *Problems) {
	f := filler{file: file, problems: problems}
	f.table(reflect.ValueOf(into).Elem(), values, "")
}

type filler struct {
	file     string
	problems *Problems
}

func (f *filler) refuse(key, format string, args ...any) {
	f.problems.add(f.file, 0, key, format, args...)
}

func (f *filler) table(into reflect.Value, values map[string]any, path string) {
	known := map[string]int{}
	for n := range into.NumField() {
		known[into.Type().Field(n).Tag.Get("toml")] = n
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := join(path, key)
		n, ok := known[key]
		if !ok {
			f.refuse(at, "is not a key %s; %s", whose(path), suggest(key, slices.Sorted(maps.Keys(known))))
			continue
		}
		f.value(into.Field(n), into.Type().Field(n).Tag, values[key], at)
	}
	for n := range into.NumField() {
		tag := into.Type().Field(n).Tag
		if _, there := values[tag.Get("toml")]; there {
			continue
		}
		key := join(path, tag.Get("toml"))
		if tag.Get("needed") != "" {
			f.refuse(key, "is missing: %s", tag.Get("about"))
		} else if into.Field(n).Kind() == reflect.Slice && tag.Get("min") != "" {
			f.refuse(key, "is missing: there must be at least one [[%s]] with service, port and type", key)
		}
	}
}

func whose(path string) string {
	if path == "" {
		return "of " + definitionFile
	}
	return "of " + path
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

func (f *filler) value(into reflect.Value, tag reflect.StructTag, value any, at string) {
	wrong := func(want string) { f.refuse(at, "must be %s, and is %s", want, kindOf(value)) }
	switch into.Kind() {
	case reflect.String:
		if text, ok := value.(string); !ok {
			wrong("a text in quotes")
		} else {
			f.text(tag, text, at)
			into.SetString(text)
		}
	case reflect.Bool:
		if b, ok := value.(bool); !ok {
			wrong("true or false")
		} else {
			into.SetBool(b)
		}
	case reflect.Int, reflect.Int64:
		if number, ok := value.(int64); !ok {
			wrong("a whole number")
		} else {
			f.number(tag, float64(number), at)
			into.SetInt(number)
		}
	case reflect.Float64:
		number, ok := value.(float64)
		if whole, isWhole := value.(int64); isWhole {
			number, ok = float64(whole), true
		}
		if !ok || math.IsNaN(number) {
			wrong("a number")
		} else {
			f.number(tag, number, at)
			into.SetFloat(number)
		}
	case reflect.Struct:
		if table, ok := value.(map[string]any); !ok {
			wrong("a table, as [" + at + "]")
		} else {
			f.table(into, table, at)
		}
	case reflect.Slice:
		f.list(into, tag, value, at)
	}
}

func (f *filler) list(into reflect.Value, tag reflect.StructTag, value any, at string) {
	items, ok := value.([]any)
	if tables := into.Type().Elem().Kind() == reflect.Struct; !ok && tables {
		f.refuse(at, "must be tables, each begun by [[%s]], and is %s", at, kindOf(value))
		return
	} else if !ok {
		f.refuse(at, "must be a list in brackets, and is %s", kindOf(value))
		return
	}
	if least, most := bound(tag, "min"), bound(tag, "max"); float64(len(items)) < least || float64(len(items)) > most {
		f.refuse(at, "there are %d; there must be from %g to %g", len(items), least, most)
	}
	for n, item := range items {
		one := reflect.New(into.Type().Elem()).Elem()
		inner := reflect.StructTag(fmt.Sprintf("enum:%q", tag.Get("enum")))
		f.value(one, inner, item, fmt.Sprintf("%s[%d]", at, n))
		into.Set(reflect.Append(into, one))
	}
}

// text and number tell of values outside their bounds. These are kept all the same: what follows from them is no news.
func (f *filler) text(tag reflect.StructTag, text, at string) {
	if choices := tag.Get("enum"); choices != "" && !slices.Contains(strings.Split(choices, ","), text) {
		f.refuse(at, "%q must be %s", text, choice(strings.Split(choices, ",")))
		return
	}
	if least, most := bound(tag, "min"), bound(tag, "max"); float64(len(text)) < least || float64(len(text)) > most {
		if math.IsInf(most, 1) {
			f.refuse(at, "must not be empty")
		} else {
			f.refuse(at, "has %d bytes and must have from %g to %g", len(text), max(least, 0), most)
		}
		return
	}
	if form := tag.Get("pattern"); form != "" && text != "" && !regexp.MustCompile(form).MatchString(text) {
		f.refuse(at, "%q has not the right form: %s", text, forms[form])
	}
}

// forms say in words what the patterns of the definition match.
var forms = map[string]string{
	`^[a-z0-9](-?[a-z0-9])*$`: "a-z, 0-9 and single hyphens inside",
	`^[A-Za-z0-9_-]+$`:        "letters, digits, hyphens and underscores",
	`^[0-9]+(\.[0-9]+)? ?([bkmgBKMG]|[kmgKMG][bB]|[kmgKMG]i[bB])?$`: `a size like "256m" or "1g"`,
}

func (f *filler) number(tag reflect.StructTag, number float64, at string) {
	least, most := bound(tag, "min"), bound(tag, "max")
	if number < least || number > most {
		f.refuse(at, "%v must be from %v to %v", plain(number), plain(least), plain(most))
	}
}

func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

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

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

func choice(all []string) string {
	quoted := make([]string, len(all))
	for n, text := range all {
		quoted[n] = strconv.Quote(text)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// suggest names the known key that is closest to a mistyped one, or all.
func suggest(key string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "it has " + strings.Join(known, ", ")
}

// distance is how many characters must be changed, added, left out or swapped with the next to make b of a.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for n := range rows {
		rows[n] = make([]int, len(b)+1)
		rows[n][0] = n
	}
	for m := range rows[0] {
		rows[0][m] = m
	}
	for n := 1; n <= len(a); n++ {
		for m := 1; m <= len(b); m++ {
			differs := 1
			if a[n-1] == b[m-1] {
				differs = 0
			}
			rows[n][m] = min(rows[n-1][m]+1, rows[n][m-1]+1, rows[n-1][m-1]+differs)
			if n > 1 && m > 1 && a[n-1] == b[m-2] && a[n-2] == b[m-1] {
				rows[n][m] = min(rows[n][m], rows[n-2][m-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
