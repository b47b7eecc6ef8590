// Package lookpath finds programs inside a container, where what this process has for its own environment does not
// count.
package lookpath

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Find is where a program lies: its name if that has a slash, else the first executable file of that name in the
// folders of the environment's last PATH, or in those of otherwise if it sets none.
func Find(name string, environment []string, otherwise string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := otherwise
	for _, e := range environment {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	for _, folder := range filepath.SplitList(search) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find the program %s: it is in no folder of PATH (%q)", name, search)
}
