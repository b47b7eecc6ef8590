package guest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	// Name is what the program has to be called to be the guest.
	Name = "whaley-guest"
	// Folder is where a container has the program and its gate.
	Folder = "/.whaley"
	// Gate is the pipe in Folder that the message comes through.
	Gate = "gate"
	// Answer is the pipe beside it, by which the guest says how it went.
	Answer = "answer"
	// Variable holds an Order. The challenge never sees it.
	Variable = "WHALEY_GUEST"
)

// Order is what a container was made for, before it was anybody's.
type Order struct {
	Hash   string   `json:"hash"` // of the key
	Argv   []string `json:"argv"`
	User   string   `json:"user,omitempty"`   // as in an image: name or number, with :group or without
	Groups []string `json:"groups,omitempty"` // further ones
	Keep   []string `json:"keep"`             // capabilities that the challenge's program may have, as CHOWN
	Home   bool     `json:"home,omitempty"`   // HOME was said by the image or the challenge
	Port   int      `json:"port,omitempty"`   // the guest stays, and is asked here; 0: it waits at its gate, and becomes the program
	Stop   string   `json:"stop,omitempty"`   // the signal that asks the program to end, as SIGINT; empty: SIGTERM
}

// Needs are the capabilities that the guest has to have, whatever its challenge may: it writes files of any owner,
// which keep owner and mode, and becomes any user. What is not in Order.Keep is given up for good.
var Needs = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETPCAP", "SETUID"}

// NeedsToStay are those of a guest that stays.
var NeedsToStay = append(slices.Clone(Needs), "KILL")

// Setting is an order as a variable of a container.
func (o Order) Setting() (string, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("what a container is made for: %w", err)
	}
	return Variable + "=" + string(text), nil
}

// ordered takes the order out of an environment.
func ordered(environment []string) (o Order, rest []string, err error) {
	found := false
	for _, e := range environment {
		if text, ours := strings.CutPrefix(e, Variable+"="); ours {
			found = true
			err = json.Unmarshal([]byte(text), &o)
			continue
		}
		rest = append(rest, e)
	}
	if !found || err != nil || len(o.Argv) == 0 {
		return o, nil, fmt.Errorf("%s says nothing of what to become: %w", Variable, err)
	}
	return o, rest, nil
}

// OrderOf is the order in the variables of a container.
func OrderOf(environment []string) (Order, error) {
	o, _, err := ordered(environment)
	return o, err
}

// with sets variables in an environment, in their place if they are there.
func with(environment []string, variables ...string) []string {
	for _, v := range variables {
		name, _, _ := strings.Cut(v, "=")
		done := false
		for n, e := range environment {
			if strings.HasPrefix(e, name+"=") {
				environment[n], done = v, true
			}
		}
		if !done {
			environment = append(environment, v)
		}
	}
	return environment
}

// Program is what an image runs when nothing else is said.
type Program struct{ Entrypoint, Command []string }

// Argv is what a container runs of an image for which an entrypoint and a command are said, as engines see it; nil:
// that of the image holds.
func (p Program) Argv(entrypoint, command []string) []string {
	if len(entrypoint) == 0 {
		if len(command) == 0 {
			command = p.Command
		}
		if entrypoint == nil {
			entrypoint = p.Entrypoint
		}
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	return slices.Concat(entrypoint, command)
}
