package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// fewInstances at once get along with what a kernel has by default.
const fewInstances = 500

// many is what a host with more than that wants of its kernel: each instance is a neighbour in a network of its own, and the
// engine watches files of each container.
var many = map[string]int{
	"net.ipv4.neigh.default.gc_thresh3": 16384,
	"fs.inotify.max_user_instances":     8192,
}

func checkKernel(proc string, c *config.Config, r *report) {
	if c.MaxInstances > 0 && c.MaxInstances <= fewInstances {
		return
	}
	var low []string
	for name, want := range many {
		text, err := os.ReadFile(filepath.Join(proc, "sys", strings.ReplaceAll(name, ".", "/")))
		if err != nil {
			continue // another kernel, or one that shows less
		}
		if is, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && is < want {
			low = append(low, name+"="+strconv.Itoa(want))
		}
	}
	if len(low) > 0 {
		slices.Sort(low)
		r.hint("kernel", "more than %d instances at once want higher limits: sysctl -w %s", fewInstances, strings.Join(low, " "))
	}
}
