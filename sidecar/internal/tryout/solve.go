package tryout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// way is one into the instance, for people and for its solver.
type way struct {
	shown                string
	name                 string // of the route, or its service
	kind, host, url, sni string
	port                 int
	arguments, variables []string
}

// ways are those of an instance. Those of the web have an address that every program understands, beside the one that
// browsers and curl resolve.
func (s *sidecar) ways(ctx context.Context, ch *whaley.Challenge, in instance) ([]way, error) {
	var all []way
	for n, r := range in.Routes {
		w := way{name: r.Name, kind: r.Type, host: "127.0.0.1", port: r.Port, sni: r.Host, shown: r.Hint}
		if w.name == "" && n < len(ch.Routes) {
			w.name = ch.Routes[n].Service
		}
		switch r.Type {
		case string(whaley.RouteHTTP):
			port, err := s.forward(ctx, r.URL)
			if err != nil {
				return nil, err
			}
			w.port, w.url = port, fmt.Sprintf("http://127.0.0.1:%d", port)
			w.shown = fmt.Sprintf("%s  (for browsers and curl; for other programs %s)", r.URL, w.url)
			w.arguments = []string{w.url}
		case string(whaley.RouteTCP):
			w.arguments = []string{w.host, fmt.Sprint(w.port), w.sni}
		default:
			w.shown = fmt.Sprintf("nc %s %d", w.host, w.port)
			w.arguments = []string{w.host, fmt.Sprint(w.port)}
		}
		for _, suffix := range []string{"", "_" + strings.ToUpper(strings.ReplaceAll(w.name, "-", "_"))} {
			if suffix == "" && n > 0 {
				continue
			}
			w.variables = append(
				w.variables, "HOST"+suffix+"="+w.host, fmt.Sprintf("PORT%s=%d", suffix, w.port), "URL"+suffix+"="+w.url,
				"SNI"+suffix+"="+w.sni,
			)
		}
		all = append(all, w)
	}
	return all, nil
}

// forward leads a port of this machine to the host of a route, for what does not resolve names below localhost.
func (s *sidecar) forward(ctx context.Context, address string) (port int, err error) {
	target, err := url.Parse(address)
	if err != nil {
		return 0, fmt.Errorf("address of the instance: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	own := "http://" + l.Addr().String()
	front := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", s.edge, target.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if rest, ours := strings.CutPrefix(r.Header.Get("Location"), target.Scheme+"://"+target.Host); ours {
				r.Header.Set("Location", own+rest)
			}
			return nil
		},
		FlushInterval: -1,
	}, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { _ = front.Serve(l) }() // until it is closed
	s.closers = append(s.closers, front)
	return l.Addr().(*net.TCPAddr).Port, nil
}

// solve runs the challenge's solver and looks for the instance's flag in what it prints.
func (s *sidecar) solve(ctx context.Context, ch *whaley.Challenge, solver []string, ways []way) error {
	wanted, err := s.flags(ctx, ch)
	if err != nil {
		return fmt.Errorf("find this instance's flag: %w", err)
	}
	solving, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	var printed bytes.Buffer
	run := exec.CommandContext(solving, solver[0], slices.Concat(solver[1:], ways[0].arguments)...)
	run.Dir, run.Env = ch.Dir, os.Environ()
	for _, w := range ways {
		run.Env = append(run.Env, w.variables...)
	}
	run.Stdout, run.Stderr = io.MultiWriter(s.Out, &printed), s.Out
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	run.WaitDelay = time.Second
	name := strings.TrimPrefix(strings.Join(solver, " "), "./")
	fmt.Fprintf(s.Out, "%s %s\n", name, strings.Join(ways[0].arguments, " "))
	err = run.Run()
	if !bytes.HasSuffix(printed.Bytes(), []byte("\n")) && printed.Len() > 0 {
		fmt.Fprintln(s.Out)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case solving.Err() != nil:
		return fmt.Errorf("%s was ended after %s; give it more with --timeout: %w", name, s.Timeout, ErrFlag)
	}
	missing := 0
	for _, flag := range wanted {
		if !strings.Contains(printed.String(), flag) {
			missing++
			fmt.Fprintf(s.Out, "It has not printed %s\n", flag)
		}
	}
	switch {
	case missing > 0:
		return errors.Join(ErrFlag, failed(name, err))
	case len(wanted) == 0:
		fmt.Fprintln(
			s.Out,
			"It is not known what this challenge's flag is: give instance.toml a [flag] text. Only that its solver succeeds counts.",
		)
		return failed(name, err)
	}
	fmt.Fprintf(s.Out, "Solved: it printed %s\n", strings.Join(wanted, " and "))
	return nil
}

func failed(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// flags are what the instance's owner has to find.
func (s *sidecar) flags(ctx context.Context, ch *whaley.Challenge) ([]string, error) {
	if !ch.Flag.Dynamic {
		if ch.Flag.Text == "" {
			return nil, nil
		}
		return []string{ch.Flag.Text}, nil
	}
	var list struct {
		Flags []struct {
			Value     string
			RetiredAt *time.Time `json:"retired_at"`
		}
	}
	if err := s.call(ctx, http.MethodGet, "/admin/api/flags/mappings", nil, &list); err != nil {
		return nil, err
	}
	var all []string
	for _, f := range list.Flags {
		if f.RetiredAt == nil {
			all = append(all, f.Value)
		}
	}
	return all, nil
}
