package instancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	awaitedAfter = 15 * time.Second // a start that takes longer says what it waits for
	awaitedEvery = 15 * time.Second
)

// awaited is what a service has to do before its instance is ready.
type awaited struct {
	mu   sync.Mutex
	what string // such as "web to open port 8080"; empty: nothing
	port int    // of which that is; 0: of none
}

func (a *awaited) set(what string, port int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.what, a.port = what, port
}

func (a *awaited) get() (what string, port int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.what, a.port
}

// tellAwaited makes what a start waits for its stage, once it takes long.
func (i *Instancer) tellAwaited(ctx context.Context, in *whaley.Instance, units map[string]*unit) {
	said := ""
	for wait := awaitedAfter; loop.Sleep(ctx, wait) == nil; wait = awaitedEvery {
		if what := i.awaits(ctx, units); what != "" && what != said && ctx.Err() == nil {
			said = what
			i.setStage(in, "Waiting for "+what)
		}
	}
}

// notReady is the error of a start whose time is over, with what it waited for.
func (i *Instancer) notReady(ctx context.Context, units map[string]*unit, err error) error {
	var over *whaley.Error
	if !errors.As(context.Cause(ctx), &over) || over.Code != whaley.CodeStartTimeout {
		return err
	}
	what := i.awaits(context.WithoutCancel(ctx), units)
	if what == "" {
		return err
	}
	return startTimeout(i.Policy().StartTimeout, ": it still waits for "+what).Because(err)
}

func startTimeout(after time.Duration, why string) *whaley.Error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeStartTimeout,
		"The challenge did not get ready within %s%s. Try again; if it keeps happening, tell an organiser.", after, why)
}

// awaits says what services are still waited for, and what those listen on whose ports are not open.
func (i *Instancer) awaits(ctx context.Context, units map[string]*unit) string {
	var all []string
	for _, u := range units {
		what, port := u.awaited.get()
		if what == "" {
			continue
		}
		if port > 0 {
			what += i.listensElsewhere(ctx, u, port)
		}
		all = append(all, what)
	}
	slices.Sort(all)
	return strings.Join(all, ", and for ")
}

// listensElsewhere says in brackets what a service listens on instead of a port, or nothing if that cannot be seen.
func (i *Instancer) listensElsewhere(ctx context.Context, u *unit, port int) string {
	ports, err := i.Prober.Listens(ctx, u.id)
	switch {
	case err != nil:
		return ""
	case len(ports) == 0:
		return " (nothing in it listens on any port)"
	case slices.Contains(ports, port):
		return fmt.Sprintf(" (it listens on %d, but at 127.0.0.1 only, or does not answer)", port)
	}
	var numbers []string
	for _, p := range ports {
		numbers = append(numbers, strconv.Itoa(p))
	}
	return " (it listens on " + strings.Join(numbers, ", ") + ")"
}
