package jail

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// Parse reads a configuration as nsjail's --config has it.
func Parse(text string) (*Config, error) {
	fields, err := parseText(text)
	if err != nil {
		return nil, err
	}
	c := newConfig()
	for _, f := range fields {
		if err := c.set(f); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", f.line, f.name, err)
		}
	}
	return c, nil
}

// meaningless say how a sandbox is made or what is logged, of which nothing reaches the program here.
var meaningless = map[string]bool{
	"name": true, "description": true, "hostname": true, "bindhost": true, "daemon": true, "log_fd": true,
	"log_file": true, "log_level": true,
	"clone_newnet": true, "clone_newuser": true, "clone_newns": true, "clone_newpid": true, "clone_newipc": true,
	"clone_newuts":    true,
	"clone_newcgroup": true, "clone_newtime": true, "keep_caps": true, "cap": true, "silent": true, "skip_setsid": true,
	"pass_fd":     true,
	"iface_no_lo": true, "is_root_rw": true, "cgroup_mem_mount": true, "cgroup_mem_parent": true, "cgroup_pids_mount": true,
	"cgroup_pids_parent": true, "cgroup_cpu_mount": true, "cgroup_cpu_parent": true, "use_cgroupv2": true,
	"cgroupv2_mount":  true,
	"detect_cgroupv2": true, "no_pivotroot": true, "oom_score_adj": true, "max_cpus": true, "nice_level": true,
}

// ofTheContainer are limits that the whole container has instead.
var ofTheContainer = map[string]string{
	"cgroup_mem_max": "memory", "cgroup_mem_memsw_max": "memory", "cgroup_mem_swap_max": "memory",
	"cgroup_cpu_ms_per_sec": "CPU time",
}

func (c *Config) set(f field) error {
	if limit, isLimit := strings.CutPrefix(f.name, "rlimit_"); isLimit {
		return c.limitOf(limit, f.value)
	}
	if what, whole := ofTheContainer[f.name]; whole {
		if f.value != "0" {
			c.note("%s: the container's own limit of %s holds, for all connections together", f.name, what)
		}
		return nil
	}
	var err error
	switch f.name {
	case "mode":
		c.Mode = Mode(strings.TrimPrefix(f.value, "MODE_"))
		if c.Mode == "EXECVE" || c.Mode == "STANDALONE_EXECVE" {
			c.Mode = Once
		}
		if c.Mode != Listen && c.Mode != Once && c.Mode != Rerun {
			err = fmt.Errorf("%q is no mode", f.value)
		}
	case "chroot_dir":
		c.Root = f.value
	case "cwd":
		c.Dir = f.value
	case "port":
		c.Port, err = number(f.value, math.MaxUint16)
	case "max_conns":
		c.Conns, err = number(f.value, math.MaxInt32)
	case "max_conns_per_ip":
		c.ConnsPerAddress, err = number(f.value, math.MaxInt32)
	case "time_limit":
		var seconds int
		seconds, err = number(f.value, math.MaxInt32)
		c.Time = time.Duration(seconds) * time.Second
	case "cgroup_pids_max":
		c.Pids, err = number(f.value, math.MaxInt32)
	case "proof_of_work": // no entry of nsjail's: what JAIL_POW asks for
		var work int
		work, err = number(f.value, math.MaxInt32)
		c.Work = uint32(work)
	case "keep_env":
		c.KeepEnv = f.value == "true"
	case "envar":
		c.Env = append(c.Env, f.value)
	case "disable_no_new_privs":
		c.note("%s: setuid programs have no more rights than others", f.name)
	case "stderr_to_null":
		c.QuietErrors = f.value == "true"
	case "uidmap":
		c.UID = c.mapped(f)
	case "gidmap":
		c.GID = c.mapped(f)
	case "mount":
		c.mount(f)
	case "exec_bin":
		c.Command = program(f)
	case "mount_proc":
	case "seccomp_string", "seccomp_policy_file", "seccomp_log":
		c.note("%s: system calls are those that a container has", f.name)
	default:
		if !meaningless[f.name] {
			c.note("%s is left out", f.name)
		}
	}
	return err
}

func number(text string, most int) (int, error) {
	n, err := strconv.ParseUint(text, 0, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return int(min(n, uint64(most))), nil
}

// inMiB are the limits that nsjail counts so.
var inMiB = map[Resource]bool{AddressSpace: true, Core: true, FileSize: true, Stack: true}

// limitOf sets one: a number, or the words for what there is (soft, hard, def) and for none at all (inf, max).
func (c *Config) limitOf(name, value string) error {
	resource, kind := Resource(name), ""
	if base, typed := strings.CutSuffix(name, "_type"); typed {
		resource, kind = Resource(base), strings.ToLower(value)
	}
	switch resource {
	case AddressSpace, Core, CPU, FileSize, OpenFiles, Stack:
	case Processes: // is counted by user on the whole host: see Processes
		if n, err := number(value, math.MaxInt32); err == nil && n > 0 && c.Pids == 0 {
			c.Pids = n
		}
		return nil
	default:
		c.note("rlimit_%s is left out", name)
		return nil
	}
	if kind == "" {
		kind = strings.ToLower(value)
	}
	switch kind {
	case "soft", "hard", "def", "inf", "max":
		delete(c.Limits, resource)
		return nil
	case "value":
		return nil
	}
	n, err := number(value, math.MaxInt32)
	if err != nil {
		return err
	}
	c.Limits[resource] = uint64(n)
	if inMiB[resource] {
		c.Limits[resource] <<= 20
	}
	return nil
}

// program is what is run. Its path is what it is called, whatever arg0 says, as that is how it is found.
func program(f field) (command []string) {
	path := ""
	var args []string
	for _, inner := range f.message {
		switch inner.name {
		case "path":
			path = inner.value
		case "arg":
			args = append(args, inner.value)
		}
	}
	return append([]string{path}, args...)
}

// mount takes what can be had without mounting: a root, copies of files, folders to write to.
func (c *Config) mount(f field) {
	values := map[string]string{}
	for _, inner := range f.message {
		values[inner.name] = inner.value
	}
	source, target, kind := values["src"], path.Clean("/"+values["dst"]), values["fstype"]
	switch {
	case target == "/" && (values["is_bind"] == "true" || kind == ""):
		c.Root = path.Clean("/" + source)
	case kind == "proc" || target == "/proc":
		c.note("mount of /proc: there is what the root has")
	case target == "/dev" || strings.HasPrefix(target, "/dev/"):
		c.Files = append(c.Files, File{Target: target, Source: source})
	case kind == "tmpfs":
		c.Files = append(c.Files, File{Target: target, Folder: true})
	case values["src_content"] != "":
		c.Files = append(c.Files, File{Target: target, Content: values["src_content"]})
	case source == "":
		// A file system of the kernel's, which there is none of.
	default:
		c.Files = append(c.Files, File{Target: target, Source: path.Clean("/" + source)})
	}
}
