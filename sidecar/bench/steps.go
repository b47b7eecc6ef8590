package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
)

const worthTelling = time.Millisecond // of a step: what is shorter is not printed

var (
	strange = regexp.MustCompile(`[^a-z0-9]+`)
	ids     = regexp.MustCompile(`/(v[0-9.]+/|[0-9a-f]{64}|[a-z0-9-]+-[0-9a-f]{8})`) // in the addresses of engine calls
)

// steps is where the time of a start goes, from the sidecar's own trace: the median of each step, without and with the
// pool. Steps overlap, so they sum up to more than the whole.
func steps(ctx context.Context, dir string, rounds int, r *results) error {
	for n, pool := range []int{0, 4} {
		s, err := startSidecar(ctx, dir, n, pool, "OTEL_TRACES_EXPORTER=console")
		if err != nil {
			return err
		}
		for range rounds {
			if _, err := s.wake(ctx, "bench"); err != nil {
				s.close()
				return err
			}
		}
		s.close() // which sends the last spans
		order, took, err := spans(s.Log + ".out")
		if err != nil {
			return err
		}
		for _, name := range order {
			if p50 := percentile(took[name], 50); len(took[name]) >= rounds/2 && p50 >= worthTelling {
				label := strings.Trim(strange.ReplaceAllString(strings.ToLower(name), "_"), "_")
				r.milliseconds(fmt.Sprintf("steps_pool%d_%s_p50_ms", pool, label), p50)
			}
		}
	}
	return nil
}

// spans reads what the console exporter writes: how long the spans of each name took, in the order of their ends.
func spans(path string) (order []string, took map[string][]time.Duration, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	took = map[string][]time.Duration{}
	for decoder := json.NewDecoder(skipped(file)); ; {
		var span struct {
			Name               string
			StartTime, EndTime time.Time
		}
		if err := decoder.Decode(&span); errors.Is(err, io.EOF) {
			return order, took, nil
		} else if err != nil {
			return nil, nil, err
		}
		name := ids.ReplaceAllString(span.Name, "/")
		if took[name] == nil {
			order = append(order, name)
		}
		took[name] = append(took[name], span.EndTime.Sub(span.StartTime))
	}
}

// skipped is a file behind the line in which the sidecar says where its dashboard is.
func skipped(file *os.File) io.Reader {
	text, err := io.ReadAll(file)
	if err != nil {
		return strings.NewReader("")
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	return strings.NewReader(rest)
}
