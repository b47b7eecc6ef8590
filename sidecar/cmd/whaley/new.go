package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/starter"
)

const newUsage = `whaley new KIND NAME [--in DIR]

Makes a folder with a new challenge that builds and runs as it is, and a solve.sh that solves it. KIND is one of

%s
The folder is called like the challenge's id, made of NAME. Flags begin with FLAG_PREFIX.
`

func newChallenge(env map[string]string, args []string, out io.Writer) error {
	var about strings.Builder
	for _, k := range starter.Kinds {
		fmt.Fprintf(&about, "  %-14s%s\n", k.Name, k.About)
	}
	usage := fmt.Sprintf(newUsage, about.String())
	flags := flag.NewFlagSet("new", flag.ContinueOnError)
	in := flags.String("in", ".", "")
	rest, err := arguments(flags, usage, args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case len(rest) != 2:
		return fmt.Errorf("new takes a kind and a name\n\n%s", usage)
	}
	prefix := "FLAG"
	if given := env["FLAG_PREFIX"]; given != "" {
		prefix = given
	}
	made, err := starter.Make(*in, rest[0], rest[1], prefix)
	if err != nil {
		return err
	}
	for _, name := range made {
		fmt.Fprintf(out, "  %s\n", name)
	}
	dir, err := filepath.Rel(".", filepath.Dir(made[0]))
	for err == nil && !exists(filepath.Join(dir, "instance.toml")) {
		dir = filepath.Dir(dir)
	}
	fmt.Fprintf(out, "Next: whaley test %s --solve\n", dir)
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
