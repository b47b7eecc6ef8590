package solver

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// jobOf is a challenge's solver, told where an instance is: its first route as arguments and as HOST, PORT, URL and
// TLS, each route also by its name, or that of its service.
func jobOf(ch *whaley.Challenge, in *whaley.Instance) whaley.SolverJob {
	s := ch.Solver
	job := whaley.SolverJob{
		Instance: in, Service: ch.Routes[0].Service, Image: imageOf(ch), Command: slices.Clone(s.Command), Dir: ch.Dir,
		Inside: s.Inside,
	}
	for n, r := range ch.Routes {
		address := in.Addresses[r.Service]
		if !address.IsValid() {
			address = in.Address(ch, r.Service) // it is in the network of another
		}
		way := wayTo(address.String(), r)
		name := r.Name
		if name == "" {
			name = r.Service
		}
		job.Env = append(job.Env, way.variables("_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")))...)
		if n == 0 {
			job.Env = append(job.Env, way.variables("")...)
			job.Command = append(job.Command, way.arguments()...)
		}
	}
	return job
}

// way is one into an instance, from inside its network.
type way struct {
	kind       whaley.RouteType
	host, port string
	url        string
	tls        bool
}

func wayTo(host string, r whaley.Route) way {
	w := way{kind: r.Type, host: host, port: strconv.Itoa(r.Port), tls: r.Passthrough || r.Scheme == whaley.SchemeHTTPS}
	if r.Type == whaley.RouteHTTP {
		scheme := "http"
		if w.tls {
			scheme = "https"
		}
		w.url = fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, w.port))
	}
	return w
}

func (w way) arguments() []string {
	if w.kind == whaley.RouteHTTP {
		return []string{w.url}
	}
	return []string{w.host, w.port}
}

func (w way) variables(suffix string) []string {
	return []string{
		"HOST" + suffix + "=" + w.host, "PORT" + suffix + "=" + w.port, "URL" + suffix + "=" + w.url,
		"TLS" + suffix + "=" + strconv.FormatBool(w.tls),
	}
}

// imageOf is what a challenge's solver runs in.
func imageOf(ch *whaley.Challenge) string {
	n := slices.IndexFunc(ch.Services, func(one whaley.Service) bool { return one.Name == ch.Solver.Service })
	if ch.Solver.Image != "" || n < 0 {
		return ch.Solver.Image
	}
	return ch.Services[n].Image
}
