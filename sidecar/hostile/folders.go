package main

import (
	"fmt"
	"strings"
)

const dockerfile = "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n"

// folder is a challenge of the container's program: one service web that does some things at once.
func folder(does ...string) map[string]string {
	return folderOf("services:\n  web:\n    build: .\n    command: "+list(does)+"\n", "")
}

// folderOf is one with a compose file and further lines of instance.toml of choice.
func folderOf(compose, toml string) map[string]string {
	return map[string]string{
		"Dockerfile":    dockerfile,
		"compose.yaml":  compose,
		"instance.toml": "name = \"Hostile\"\n[[routes]]\nservice = \"web\"\nport = 8080\n" + toml,
	}
}

func list(all []string) string {
	var quoted []string
	for _, one := range all {
		quoted = append(quoted, fmt.Sprintf("%q", one))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
