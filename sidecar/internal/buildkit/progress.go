package buildkit

import (
	"fmt"
	"io"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// progress writes down what a build does: names of steps, what they print, errors, warnings.
type progress struct {
	log   io.Writer
	named map[digest.Digest]bool
	ended map[digest.Digest]bool
}

func newProgress(log io.Writer) *progress {
	return &progress{log: log, named: map[digest.Digest]bool{}, ended: map[digest.Digest]bool{}}
}

// follow returns when the build has ended, or when no more can be written.
func (p *progress) follow(status <-chan *client.SolveStatus) error {
	var failed error
	for s := range status { // read to its end, or the build would wait for us
		if failed == nil {
			failed = p.write(s)
		}
	}
	return failed
}

func (p *progress) write(s *client.SolveStatus) error {
	for _, v := range s.Vertexes {
		if err := p.vertex(v); err != nil {
			return err
		}
	}
	for _, l := range s.Logs {
		if _, err := p.log.Write(l.Data); err != nil {
			return err
		}
	}
	for _, w := range s.Warnings {
		if _, err := fmt.Fprintf(p.log, "warning: %s\n", w.Short); err != nil {
			return err
		}
	}
	return nil
}

func (p *progress) vertex(v *client.Vertex) (err error) {
	if !p.named[v.Digest] && v.Started != nil {
		p.named[v.Digest] = true
		cached := ""
		if v.Cached {
			cached = " (as before)"
		}
		_, err = fmt.Fprintf(p.log, "%s%s\n", v.Name, cached)
	}
	if v.Error != "" && !p.ended[v.Digest] && err == nil {
		p.ended[v.Digest] = true
		_, err = fmt.Fprintf(p.log, "%s: %s\n", v.Name, v.Error)
	}
	return err
}
