package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

// Options say what goes where.
type Options struct {
	Dir      string
	To       string // the dashboard's address
	Key      string // of organisers
	Open     bool   // players can start it at once, if it is new
	Defaults challenge.Defaults
	Out      io.Writer
}

// Errors of what the other side, or the loader here, has against the challenge.
var (
	ErrRefused = errors.New("the challenge is refused: fix what is listed above")
	ErrBuild   = errors.New(
		"the images could not be made; the log above says why, and players go on with what was there before",
	)
)

const uploading = 10 * time.Minute

// Run uploads a challenge, in the place of the one with its id, and follows the building of its images.
func Run(ctx context.Context, o Options) error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("push %s: %w", o.Dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "instance.toml")); err != nil {
		return fmt.Errorf(
			"there is no instance.toml in %s: whaley import makes one of a challenge that has none, whaley new a new challenge",
			o.Dir,
		)
	}
	ch, err := challenge.Load(ctx, dir, o.Defaults)
	var problems challenge.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintln(o.Out, p)
		}
		return ErrRefused
	}
	if err != nil {
		return err
	}
	to, err := url.Parse(o.To)
	if err != nil || to.Host == "" {
		return fmt.Errorf("%q is no address of a Whaley: write the dashboard's, as https://whaley.example.org", o.To)
	}
	c := &client{base: strings.TrimSuffix(o.To, "/"), key: o.Key, host: to.Hostname()}
	packed, err := os.CreateTemp("", "whaley-push-")
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	defer packed.Close()
	defer os.Remove(packed.Name())
	count, err := archive(dir, ch.ID, packed)
	if err != nil {
		return err
	}
	size, err := packed.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = packed.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", o.Dir, err)
	}
	if size > files.MaxArchive {
		return fmt.Errorf(
			"the zip of %s has %d MB; it may have %d: leave out what it does not run from", o.Dir, size>>20,
			files.MaxArchive>>20,
		)
	}
	fmt.Fprintf(o.Out, "Sending %s: %d files, %d kB, to %s …\n", ch.ID, count, (size+1023)>>10, to.Host)
	return o.send(ctx, c, ch.ID, packed)
}

// send uploads and tells what became of it.
func (o Options) send(ctx context.Context, c *client, id string, packed io.Reader) error {
	var before struct {
		Challenges []struct{ ID, Revision string }
	}
	if err := c.ask(ctx, http.MethodGet, "/admin/api/challenges/list", nil, &before); err != nil {
		return err
	}
	var now struct {
		ID, Folder, Revision string
		Active, Current      bool
		Problems, Notes      []finding
	}
	path := "/admin/api/challenges/upload?replace=true"
	if o.Open {
		path += "&open=true"
	}
	err := c.ask(ctx, http.MethodPost, path, packed, &now)
	var refused *refusal
	if errors.As(err, &refused) && len(refused.Problems) > 0 {
		for _, p := range refused.Problems {
			fmt.Fprintln(o.Out, p)
		}
		return ErrRefused
	}
	if err != nil {
		return err
	}
	for _, n := range now.Notes {
		fmt.Fprintf(o.Out, "note: %s\n", n)
	}
	what := "It is new"
	for _, b := range before.Challenges {
		switch {
		case b.ID == id && b.Revision == now.Revision:
			what = "It is what was there already"
		case b.ID == id:
			what = "It replaces revision " + b.Revision
		}
	}
	fmt.Fprintf(o.Out, "%s: revision %s.\n", what, now.Revision)
	if err := o.follow(ctx, c, now.ID, now.Revision); err != nil {
		return err
	}
	if !now.Active {
		fmt.Fprintln(o.Out, "It is closed to players: open it in the panel, or push a new one with --open.")
	}
	return nil
}

// follow waits for the images and shows what their building prints.
func (o Options) follow(ctx context.Context, c *client, id, revision string) error {
	for {
		var b struct {
			Revision, State, Log string
			Reason               *string
		}
		if err := c.ask(ctx, http.MethodGet, "/admin/api/challenges/"+id+"/build?wait=20", nil, &b); err != nil {
			return err
		}
		switch {
		case b.Revision != revision:
			return fmt.Errorf("somebody has changed %s meanwhile: revision %s is built instead", id, b.Revision)
		case b.State == "failed":
			fmt.Fprintln(o.Out, b.Log)
			return ErrBuild
		case b.State == "ready":
			fmt.Fprintln(o.Out, "Its images are ready.")
			return nil
		}
		fmt.Fprintf(o.Out, "Its images are being made (%s) …\n", b.State)
	}
}

// finding is what the loader of the other side says of a file.
type finding struct {
	File, Key, Text string
	Line            int
}

func (f finding) String() string {
	return challenge.Problem{File: f.File, Line: f.Line, Key: f.Key, Text: f.Text}.String()
}

// refusal is an answer that is none.
type refusal struct {
	Status   int
	Detail   string
	Problems []finding
}

func (r *refusal) Error() string { return r.Detail }

// transport finds names below localhost here, as browsers do.
var transport = &http.Transport{
	Proxy: http.ProxyFromEnvironment, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	},
}

// client asks the admin API.
type client struct{ base, key, host string }

func (c *client) ask(ctx context.Context, method, path string, zip io.Reader, into any) error {
	ctx, cancel := context.WithTimeout(ctx, uploading)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, zip)
	if err != nil {
		return err
	}
	if zip != nil {
		r.Header.Set("Content-Type", "application/zip")
	}
	r.Header.Set("X-Admin-Key", c.key)
	// A redirect would carry the key elsewhere, or lose the body.
	asking := http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := asking.Do(r)
	if err != nil {
		return fmt.Errorf("reach %s: %w. Is it the dashboard's address, and does Whaley run?", c.host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.host, err)
	}
	refused := &refusal{Status: answer.StatusCode}
	switch {
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s does not know this key: ADMIN_KEY must be the one of its settings", c.host)
	case answer.StatusCode >= 400 && json.Unmarshal(text, refused) == nil && refused.Detail != "":
		return refused
	case answer.StatusCode >= 300:
		return fmt.Errorf(
			"%s answers %s: is it the dashboard's own address, with its scheme and port?", c.host, answer.Status,
		)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s does not answer as a Whaley does: is it the dashboard's address?", c.host)
	}
	return nil
}
