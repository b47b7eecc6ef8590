package docker

import (
	"context"
	"maps"
	"slices"
)

// About is what an operator should know of an engine.
type About struct {
	Version   string
	Folder    string // where it keeps images and containers, on its machine
	Memory    int64  // bytes
	CPUs      int
	Unlimited []string // what it cannot limit: memory, swap, CPU, processes
	Runtimes  []string // of containers, by name
	Remapped  bool     // users of containers are others outside (userns-remap)
}

// About asks the engine about itself.
func (e *Engine) About(ctx context.Context) (About, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return About{}, err
	}
	info, err := api.Info(ctx)
	if err != nil {
		return About{}, translate(err)
	}
	a := About{
		Version: info.ServerVersion, Folder: info.DockerRootDir, Memory: info.MemTotal, CPUs: info.NCPU,
		Runtimes: slices.Sorted(maps.Keys(info.Runtimes)), Remapped: slices.Contains(info.SecurityOptions, "name=userns"),
	}
	for what, can := range map[string]bool{
		"memory": info.MemoryLimit, "CPU": info.CPUCfsQuota, "processes": info.PidsLimit,
	} {
		if !can {
			a.Unlimited = append(a.Unlimited, what)
		}
	}
	return a, nil
}
