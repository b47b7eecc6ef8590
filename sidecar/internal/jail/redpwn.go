package jail

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Where redpwn/jail has what is its author's, and the configuration that its hook may add to.
const (
	redpwnRoot   = "/srv"
	redpwnHook   = "/jail/hook.sh"
	redpwnConfig = "/tmp/nsjail.cfg"
)

// redpwnVariables are those that have a meaning here, without JAIL_.
var redpwnVariables = []string{
	"CONNS", "CONNS_PER_IP", "CPU", "DEV", "MEM", "PIDS", "PORT", "POW", "TIME", "TMP_SIZE",
}

// redpwn is the configuration that the variables of redpwn/jail ask for, as nsjail has it.
func redpwn(environment []string) (string, error) {
	set := map[string]string{}
	var own []string
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		if passed, ok := strings.CutPrefix(name, "JAIL_ENV_"); ok {
			own = append(own, passed+"="+value)
		} else if what, ok := strings.CutPrefix(name, "JAIL_"); ok {
			set[what] = value
		}
	}
	var text strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&text, "%s: %v\n", name, value) }
	line("mode", Listen)
	for _, one := range []struct {
		variable, otherwise, name string
	}{
		{"PORT", "5000", "port"}, {"TIME", "20", "time_limit"}, {"CONNS", "0", "max_conns"},
		{"CONNS_PER_IP", "0", "max_conns_per_ip"},
		{"POW", "0", "proof_of_work"}, {"PIDS", "5", "cgroup_pids_max"}, {"CPU", "100", "cgroup_cpu_ms_per_sec"},
	} {
		n, err := strconv.ParseUint(cmp.Or(set[one.variable], one.otherwise), 10, 31)
		if err != nil {
			return "", fmt.Errorf("JAIL_%s: %q is no number", one.variable, set[one.variable])
		}
		line(one.name, n)
	}
	line("cgroup_mem_max", 1) // whatever JAIL_MEM says, it is the container's
	fmt.Fprintf(&text, "mount { src: %q dst: \"/\" is_bind: true }\n", redpwnRoot)
	for device := range strings.SplitSeq(cmp.Or(set["DEV"], "null,zero,urandom"), ",") {
		if device = strings.TrimSpace(device); device != "" {
			fmt.Fprintf(&text, "mount { src: %q dst: %[1]q is_bind: true rw: true mandatory: false }\n", "/dev/"+device)
		}
	}
	if size := set["TMP_SIZE"]; size != "" && size != "0" {
		text.WriteString("mount { dst: \"/tmp\" fstype: \"tmpfs\" rw: true }\n")
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(redpwnVariables, name) { // system calls, and what another release of it has
			line("JAIL_"+name, strconv.Quote(set[name]))
		}
	}
	for _, e := range own {
		line("envar", strconv.Quote(e))
	}
	for _, limit := range []string{"as", "cpu", "fsize", "nofile", "stack"} {
		fmt.Fprintf(&text, "rlimit_%s_type: HARD\n", limit)
	}
	line("cwd", `"/app"`)
	line("uidmap", `{ inside_id: "1000" }`)
	line("gidmap", `{ inside_id: "1000" }`)
	text.WriteString("exec_bin { path: \"/app/run\" }\n")
	return text.String(), nil
}
