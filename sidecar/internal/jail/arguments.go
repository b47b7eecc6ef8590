package jail

import (
	"fmt"
	"os"
	"strings"
)

// short are nsjail's options of one letter by their long names.
var short = map[byte]string{
	'c': "chroot", 'D': "cwd", 'p': "port", 'i': "max_conns_per_ip", 't': "time_limit", 'E': "env", 'P': "seccomp_policy",
	'C': "config",
	'M': "mode", 'u': "user", 'g': "group", 'R': "bindmount_ro", 'B': "bindmount", 'T': "tmpfsmount", 'm': "mount",
	's': "symlink",
	'H': "hostname", 'x': "exec_file", 'U': "uid_mapping", 'G': "gid_mapping", 'I': "macvlan_iface", 'l': "log",
	'L': "log_fd",
	'e': "keep_env", 'd': "daemon", 'v': "verbose", 'q': "quiet", 'Q': "really_quiet", 'N': "disable_clone_newnet",
	'h': "help",
}

// entries are the options that are entries of a configuration by another name; all others have the name of theirs.
var entries = map[string]string{"chroot": "chroot_dir", "env": "envar", "seccomp_policy": "seccomp_policy_file"}

// switches have no value. Those that are not entries make the sandbox, which there is none of.
var switches = map[string]bool{"keep_env": true, "disable_no_new_privs": true, "stderr_to_null": true}

func init() {
	for name := range strings.FieldsSeq(
		`daemon verbose quiet really_quiet keep_caps silent skip_setsid disable_clone_newnet disable_clone_newuser
		disable_clone_newns disable_clone_newpid disable_clone_newipc disable_clone_newuts disable_clone_newcgroup enable_clone_newcgroup
		enable_clone_newtime disable_proc iface_no_lo use_cgroupv2 detect_cgroupv2 disable_rlimits rw no_pivotroot seccomp_log
		persona_addr_compat_layout persona_mmap_page_zero persona_read_implies_exec persona_addr_limit_3gb persona_addr_no_randomize
		execute_fd disable_tsc forward_signals proc_rw help`,
	) {
		switches[name] = false
	}
}

// Arguments reads nsjail's own: options over what the file of --config says, and the program after them.
func Arguments(args []string) (*Config, error) {
	c := newConfig()
	for len(args) > 0 {
		word := args[0]
		if word == "--" || !strings.HasPrefix(word, "-") || word == "-" {
			break
		}
		args = args[1:]
		name, value, joined := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if !strings.HasPrefix(word, "--") { // letters together: switches, and then one with the rest as its value
			name = short[word[1]]
			if value, joined = word[2:], len(word) > 2; name == "" {
				return nil, fmt.Errorf("-%c is no option of nsjail", word[1])
			}
			if _, is := switches[name]; is && joined {
				args, value, joined = append([]string{"-" + value}, args...), "", false
			}
		}
		if entry, is := switches[name]; is {
			if entry {
				if err := c.set(field{name: name, value: "true"}); err != nil {
					return nil, err
				}
			}
			if name == "disable_rlimits" {
				clear(c.Limits)
			}
			continue
		}
		if !joined {
			if len(args) == 0 {
				return nil, fmt.Errorf("%s has no value", word)
			}
			value, args = args[0], args[1:]
		}
		if err := c.option(name, value); err != nil {
			return nil, fmt.Errorf("%s %s: %w", word, value, err)
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) > 0 {
		c.Command = args
	}
	return c, nil
}

// option is one with a value.
func (c *Config) option(name, value string) error {
	switch name {
	case "config":
		text, err := os.ReadFile(value)
		if err != nil {
			return err
		}
		read, err := Parse(string(text))
		if err == nil {
			*c = *read
		}
		return err
	case "mode":
		return c.set(field{
			name: "mode", value: map[string]string{"l": "LISTEN", "o": "ONCE", "e": "EXECVE", "r": "RERUN"}[value],
		})
	case "user", "group":
		inside, rest, _ := strings.Cut(value, ":")
		outside, _, _ := strings.Cut(rest, ":")
		entry := map[string]string{"user": "uidmap", "group": "gidmap"}[name]
		return c.set(field{
			name: entry, message: []field{{name: "inside_id", value: inside}, {name: "outside_id", value: outside}},
		})
	case "bindmount_ro", "bindmount", "tmpfsmount":
		source, target, two := strings.Cut(value, ":")
		if !two {
			target = source
		}
		mount := []field{{name: "src", value: source}, {name: "dst", value: target}, {name: "is_bind", value: "true"}}
		if name == "tmpfsmount" {
			mount = []field{{name: "dst", value: source}, {name: "fstype", value: "tmpfs"}}
		}
		return c.set(field{name: "mount", message: mount})
	case "mount": // source:target:type:options
		part := append(strings.SplitN(value, ":", 4), "", "", "")
		return c.set(field{
			name:    "mount",
			message: []field{{name: "src", value: part[0]}, {name: "dst", value: part[1]}, {name: "fstype", value: part[2]}},
		})
	case "exec_file":
		c.Command = []string{value}
		return nil
	}
	if entry, other := entries[name]; other {
		name = entry
	}
	return c.set(field{name: name, value: value})
}
