package jail

import (
	"fmt"
	"os"
	"strings"
)

// options are nsjail's of its command line that are entries of a configuration; those in switches have no value.
var (
	options = map[string]string{
		"-c": "chroot_dir", "--chroot": "chroot_dir", "-D": "cwd", "--cwd": "cwd", "-p": "port", "--port": "port", "-i": "max_conns_per_ip",
		"--max_conns_per_ip": "max_conns_per_ip", "--max_conns": "max_conns", "-t": "time_limit", "--time_limit": "time_limit", "-E": "envar",
		"--env": "envar", "--rlimit_as": "rlimit_as", "--rlimit_core": "rlimit_core", "--rlimit_cpu": "rlimit_cpu", "--rlimit_fsize": "rlimit_fsize",
		"--rlimit_nofile": "rlimit_nofile", "--rlimit_nproc": "rlimit_nproc", "--rlimit_stack": "rlimit_stack",
		"--cgroup_mem_max": "cgroup_mem_max", "--cgroup_pids_max": "cgroup_pids_max", "--cgroup_cpu_ms_per_sec": "cgroup_cpu_ms_per_sec",
		"-P": "seccomp_policy_file", "--seccomp_policy": "seccomp_policy_file", "--seccomp_string": "seccomp_string",
	}
	switches = map[string]string{
		"-e": "keep_env", "--keep_env": "keep_env", "--disable_no_new_privs": "disable_no_new_privs", "--stderr_to_null": "stderr_to_null",
	}
	// ignored have no value and make the sandbox, which there is none of.
	ignored = strings.Fields(`-d --daemon -v --verbose -q --quiet -Q --really_quiet --keep_caps --silent --skip_setsid -N --disable_clone_newnet
		--disable_clone_newuser --disable_clone_newns --disable_clone_newpid --disable_clone_newipc --disable_clone_newuts --disable_clone_newcgroup
		--enable_clone_newcgroup --enable_clone_newtime --disable_proc --iface_no_lo --use_cgroupv2 --detect_cgroupv2 --disable_rlimits --rw
		--no_pivotroot --seccomp_log --persona_addr_no_randomize`)
)

// Arguments reads nsjail's own: options over what the file of --config says, and the program after "--".
func Arguments(args []string) (*Config, error) {
	c := newConfig()
	var own []string
	for n := 0; n < len(args); n++ {
		name, value, joined := strings.Cut(args[n], "=")
		if args[n] == "--" {
			own = args[n+1:]
			break
		}
		if !strings.HasPrefix(args[n], "-") {
			own = args[n:]
			break
		}
		if contains(ignored, name) {
			continue
		}
		if entry, known := switches[name]; known {
			if err := c.set(field{name: entry, value: "true"}); err != nil {
				return nil, err
			}
			continue
		}
		if !joined || !strings.HasPrefix(name, "--") {
			if name = args[n]; n+1 == len(args) {
				return nil, fmt.Errorf("%s has no value", name)
			}
			n++
			value = args[n]
		}
		if err := c.option(name, value); err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, value, err)
		}
	}
	if len(own) > 0 {
		c.Command = own
	}
	return c, nil
}

// option is one with a value.
func (c *Config) option(name, value string) error {
	if entry, known := options[name]; known {
		return c.set(field{name: entry, value: value})
	}
	switch name {
	case "-C", "--config":
		text, err := os.ReadFile(value)
		if err != nil {
			return err
		}
		read, err := Parse(string(text))
		if err == nil {
			*c = *read
		}
		return err
	case "-M", "--mode":
		return c.set(field{name: "mode", value: map[string]string{"l": "LISTEN", "o": "ONCE", "e": "EXECVE", "r": "RERUN"}[value]})
	case "-u", "--user", "-g", "--group":
		inside, _, _ := strings.Cut(value, ":")
		entry := map[byte]string{'u': "uidmap", 'g': "gidmap"}[strings.TrimLeft(name, "-")[0]]
		return c.set(field{name: entry, message: []field{{name: "inside_id", value: inside}}})
	case "-R", "--bindmount_ro", "-B", "--bindmount", "-T", "--tmpfsmount":
		source, target, two := strings.Cut(value, ":")
		if !two {
			target = source
		}
		mount := []field{{name: "src", value: source}, {name: "dst", value: target}, {name: "is_bind", value: "true"}}
		if name == "-T" || name == "--tmpfsmount" {
			mount = []field{{name: "dst", value: source}, {name: "fstype", value: "tmpfs"}}
		}
		return c.set(field{name: "mount", message: mount})
	}
	c.note("%s %s is left out", name, value)
	return nil
}

func contains(all []string, one string) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}
