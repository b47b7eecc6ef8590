package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
)

// sweep removes what the sidecars of a section that broke off have left on the engine and in the firewall. Their data
// goes with the run, so nobody else would.
func sweep(ctx context.Context, dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	all := []error{err}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		all = append(all, err)
		deployment := deploymentIn(string(text))
		if deployment == "" {
			continue // it never got that far
		}
		for _, mark := range []string{deployment, deployment + "/sandbox"} {
			for _, kind := range []string{"container", "network"} {
				all = append(all, remove(ctx, kind, "label=whaley.deployment="+mark))
			}
		}
		_ = exec.CommandContext(ctx, "nft", "delete", "table", "inet", "whaley-"+docker.BridgePrefix(deployment)).Run() // mostly gone
	}
	return errors.Join(all...)
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
