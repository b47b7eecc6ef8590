package challenge

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// A new release of the parser may know keys that nobody has thought about here: they must not slip through unseen.
func TestEveryKeyOfTheComposeSpecificationHasARule(t *testing.T) {
	var spec struct {
		Properties map[string]node `json:"properties"`
		Defs       map[string]node `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &spec); err != nil {
		t.Fatal(err)
	}
	service := map[string]node{}
	for _, part := range []string{"service", "container_spec", "workload_spec"} {
		maps.Copy(service, spec.Defs[part].Properties)
	}
	count := 0
	var compare func(path string, keys map[string]node, r rule)
	compare = func(path string, keys map[string]node, r rule) {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			count++
			below, known := r.keys[key]
			if !known {
				t.Errorf("%s.%s has no rule", path, key)
				continue
			}
			if below.no != "" || below.item == nil && below.keys == nil {
				continue
			}
			n := keys[key]
			if strings.HasPrefix(n.Ref, "#/$defs/") {
				n = spec.Defs[strings.TrimPrefix(n.Ref, "#/$defs/")]
			}
			for _, form := range append(n.OneOf, n) {
				if below.keys != nil && below.keys["*"].kinds == 0 {
					compare(path+"."+key, form.Properties, below)
				}
				for _, pattern := range form.PatternProperties {
					for _, inner := range append(pattern.OneOf, pattern) {
						compare(path+"."+key+".*", inner.Properties, below.keys["*"])
					}
				}
				if form.Items != nil && below.item != nil {
					for _, inner := range append(form.Items.OneOf, *form.Items) {
						compare(path+"."+key+"[]", inner.Properties, *below.item)
					}
				}
			}
		}
	}
	compare("", spec.Properties, composeRules)
	compare("services.*", service, serviceRules)
	compare("networks.*", spec.Defs["network"].Properties, networkRules)
	compare("volumes.*", spec.Defs["volume"].Properties, volumeRules)
	compare("configs.*", spec.Defs["config"].Properties, fileRules)
	compare("secrets.*", spec.Defs["secret"].Properties, fileRules)
	if count < 150 {
		t.Errorf("only %d keys were found: the specification has another form now", count)
	}
	t.Logf("%d keys", count)
}

type node struct {
	Ref               string          `json:"$ref"`
	Properties        map[string]node `json:"properties"`
	PatternProperties map[string]node `json:"patternProperties"`
	OneOf             []node          `json:"oneOf"`
	Items             *node           `json:"items"`
}
