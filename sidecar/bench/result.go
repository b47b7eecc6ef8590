package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// contender is one way to do a thing. It leaves nothing behind.
type contender struct {
	name string
	do   func(ctx context.Context) (time.Duration, error)
}

// results are lines of a name and a value; ratios are printed first.
type results struct{ ratios, values []string }

func (r *results) ratio(name string, value float64) {
	r.ratios = append(r.ratios, fmt.Sprintf("%s %.2f", name, value))
}

func (r *results) value(name string, value any) {
	r.values = append(r.values, fmt.Sprintf("%s %v", name, value))
}

func (r *results) print(out io.Writer) {
	for _, line := range append(r.ratios, r.values...) {
		fmt.Fprintln(out, line)
	}
}

// compare lets all contenders take turns, each first as often as the others, and sets them against the first one.
func (r *results) compare(ctx context.Context, what string, rounds int, contenders []contender) error {
	took := map[string][]time.Duration{}
	for round := range rounds + 1 {
		for n := range contenders {
			c := contenders[(n+round)%len(contenders)]
			d, err := c.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first one warms up
				took[c.name] = append(took[c.name], d)
			}
		}
	}
	first := contenders[0].name
	for _, c := range contenders {
		for _, p := range []int{50, 95} {
			d := percentile(took[c.name], p)
			if c.name != first {
				r.ratio(fmt.Sprintf("%s_%s_over_%s_p%d", what, c.name, first, p), float64(d)/float64(percentile(took[first], p)))
			}
			r.value(fmt.Sprintf("%s_%s_p%d_ms", what, c.name, p), d.Milliseconds())
		}
	}
	r.value(what+"_n", rounds)
	return nil
}

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
