package docker

import "strings"

// exitOfStart is the exit code that a shell would give where the engine finds no program to start, or may not run it.
func exitOfStart(err error) (int, error) {
	text := err.Error()
	switch {
	case strings.Contains(text, "permission denied"):
		return 126, nil
	case strings.Contains(text, "not found"), strings.Contains(text, "no such file or directory"):
		return 127, nil
	}
	return 0, translate(err)
}
