package importer

import (
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"
)

// mostServices is how many a challenge may have. What starts more, of folders below, starts a whole event.
const mostServices = 13

// startsAll says whether a folder has a compose file that starts more than a challenge can have, and what it starts
// lies below.
func startsAll(f *folder) bool {
	return slices.ContainsFunc(f.files, func(name string) bool {
		return isCompose(name) && services(filepath.Join(f.path, name)) > mostServices
	}) && running(f) > 1
}

// services is how many services a compose file names; one that cannot be read names none.
func services(path string) int {
	text, err := read(path, maxRead)
	var file struct {
		Services map[string]yaml.Node `yaml:"services"`
	}
	if err != nil || yaml.Unmarshal(text, &file) != nil {
		return 0
	}
	return len(file.Services)
}

// running is how many folders below one hold something that runs.
func running(f *folder) int {
	n := 0
	f.each(func(at *folder) bool {
		if at != f && at.runs() {
			n++
		}
		return true
	})
	return n
}
