// Command hostile attacks the real binary behind either edge, and says what an honest player notices of it. Each attack
// is a kind with a generator: what it sends is drawn anew in every run, from a seed that is printed. Attacked are only
// this machine's own addresses and containers, for a bounded time and with a bounded number of everything.
//
// For each attack, windows without and with it are measured by turns, and the median of their ratios counts, with the
// least and the most beside it: compare the ratios, not the times of two machines.
// A ratio or a resource over its bar is named at the end, and the program exits with 1. make hostile runs it.
//
//	go run ./hostile -edge embedded -attack streams,log -window 10s -rounds 3 -seed 7
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// plan is what a run does.
type plan struct {
	edges   []string
	attacks []attack
	window  time.Duration // of one look
	rounds  int           // of a look without and a look with the attack
	seed    uint64
	dir     string // that profiles of the edge's processor time go to; empty: none are taken
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var p plan
	edge := flag.String("edge", "embedded,traefik", "these edges")
	names := flag.String(
		"attack", "", "these attacks, with commas between; empty: all of "+strings.Join(namesOf(attacks), " "),
	)
	flag.DurationVar(&p.window, "window", 8*time.Second, "how long one look takes")
	flag.IntVar(&p.rounds, "rounds", 3, "looks without and with each attack; odd, since their median counts")
	flag.Uint64Var(&p.seed, "seed", rand.Uint64()>>12, "what the attacks are drawn from")
	flag.StringVar(&p.dir, "profile", "", "write profiles of Traefik's processor time during attacks to this folder")
	to := flag.String("strike", "", "make one attack, as this program tells itself")
	flag.Parse()
	var err error
	if *to != "" {
		err = strikeOnce(ctx, *to, *names)
	} else if p.edges, p.attacks, err = chosen(*edge, *names); err == nil {
		err = p.run(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func chosen(edges, names string) ([]string, []attack, error) {
	all := strings.Split(edges, ",")
	for _, e := range all {
		if e != "embedded" && e != "traefik" {
			return nil, nil, fmt.Errorf("%q is no edge; there are embedded and traefik", e)
		}
	}
	if names == "" {
		return all, attacks, nil
	}
	var some []attack
	for name := range strings.SplitSeq(names, ",") {
		n := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
		if n < 0 {
			return nil, nil, fmt.Errorf("%q is no attack; there are %s", name, strings.Join(namesOf(attacks), " "))
		}
		some = append(some, attacks[n])
	}
	return all, some, nil
}

func namesOf(all []attack) (names []string) {
	for _, a := range all {
		names = append(names, a.name)
	}
	return names
}

// strikeOnce is the attacker's process. It says "begun", goes on until it is told to end, and says what came of it.
func strikeOnce(ctx context.Context, to, name string) error {
	n := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
	s := &strike{counts: map[string]int{}, begun: func() { fmt.Println("begun") }}
	if err := json.Unmarshal([]byte(to), &s.target); err != nil || n < 0 {
		return errors.Join(fmt.Errorf("attack %q on %s", name, to), err)
	}
	err := attacks[n].run(ctx, s)
	fmt.Println(s.told())
	return err
}

func (p *plan) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "whaley-hostile-")
	if err != nil {
		return err
	}
	if err := build(ctx, dir); err != nil {
		return err
	}
	fmt.Printf("seed %d\n", p.seed)
	var findings []finding
	for _, edge := range p.edges {
		for _, a := range p.attacks {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if a.only != "" && a.only != edge {
				continue
			}
			fmt.Fprintf(os.Stderr, "== %s, %s, %s\n", edge, a.name, time.Now().Format(time.TimeOnly))
			f, err := p.measure(ctx, dir, edge, a)
			if err != nil {
				f.broken = append(f.broken, "broke off: "+err.Error())
			}
			f.print(os.Stdout)
			findings = append(findings, f)
		}
	}
	table(os.Stdout, findings)
	if over := overBars(findings); over > 0 {
		return fmt.Errorf(
			"%d attacks broke a bar, named above; logs are in %s (go run ./hostile -seed %d)", over, dir, p.seed,
		)
	}
	return os.RemoveAll(dir)
}
