package host

import "strings"

// maxPath is the length in bytes above which a path to return to is not kept.
const maxPath = 2048

// LocalPath is a path to return to if that stays on its host, else "/": nobody can be sent elsewhere by a link of ours.
func LocalPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") ||
		len(path) > maxPath {
		return "/"
	}
	return path
}
