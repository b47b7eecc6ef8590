package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/portmap"
)

// Sweep removes what the sidecars of a run that broke off have left on the engine and in the firewall, whose logs are in a
// folder, and what further filters of the engine's find. Nobody starts these again.
func Sweep(ctx context.Context, dir string, filters ...string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	all := []error{err}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		all = append(all, err)
		deployment := DeploymentIn(string(text))
		if deployment == "" {
			continue // it never got that far
		}
		for _, purpose := range []string{"", "/sandbox", "/canary"} {
			filters = append(filters, "label=whaley.deployment="+deployment+purpose)
		}
		prefix, quiet := docker.BridgePrefix(deployment), slog.New(slog.DiscardHandler)
		all = append( // mostly they are gone
			all, firewall.New(prefix, nil, 0, quiet).Remove(), portmap.New(prefix, quiet).Remove(),
			firewall.NewArrivals(prefix, firewall.ArrivalsOptions{}, quiet).Remove(),
		)
	}
	for _, filter := range filters {
		all = append(all, remove(ctx, "container", filter), remove(ctx, "network", filter))
	}
	return errors.Join(all...)
}

// LogBeside is a file that is not there yet: each start has its own, and all are kept until the run has succeeded.
func LogBeside(data string) string {
	for n := 1; ; n++ {
		log := fmt.Sprintf("%s.%d.log", data, n)
		if _, err := os.Stat(log); errors.Is(err, fs.ErrNotExist) {
			return log
		}
	}
}

// DeploymentIn reads a sidecar's deployment out of its log.
func DeploymentIn(log string) string {
	_, after, _ := strings.Cut(log, "deployment=")
	deployment, _, _ := strings.Cut(after, "\n")
	return deployment
}

// remove takes away what a filter of the engine's finds, of one kind.
func remove(ctx context.Context, kind, filter string) error {
	list, args := []string{kind, "ls", "-q", "--filter", filter}, []string{kind, "rm"}
	if kind == "container" {
		list, args = append(list, "-a"), append(args, "--force", "--volumes")
	}
	out, err := exec.CommandContext(ctx, "docker", list...).Output()
	ids := strings.Fields(string(out))
	if err != nil || len(ids) == 0 {
		return err
	}
	if out, err := exec.CommandContext(ctx, "docker", append(args, ids...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s rm: %w %s", kind, err, out)
	}
	return nil
}
