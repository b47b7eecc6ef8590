package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// place is where a container writes, which never changes.
type place struct {
	instance string
	layer    string   // "": the engine does not say
	volumes  []string // named and anonymous
	log      string   // "": not a file
}

// disk is what is remembered from one look at the disk to the next.
type disk struct {
	mu       sync.Mutex // one look at a time
	surveyor *surveyor  // nil: there is none
	again    time.Time  // when another is tried
	failures int
	places   map[string]place // container → where it writes

	sizes   map[string]size // container → what the engine last said of it
	volumes map[string]int64
}

// Disk is what instances have on the engine's disk. It is looked at by a container of ours, or, where that cannot be,
// by what the engine's API tells: that sees neither files that are deleted and still open nor how many there are, nor
// how much is free.
func (e *Engine) Disk(ctx context.Context, mostFiles int64) (whaley.Disk, error) {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	containers, unknown, err := e.whereTheyWrite(ctx)
	if err != nil {
		return whaley.Disk{}, err
	}
	seen, err := e.surveyed(ctx, containers, mostFiles)
	if err == nil {
		return seen, unknown
	}
	seen, asked := e.asked(ctx, containers)
	return seen, errors.Join(unknown, asked)
}

// whereTheyWrite lists this deployment's containers with their places. Those of which it is not known are left out, and
// the error tells of them.
func (e *Engine) whereTheyWrite(ctx context.Context) (map[string]place, error, error) {
	api, err := e.api(ctx)
	if err != nil {
		return nil, nil, err
	}
	list, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	all, err := api.ContainerList(list, container.ListOptions{All: true, Filters: e.mine("")})
	if err != nil {
		return nil, nil, translate(err)
	}
	now := map[string]place{}
	var mu sync.Mutex
	var unknown []error
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for _, c := range all {
		if known, there := e.disk.places[c.ID]; there {
			mu.Lock()
			now[c.ID] = known
			mu.Unlock()
			continue
		}
		g.Go(func() error {
			p, err := e.placeOf(ctx, c.ID)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				now[c.ID] = p
			} else if whaley.CodeOf(translate(err)) != whaley.CodeObjectMissing {
				unknown = append(unknown, err)
			}
			return nil
		})
	}
	_ = g.Wait() // returns none
	e.disk.places = now
	return now, errors.Join(unknown...), nil
}

func (e *Engine) placeOf(ctx context.Context, id string) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTime)
	defer cancel()
	is, err := e.client.ContainerInspect(ctx, id)
	if err != nil {
		return place{}, err
	}
	p := place{instance: is.Config.Labels[labelInstance], layer: is.GraphDriver.Data["UpperDir"], log: is.LogPath}
	for _, m := range is.Mounts {
		if m.Type == mount.TypeVolume {
			p.volumes = append(p.volumes, m.Source)
		}
	}
	return p, nil
}

// surveyed lets the surveyor look.
func (e *Engine) surveyed(ctx context.Context, containers map[string]place, mostFiles int64) (whaley.Disk, error) {
	question := survey.Question{MostFiles: mostFiles, Instances: map[string]survey.Instance{}}
	for id, p := range containers {
		in := question.Instances[p.instance]
		in.Containers = append(in.Containers, id)
		for _, folder := range append([]string{p.layer}, p.volumes...) {
			if folder != "" && !slices.Contains(in.Folders, folder) {
				in.Folders = append(in.Folders, folder)
			}
		}
		if p.log != "" {
			in.Logs = append(in.Logs, p.log)
		}
		question.Instances[p.instance] = in
	}
	answer, err := e.ask(ctx, question)
	if err != nil {
		return whaley.Disk{}, err
	}
	seen := whaley.Disk{
		Instances: map[string]whaley.Written{}, Free: answer.Free, Size: answer.Size, FreeFiles: answer.FreeFiles,
		AllFiles: answer.AllFiles,
	}
	for id, f := range answer.Instances {
		seen.Instances[id] = whaley.Written{
			Bytes: f.Bytes, Files: f.Files, Wrote: f.Wrote, Prints: f.Prints, Hides: f.TooDeep,
		}
		if f.Early != "" {
			e.log.Debug(
				"an instance has at least this much on the disk", "instance", id, "bytes", f.Bytes, "files", f.Files, "why",
				f.Early,
			)
		}
	}
	return seen, nil
}

// Bounds of what is asked of the engine itself.
const (
	looksAtOnce = 4
	sizeTime    = 20 * time.Second
	// slowAgain is when a container is asked for again whose size took too long: an engine goes on counting for nobody.
	slowAgain = 2 * time.Minute
)

// size is what the engine said of a container's layer.
type size struct {
	bytes int64
	next  time.Time // not to be asked before
}

// asked lets the engine count, each container for itself: one that takes long keeps the others from nothing.
func (e *Engine) asked(ctx context.Context, containers map[string]place) (whaley.Disk, error) {
	seen := whaley.Disk{Instances: map[string]whaley.Written{}}
	sizes := map[string]size{}
	var mu sync.Mutex
	var problems []error
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for id := range containers {
		known := e.disk.sizes[id]
		g.Go(func() error {
			var err error
			if !time.Now().Before(known.next) {
				known, err = e.sizeOf(ctx, id, known)
			}
			mu.Lock()
			defer mu.Unlock()
			if sizes[id] = known; err != nil {
				problems = append(problems, err)
			}
			return nil
		})
	}
	_ = g.Wait() // returns none
	e.disk.sizes = sizes
	for id, p := range containers {
		w := seen.Instances[p.instance]
		w.Bytes += sizes[id].bytes
		seen.Instances[p.instance] = w
	}
	if err := e.volumeSizes(ctx, containers, seen.Instances); err != nil {
		problems = append(problems, err)
	}
	return seen, errors.Join(problems...)
}

func (e *Engine) sizeOf(ctx context.Context, id string, known size) (size, error) {
	ctx, cancel := context.WithTimeout(ctx, sizeTime)
	defer cancel()
	is, _, err := e.client.ContainerInspectWithRaw(ctx, id, true)
	switch {
	case err == nil && is.SizeRw != nil:
		return size{bytes: *is.SizeRw}, nil
	case err == nil || whaley.CodeOf(translate(err)) == whaley.CodeObjectMissing:
		return size{}, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		known.next = time.Now().Add(slowAgain)
	}
	return known, translate(err)
}

// volumeSizes adds those of volumes, which the engine counts all at once or not at all, e.g. while somebody else asks.
// Then they are what they were.
func (e *Engine) volumeSizes(
	ctx context.Context, containers map[string]place, instances map[string]whaley.Written,
) error {
	ctx, cancel := context.WithTimeout(ctx, sizeTime)
	defer cancel()
	used, err := e.client.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.VolumeObject}})
	if err == nil {
		e.disk.volumes = map[string]int64{}
		for _, v := range used.Volumes {
			if v.UsageData != nil {
				e.disk.volumes[v.Mountpoint] = v.UsageData.Size
			}
		}
	}
	if err != nil && strings.Contains(err.Error(), "disk usage operation is already running") { // it has no code for this
		err = nil // another sidecar asked at the same moment
	}
	counted := map[string]bool{}
	for _, p := range containers {
		w := instances[p.instance]
		for _, folder := range p.volumes {
			if !counted[folder] {
				counted[folder] = true
				w.Bytes += max(e.disk.volumes[folder], 0)
			}
		}
		instances[p.instance] = w
	}
	return translate(err)
}
