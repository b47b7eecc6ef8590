package jail

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where cybersecnatlab's jail has its program and the flag that it makes of its variable.
const (
	cyberHome    = "/home/user"
	cyberProgram = cyberHome + "/chall"
)

// cyber is the configuration that the variables of cybersecnatlab's jail ask for. The flag is in a file beside the
// program.
func cyber(environment []string) (*Config, error) {
	set := map[string]string{}
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		set[name] = value
	}
	c := newConfig()
	c.Mode, c.Dir, c.Command = Listen, cyberHome, []string{cyberProgram}
	c.Env = []string{"PATH", "HOME=" + cyberHome}
	fields := []field{
		{name: "port", value: cmp.Or(set["PORT"], "1337")},
		{name: "time_limit", value: cmp.Or(set["TIMEOUT"], "60")},
		{name: "max_conns_per_ip", value: cmp.Or(set["MAX_CONNS_PER_IP"], "0")},
		{name: "rlimit_fsize", value: "inf"}, {name: "rlimit_as", value: "inf"}, {name: "rlimit_nofile", value: "def"},
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		resource, limit := strings.CutPrefix(name, "RLIMIT_")
		switch {
		case limit && set[name] != "":
			fields = append(fields, field{name: "rlimit_" + strings.ToLower(resource), value: set[name]})
		case strings.HasPrefix(name, "POW_") && name != "POW_BITS":
			c.note("%s is left out", name)
		}
	}
	for _, f := range fields {
		if err := c.set(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	var err error
	if c.Zeros, err = number(cmp.Or(set["POW_BITS"], "0"), maxBits); err != nil {
		return nil, fmt.Errorf("POW_BITS: %w", err)
	}
	for _, folder := range strings.FieldsFunc(
		set["TEMPDIRS"], func(r rune) bool { return strings.ContainsRune(" ,:;", r) },
	) {
		c.Files = append(c.Files, File{Target: filepath.Clean("/" + folder), Folder: true})
	}
	if flag := set["FLAG"]; flag != "" {
		if err := flagFile(filepath.Join(cyberHome, "flag"), flag); err != nil {
			c.note("the flag is not in %s/flag: %s", cyberHome, err)
		}
	}
	return c, nil
}

// flagFile writes a flag that the image has no file for.
func flagFile(path, flag string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		if os.IsExist(err) {
			return nil
		}
		return err
	}
	_, err = fmt.Fprintln(f, flag)
	if problem := f.Chmod(fs.FileMode(0o444)); err == nil {
		err = problem
	}
	if problem := f.Close(); err == nil {
		err = problem
	}
	return err
}
