//go:build linux

package survey

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An engine that keeps its images in containerd does not tell where a container's own layer is. Its processes know: it
// is what their root is mounted with.

// findLayers remembers the layers of containers that run, for when they run no more, and forgets those that are gone.
func (s *Surveyor) findLayers(pids map[string][]int) {
	for id, of := range pids {
		if s.layers[id] != "" {
			continue
		}
		if layer := layerOf(s.proc, of[0]); layer != "" {
			s.layers[id] = layer
		}
	}
	maps.DeleteFunc(s.layers, func(id, layer string) bool {
		if len(pids[id]) > 0 {
			return false
		}
		_, err := os.Lstat(filepath.Join(s.host, layer))
		return err != nil
	})
}

// folders are those of an instance, each once.
func (s *Surveyor) folders(in Instance) []string {
	all := slices.Clone(in.Folders)
	for _, id := range in.Containers {
		if layer := s.layers[id]; layer != "" && !slices.Contains(all, layer) {
			all = append(all, layer)
		}
	}
	return all
}

// layerOf is the folder that changes of a process's root are written to.
func layerOf(proc string, pid int) string {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "mountinfo"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		mounted, kind, found := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		fields := strings.Fields(mounted)
		if !found || len(fields) < 5 || fields[4] != "/" {
			continue
		}
		options := strings.Fields(kind)
		for option := range strings.SplitSeq(options[len(options)-1], ",") {
			if layer, found := strings.CutPrefix(option, "upperdir="); found {
				return layer
			}
		}
	}
	return ""
}
