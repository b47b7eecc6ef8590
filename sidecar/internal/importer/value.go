package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v4"
)

// maxNodes is how many values a file of metadata may have once its aliases are followed.
const maxNodes = 20000

// table is a table of YAML, TOML or JSON. Keys are found in any case and without their hyphens and underscores, so that
// connection_info and connectionInfo are one.
type table map[string]any

func (t table) get(key string) any {
	if value, there := t[key]; there {
		return value
	}
	for _, own := range slices.Sorted(maps.Keys(t)) {
		if folded(own) == folded(key) {
			return t[own]
		}
	}
	return nil
}

// parse reads a file of metadata.
func parse(name string, text []byte) (table, error) {
	var value any
	var err error
	left := maxNodes
	switch strings.ToLower(filepath.Ext(name)) {
	case ".toml":
		var t map[string]any
		_, err = toml.Decode(string(text), &t)
		value = plain(t, &left)
	case ".json":
		decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
		decoder.UseNumber()
		err = decoder.Decode(&value)
		value = plain(value, &left)
	default:
		var document yaml.Node
		err = yaml.NewDecoder(bytes.NewReader(text)).Decode(&document)
		if err == nil && len(document.Content) > 0 {
			value = fromYAML(document.Content[0], &left, 0)
		}
	}
	if err == nil && left < 0 {
		err = errors.New("has too many values, or aliases of aliases")
	}
	t, _ := value.(table)
	return t, err
}

// fromYAML follows aliases as far as there are values left.
func fromYAML(node *yaml.Node, left *int, depth int) any {
	if *left--; *left < 0 || depth > 100 {
		*left = -1
		return nil
	}
	switch node.Kind {
	case yaml.AliasNode:
		return fromYAML(node.Alias, left, depth+1)
	case yaml.SequenceNode:
		var list []any
		for _, item := range node.Content {
			list = append(list, fromYAML(item, left, depth+1))
		}
		return list
	case yaml.MappingNode:
		t := table{}
		for n := 0; n+1 < len(node.Content); n += 2 {
			value := fromYAML(node.Content[n+1], left, depth+1)
			if merged, ok := value.(table); ok && node.Content[n].Tag == "!!merge" {
				for k, v := range merged {
					if _, own := t[k]; !own {
						t[k] = v
					}
				}
				continue
			}
			t[node.Content[n].Value] = value
		}
		return t
	case yaml.ScalarNode:
		if node.Tag == "!!null" {
			return nil
		}
		return node.Value
	}
	return nil
}

// plain makes tables, lists and texts of what TOML and JSON have.
func plain(value any, left *int) any {
	if *left--; *left < 0 {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		t := table{}
		for k, inner := range v {
			t[k] = plain(inner, left)
		}
		return t
	case []map[string]any:
		var list []any
		for _, inner := range v {
			list = append(list, plain(inner, left))
		}
		return list
	case []any:
		list := make([]any, 0, len(v))
		for _, inner := range v {
			list = append(list, plain(inner, left))
		}
		return list
	case nil:
		return nil
	}
	return fmt.Sprint(value)
}

func folded(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(key))
}

// text is the first of some keys that has one.
func (t table) text(keys ...string) string {
	for _, key := range keys {
		switch v := t.get(key).(type) {
		case string:
			if s := strings.TrimSpace(v); s != "" {
				return s
			}
		case []any: // a list of one, as tags or paragraphs
			if len(v) > 0 {
				if s, ok := v[0].(string); ok && strings.TrimSpace(s) != "" {
					return strings.TrimSpace(s)
				}
			}
		}
	}
	return ""
}

// table is the table of the first key that has one, never nil.
func (t table) table(keys ...string) table {
	for _, key := range keys {
		if inner, ok := t.get(key).(table); ok {
			return inner
		}
	}
	return table{}
}

// list is what stands at a key, as a list.
func (t table) list(keys ...string) []any {
	for _, key := range keys {
		switch v := t.get(key).(type) {
		case nil:
		case []any:
			return v
		default:
			return []any{v}
		}
	}
	return nil
}

func (t table) has(keys ...string) bool {
	for _, key := range keys {
		if t.get(key) != nil {
			return true
		}
	}
	return false
}

// number is a whole number of a text, as 8080, "8080" or "8080/tcp".
func number(value any) int {
	text, _ := value.(string)
	text = strings.TrimSpace(text)
	text, _, _ = strings.Cut(text, "/")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// portOf is a number that can be a port, or 0.
func portOf(value any) int {
	if n := number(value); n > 0 && n < 65536 {
		return n
	}
	return 0
}
