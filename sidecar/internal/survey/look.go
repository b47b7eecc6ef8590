//go:build linux

package survey

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a look.
const (
	atOnce   = 2
	each     = 2 * time.Second // for one instance, twice as much after each look that was not enough
	eachMost = 20 * time.Second
	inAll    = 25 * time.Second
)

// Surveyor looks again and again, and remembers who takes long.
type Surveyor struct {
	host string // where the host's files are
	proc string

	cost  map[string]time.Duration // of the last look at an instance
	early map[string]int           // looks in a row that were not enough

	layers map[string]string // container → its own layer, as its processes see it
}

// New makes a Surveyor for a machine whose files are under host and whose processes are under proc.
func New(host, proc string) *Surveyor {
	return &Surveyor{
		host: host, proc: proc, cost: map[string]time.Duration{}, early: map[string]int{}, layers: map[string]string{},
	}
}

// Look measures what time allows, and begins with those that took the least before.
func (s *Surveyor) Look(ctx context.Context, q Question) Answer {
	ctx, cancel := context.WithTimeout(ctx, inAll)
	defer cancel()
	a := Answer{Instances: map[string]Found{}}
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Join(s.host, q.Folder), &fs); err == nil {
		a.Free, a.Size = int64(fs.Bavail)*fs.Bsize, int64(fs.Blocks)*fs.Bsize
		a.FreeFiles, a.AllFiles = int64(fs.Ffree), int64(fs.Files)
	}
	pids, err := processes(s.proc)
	if err != nil {
		a.Error = err.Error()
	}
	s.findLayers(pids)
	for id := range s.cost {
		if _, there := q.Instances[id]; !there {
			delete(s.cost, id)
			delete(s.early, id)
		}
	}
	order := slices.SortedFunc(maps.Keys(q.Instances), func(x, y string) int { return cmp.Compare(s.cost[x], s.cost[y]) })
	next := make(chan string)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for id := range next {
				mu.Lock()
				limit := min(each<<min(s.early[id], 10), eachMost)
				mu.Unlock()
				began := time.Now()
				found := s.one(ctx, limit, q.Instances[id], pids, q.MostFiles)
				mu.Lock()
				a.Instances[id], s.cost[id] = found, time.Since(began)
				if found.Early == "" {
					delete(s.early, id)
				} else {
					s.early[id]++
				}
				mu.Unlock()
			}
		})
	}
	for _, id := range order {
		if ctx.Err() != nil {
			break
		}
		next <- id
	}
	close(next)
	all.Wait()
	return a
}

// one looks at one instance: half of the time at its processes, the rest at its folders.
func (s *Surveyor) one(ctx context.Context, limit time.Duration, in Instance, pids map[string][]int, most int64) Found {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	first, enough := context.WithTimeout(ctx, limit/2)
	defer enough()
	var f Found
	w := &walker{ctx: first, most: most, links: map[inode]bool{}}
	var processes []int
	for _, id := range in.Containers {
		processes = append(processes, pids[id]...)
	}
	// Another order each time: where there are too many to look at, none hides behind the others.
	rand.Shuffle(len(processes), func(i, j int) { processes[i], processes[j] = processes[j], processes[i] })
	var early error
	for _, pid := range processes {
		if !errors.Is(early, errTooMany) {
			early = cmp.Or(early, w.opened(s.proc, pid))
		}
		f.Wrote += wrote(s.proc, pid)
	}
	f.Hidden, w.ctx = w.bytes, ctx
	for _, folder := range s.folders(in) {
		if errors.Is(early, errTooMany) {
			break
		}
		err := w.tree(filepath.Join(s.host, folder))
		f.TooDeep = f.TooDeep || errors.Is(err, errTooDeep)
		early = cmp.Or(early, err)
	}
	f.Bytes, f.Files = w.bytes, w.files
	for _, log := range in.Logs {
		f.Prints += rate(filepath.Join(s.host, log), time.Now())
	}
	if early != nil {
		f.Early = early.Error()
	}
	return f
}
