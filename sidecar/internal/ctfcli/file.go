package ctfcli

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const key = "connection_info"

// nameIn is the challenge's name in a file, empty if it has none.
func nameIn(text []byte) string {
	var file struct{ Name string }
	if yaml.Unmarshal(text, &file) != nil {
		return ""
	}
	return file.Name
}

// link writes the link into a file, and leaves everything else in it as it is.
func link(text []byte, to string, replace bool) ([]byte, Outcome, error) {
	var before map[string]any
	var root yaml.Node
	if err := yaml.Unmarshal(text, &before); err != nil {
		return nil, "", fmt.Errorf("it is no YAML: %w", err)
	}
	if err := yaml.Unmarshal(text, &root); err != nil || len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, "", errors.Join(errors.New("it is no mapping of keys"), err)
	}
	if root.Content[0].Style&yaml.FlowStyle != 0 {
		return nil, "", errors.New("it is written in braces: give each key a line of its own")
	}
	was, _ := before[key].(string)
	switch {
	case was == to:
		return text, Same, nil
	case was != "" && !replace:
		return text, Own, nil
	}
	next := written(text, root.Content[0].Content, to)
	if before == nil {
		before = map[string]any{}
	}
	before[key] = to
	var after map[string]any
	if err := yaml.Unmarshal(next, &after); err != nil || !reflect.DeepEqual(after, before) {
		return nil, "", fmt.Errorf(
			"its %s cannot be replaced without touching anything else: write %s there yourself", key, to,
		)
	}
	return next, Linked, nil
}

// written is a text with another line of connection_info, or one more line at its end.
func written(text []byte, pairs []*yaml.Node, to string) []byte {
	line := key + ": " + strconv.Quote(to)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := 0; n+1 < len(pairs); n += 2 {
		if pairs[n].Value == key {
			at := pairs[n].Line - 1
			if at >= len(lines) { // YAML has line breaks that are none here
				return text
			}
			end := "\n"
			if bytes.HasSuffix(lines[at], []byte("\r\n")) {
				end = "\r\n"
			}
			lines[at] = []byte(line + end)
			return bytes.Join(lines, nil)
		}
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(bytes.Clone(text), '\n')
	}
	return append(bytes.Clone(text), line+"\n"...)
}

// fresh is a file for a challenge that has none.
func fresh(ch *whaley.Challenge, link string) ([]byte, error) {
	return yaml.Marshal(struct {
		Name           string `yaml:"name"`
		Category       string `yaml:"category"`
		Description    string `yaml:"description"`
		Value          int    `yaml:"value"`
		Type           string `yaml:"type"`
		ConnectionInfo string `yaml:"connection_info"`
		State          string `yaml:"state"`
		Version        string `yaml:"version"`
	}{ch.Name, ch.Category, ch.Description, 100, "standard", link, "visible", "0.1"})
}
