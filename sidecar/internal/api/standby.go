package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// errStandby is what a sidecar answers that waits for the active one to end. The plugin asks the next one then.
var errStandby = whaley.Errorf(whaley.Unavailable, whaley.CodeStandby,
	"This sidecar is the standby, or is starting. Try again in a few seconds.").After(time.Second)

// Standby is the API of a sidecar that is not the active one: its health, and for all else that another is to be asked.
func Standby() http.Handler {
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
		p := kit.ProblemOf(errStandby)
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
		w.Header().Set("Connection", "close") // whoever asks again may find another one
		w.Header().Set("Content-Type", wire.ProblemType)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	})
	return mux
}
