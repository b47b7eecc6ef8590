package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

const (
	beginsWithin = 2 * time.Minute
	endsWithin   = 3 * time.Minute
)

// striking is the process of an attacker. It runs at the lowest priority: attackers bring machines of their own, and
// what theirs compute is not what is measured.
type striking struct {
	process *exec.Cmd
	lines   chan string
}

func begin(ctx context.Context, a attack, to target) (*striking, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(to)
	if err != nil {
		return nil, err
	}
	k := &striking{
		process: exec.Command("nice", "-n", "19", self, "-strike", string(text), "-attack", a.name),
		lines:   make(chan string, 100),
	}
	k.process.Stderr = os.Stderr
	k.process.SysProcAttr = testkit.EndsWithParent()
	k.process.SysProcAttr.Setpgid = true
	out, err := k.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(k.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			k.lines <- lines.Text()
		}
	}()
	select {
	case line := <-k.lines:
		if line == "begun" {
			return k, nil
		}
		err = fmt.Errorf("it said %q", line)
	case <-time.After(beginsWithin):
		err = errors.New("it did not begin")
	case <-ctx.Done():
		err = ctx.Err()
	}
	_, ended := k.end()
	return nil, fmt.Errorf("attack %s: %w", a.name, errors.Join(err, ended))
}

// end tells it to clean up and end, and returns what came of it.
func (k *striking) end() (told string, err error) {
	_ = k.process.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endsWithin, func() { _ = k.process.Process.Kill() })
	defer late.Stop()
	var all []string
	for line := range k.lines {
		if line != "" && line != "begun" {
			all = append(all, line)
		}
	}
	return strings.Join(all, "; "), k.process.Wait()
}
