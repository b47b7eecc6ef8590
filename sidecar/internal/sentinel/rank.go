package sentinel

import (
	"path"
	"slices"
	"strings"
)

// Rank says how soon a file is asked for the challenge's placeholder: 0 flag files, 1 configuration, 2 other text;
// below 0: never, since it tells people about flags.
func Rank(name string) int {
	base := strings.ToLower(path.Base(name))
	stem := strings.TrimSuffix(base, path.Ext(base))
	switch {
	case base == "instance.toml", strings.HasPrefix(base, "readme"), path.Ext(base) == ".md",
		slices.Contains([]string{"solve", "solver", "exploit", "writeup"}, stem):
		return -1
	case base == "flag", strings.HasPrefix(base, "flag."), strings.HasPrefix(base, "flag-"),
		strings.HasPrefix(base, "flag_"), path.Ext(base) == ".flag":
		return 0
	case strings.HasPrefix(base, "dockerfile"), strings.HasPrefix(base, ".env"),
		slices.Contains(configuration, path.Ext(base)):
		return 1
	}
	return 2
}

var configuration = []string{".env", ".yml", ".yaml", ".toml", ".json", ".ini", ".conf", ".cfg", ".properties", ".xml"}

// SkipFolder says that a folder holds what others wrote, and is left as it is.
func SkipFolder(name string) bool { return name == ".git" || name == "node_modules" }

// Skipped says whether a file lies in such a folder.
func Skipped(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), SkipFolder)
}
