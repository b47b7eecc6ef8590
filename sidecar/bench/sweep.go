package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
)

// sweep removes what a section that broke off has left on the engine and in the firewall, also of its sidecars: nobody
// starts these again.
func sweep(ctx context.Context, dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	all, filters := []error{err}, []string{"name=^/?whaley-bench-(bare|compose)-"}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		all = append(all, err)
		deployment := deploymentIn(string(text))
		if deployment == "" {
			continue // it never got that far
		}
		for _, purpose := range []string{"", "/sandbox", "/canary"} {
			filters = append(filters, "label=whaley.deployment="+deployment+purpose)
		}
		_ = exec.CommandContext(ctx, "nft", "delete", "table", "inet", "whaley-"+docker.BridgePrefix(deployment)).Run() // mostly gone
	}
	for _, filter := range filters {
		all = append(all, remove(ctx, "container", filter), remove(ctx, "network", filter))
	}
	return errors.Join(all...)
}

// logBeside is a file that is not there yet: each start has its own, and all are kept until the run has succeeded.
func logBeside(data string) string {
	for n := 1; ; n++ {
		log := fmt.Sprintf("%s.%d.log", data, n)
		if _, err := os.Stat(log); errors.Is(err, fs.ErrNotExist) {
			return log
		}
	}
}

// deploymentIn reads a sidecar's deployment out of its log.
func deploymentIn(log string) string {
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
