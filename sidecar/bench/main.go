// Command bench measures what a player waits for, beside the least that could be done: the engine's bare API, docker
// compose, a plain router. What is compared is done in turns in one run on the same machine; compare the ratios, which
// are printed first, and not the times of two machines. make bench installs what it needs and runs it.
//
//	go run ./bench -n 20 -only wake,path
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	rounds := flag.Int("n", 20, "rounds of everything")
	only := flag.String("only", "", "these sections, with commas between: "+names())
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *rounds, *only)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nbench: BROKE OFF, what is missing above was not measured\n%v\n", err)
		os.Exit(1)
	}
}

// section is one comparison.
type section struct {
	name    string
	measure func(ctx context.Context, dir string, rounds int, r *results) error
}

var sections = []section{
	{"wake", wake}, {"waiting", waiting}, {"claims30", claims30}, {"claims100", claims100}, {"guest", guested},
	{"warm", warm}, {"boots", boots}, {"asleep", asleep}, {"sleepers", sleepers}, {"tcp", tcpWake},
	{"fronts", fronts}, {"pair", pair}, {"burst", burst}, {"owners", owners}, {"path", path}, {"whole", whole},
	{"growth", growth}, {"routes", routes}, {"api", apiRequests}, {"flags", flags}, {"steps", steps}, {"streams", streams},
	{"restart", restart}, {"kubernetes", onCluster},
}

func names() string {
	var all []string
	for _, s := range sections {
		all = append(all, s.name)
	}
	return strings.Join(all, " ")
}

// run measures section after section. One that breaks off keeps none of the others from being measured; what broke is
// told last, and the logs stay.
func run(ctx context.Context, rounds int, only string) (err error) {
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if only != "" && !slices.Contains(strings.Fields(names()), name) {
			return fmt.Errorf("%q is no section; there are %s", name, names())
		}
	}
	lock, err := alone()
	if err != nil {
		return err
	}
	defer lock.Close()
	dir, err := os.MkdirTemp("", "whaley-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
			return
		}
		err = fmt.Errorf("%w\nlogs and data are left in %s", err, dir)
	}()
	if err := build(ctx, dir); err != nil {
		return err
	}
	r, broken := &results{}, []error{}
	for _, s := range sections {
		if only != "" && !slices.Contains(wanted, s.name) || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "== %s, %s\n", s.name, time.Now().Format(time.TimeOnly))
		if err := s.measure(ctx, dir, rounds, r); err != nil {
			err = errors.Join(err, sweep(context.WithoutCancel(ctx), dir))
			broken = append(broken, fmt.Errorf("== %s: %w", s.name, err))
		}
	}
	r.print(os.Stdout)
	if ctx.Err() != nil {
		broken = append(broken, errors.New("it was interrupted"))
	}
	return errors.Join(broken...)
}

// alone keeps two runs from using the same networks, and from measuring each other.
func alone() (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "whaley-bench.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another run is under way (%s): %w", lock.Name(), err)
	}
	return lock, nil
}

// wake is a player's first request to a challenge of one service until its first answer.
func wake(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	contenders := []contender{{"bare", bare.wake}}
	for n, pool := range []int{0, 4} {
		s, err := startSidecar(ctx, dir, n, pool)
		if err != nil {
			return err
		}
		defer s.close()
		contenders = append(
			contenders,
			contender{
				fmt.Sprintf("pool%d", pool), func(ctx context.Context) (time.Duration, error) { return s.wake(ctx, "bench") },
			},
		)
	}
	return r.compare(ctx, "wake", rounds, contenders)
}

// build makes the sidecar and a challenge of one service, with the server of the engine's own tests.
func build(ctx context.Context, dir string) error {
	for name, source := range map[string]string{
		"whaley": "./cmd/whaley", "challenges/bench/server": "./internal/docker/dockertest/testserver",
	} {
		c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("build of %s (run it in sidecar/): %w\n%s", source, err, bytes.TrimSpace(out))
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "challenges/web-db"), os.DirFS("../challenges/web-db")); err != nil {
		return err
	}
	// Compose waits for the engine to run the check; once a second is the least that people write.
	file := filepath.Join(dir, "challenges/web-db/compose.yaml")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(text, []byte("interval: 10s"), []byte("interval: 1s"), 1), 0o644)
	}
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"Dockerfile":    "FROM scratch\nCOPY server /server\nCMD [\"/server\"]\n",
		"compose.yaml":  "services:\n  web:\n    build: .\n",
		"instance.toml": "name = \"Bench\"\n[[routes]]\nservice = \"web\"\nport = 8080\ntype = \"http\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "challenges/bench", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
