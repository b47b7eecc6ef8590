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

// turns lets all contenders do it as often, each first as often as the others. The first time warms up and does not count.
func turns(ctx context.Context, rounds int, contenders []contender) (map[string][]time.Duration, error) {
	took := map[string][]time.Duration{}
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

// compare sets the times of all contenders against the first one's.
func (r *results) compare(ctx context.Context, what string, rounds int, contenders []contender) error {
	took, err := turns(ctx, rounds, contenders)
	if err != nil {
		return err
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

// throughput sets how many each gets done in a second, of the median round, against the first one's.
func (r *results) throughput(ctx context.Context, what string, rounds, count int, contenders []contender) error {
	took, err := turns(ctx, rounds, contenders)
	if err != nil {
		return err
	}
	first := contenders[0].name
	for _, c := range contenders {
		median := percentile(took[c.name], 50)
		if c.name != first {
			r.ratio(fmt.Sprintf("%s_%s_throughput_over_%s", what, c.name, first), float64(percentile(took[first], 50))/float64(median))
		}
		r.value(fmt.Sprintf("%s_%s_per_s", what, c.name), fmt.Sprintf("%.1f", float64(count)/median.Seconds()))
	}
	r.value(what+"_n", rounds)
	return nil
}

func median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
