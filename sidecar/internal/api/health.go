package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	sidecar "github.com/whaley-ctf/whaley/sidecar"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
)

// checkTimeout bounds each dependency's check.
const checkTimeout = 3 * time.Second

type readyJSON struct {
	Status       string           `json:"status"`
	Dependencies []dependencyJSON `json:"dependencies"`
}

type dependencyJSON struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

func (a *API) getLive(w http.ResponseWriter, _ *http.Request) error {
	return kit.Write(w, http.StatusOK, map[string]string{"status": "ok"})
}

// getActive is for whoever spreads requests over an active sidecar and its standby, which refuses this.
func (a *API) getActive(w http.ResponseWriter, _ *http.Request) error {
	return kit.Write(w, http.StatusOK, map[string]string{"status": "ok"})
}

// getReady asks every dependency. Why one fails stands in the log: the text may name what is nobody's business.
func (a *API) getReady(w http.ResponseWriter, r *http.Request) error {
	ready := readyJSON{Status: "ok", Dependencies: make([]dependencyJSON, len(a.Checks))}
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	var all sync.WaitGroup
	for n, check := range a.Checks {
		all.Go(func() {
			ready.Dependencies[n] = dependencyJSON{Name: check.Name, Status: "ok"}
			if err := check.Ping(ctx); err != nil {
				ready.Dependencies[n] = dependencyJSON{
					Name: check.Name, Status: "failed", Detail: check.Name + " is not as it should be; the log says why",
				}
				a.failing(check.Name, err)
				return
			}
			a.failing(check.Name, nil)
		})
	}
	all.Wait()
	status := http.StatusOK
	for n, d := range ready.Dependencies {
		if d.Status == "ok" {
			continue
		}
		ready.Status = "degraded"
		if !a.Checks[n].Optional {
			status = http.StatusServiceUnavailable
		}
	}
	return kit.Write(w, status, ready)
}

// failing tells the log of a dependency once when it begins to fail, however often its health is asked for.
func (a *API) failing(name string, err error) {
	a.unhealthy.Lock()
	defer a.unhealthy.Unlock()
	was := a.unhealthy.names[name]
	switch {
	case err != nil && !was:
		a.Log.Warn("dependency check failed", "dependency", name, "err", err)
	case err == nil && was:
		a.Log.Info("dependency check passes again", "dependency", name)
	}
	a.unhealthy.names[name] = err != nil
}

// unhealthy is which dependencies failed when they were last looked at.
type unhealthy struct {
	sync.Mutex
	names map[string]bool
}

func (a *API) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(sidecar.OpenAPI) // nobody to tell when the client has gone away
	return nil
}

// getMetrics looks like nothing at all unless a secret is set.
func (a *API) getMetrics(w http.ResponseWriter, r *http.Request) error {
	if a.Opts.MetricsKey == "" {
		return kit.ErrNotFound
	}
	if !kit.Bearer(r, a.Opts.MetricsKey) {
		return kit.ErrWrongKey
	}
	a.Metrics.ServeHTTP(w, r)
	return nil
}
