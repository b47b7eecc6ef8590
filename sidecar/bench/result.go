package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// contending is one way to do a thing of which something is measured. It leaves nothing behind.
type contending[T any] struct {
	name string
	do   func(ctx context.Context) (T, error)
}

// contender is measured by how long it takes.
type contender = contending[time.Duration]

// results are lines of a name and a value; ratios are printed first.
type results struct{ ratios, values []string }

func (r *results) ratio(name string, value float64) {
	r.ratios = append(r.ratios, fmt.Sprintf("%s %.3g%s", name, value, verdict(name, value)))
}

// figure is a value that may have a bar.
func (r *results) figure(name string, value float64) {
	r.values = append(r.values, fmt.Sprintf("%s %.2f%s", name, value, verdict(name, value)))
}

func (r *results) value(name string, value any) {
	r.values = append(r.values, fmt.Sprintf("%s %v", name, value))
}

func (r *results) milliseconds(name string, d time.Duration) {
	r.value(name, float64(d.Microseconds())/1000)
}

// progress says how far it is, to whoever waits.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "   "+format+"\n", args...) }

func (r *results) print(out io.Writer) {
	for _, line := range append(r.ratios, r.values...) {
		fmt.Fprintln(out, line)
	}
}

// turns lets all contenders do it as often, each first as often as the others. The first time warms up and does not
// count.
func turns[T any](ctx context.Context, rounds int, contenders []contending[T]) (map[string][]T, error) {
	took := map[string][]T{}
	for round := range rounds + 1 {
		for n := range contenders {
			c := contenders[(n+round)%len(contenders)]
			settle(ctx)
			d, err := c.do(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				took[c.name] = append(took[c.name], d)
			}
		}
	}
	return took, nil
}

// compare sets the times of all contenders against the first one's, and against those of others that are named.
func (r *results) compare(
	ctx context.Context, what string, rounds int, contenders []contender, others ...string,
) error {
	took, err := turns(ctx, rounds, contenders)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range contenders {
		names = append(names, c.name)
	}
	r.percentiles(what, names, took, append([]string{names[0]}, others...)...)
	r.value(what+"_n", rounds)
	return nil
}

// percentiles are p50 and p95 of each, and how many times those of what each is held against: of whatever comes before
// it.
func (r *results) percentiles(what string, names []string, took map[string][]time.Duration, against ...string) {
	for n, name := range names {
		for _, p := range []int{50, 95} {
			d := percentile(took[name], p)
			for _, other := range against {
				if slices.Contains(names[:n], other) {
					r.ratio(fmt.Sprintf("%s_%s_over_%s_p%d", what, name, other, p), float64(d)/float64(percentile(took[other], p)))
				}
			}
			r.value(fmt.Sprintf("%s_%s_p%d_ms", what, name, p), d.Milliseconds())
		}
	}
}

func median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
