package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
)

// Standby is the API of a sidecar that is not the active one: its health, and for all else the reason why another is to
// be asked. The plugin does so by itself.
func Standby(reason error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		_ = kit.Write(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	ready := func(w http.ResponseWriter, _ *http.Request) {
		_ = kit.Write(w, http.StatusServiceUnavailable, readyJSON{Status: "standby", Dependencies: []dependencyJSON{}})
	}
	mux.HandleFunc("GET /health/ready", ready)
	mux.HandleFunc("GET /health", ready)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p := kit.ProblemOf(reason)
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
		w.Header().Set("Connection", "close") // whoever asks again may find another one
		w.Header().Set("Content-Type", wire.ProblemType)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	})
	return mux
}

// AboutProcess says whether a request is about the very process that it reaches, active or not. Metrics are not:
// whoever scrapes one of two gets those of the active one.
func AboutProcess(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/health") }
