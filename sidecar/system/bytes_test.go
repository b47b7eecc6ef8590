package system

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestAllFourWays lets the same bytes take each of the ways that a request and its answer can take.
func TestAllFourWays(t *testing.T) {
	t.Parallel()
	ways := fourWays(t)
	t.Run("WhatAPlayerSendsIsWhatTheChallengeGets", func(t *testing.T) { asSent(t, ways) })
	t.Run("NoContainerSetsCookiesForOthers", func(t *testing.T) { noCookies(t, ways) })
	t.Run("WhatTheChallengeAnswersIsTheSame", func(t *testing.T) { asAnswered(t, ways) })
	t.Run("AServiceSpeaksAsItsRouteSays", func(t *testing.T) { asSpoken(t, ways) })
}

// TestForwardingHeadersOnAllFourWays lets Traefik pass on what clients say of themselves: then too a route gets of it what
// it wants, which by default is nothing.
func TestForwardingHeadersOnAllFourWays(t *testing.T) {
	ways := fourWays(t, "FORWARDED_AS_SENT=true")
	arriveEqually(t, ways, slices.Concat(forwarding(), headers()))
	for _, w := range ways[:2] { // who asks, at the dashboard too, is whose connection it is
		var me struct{ User struct{ Name string } }
		got := w.stack.do(
			bob, "GET", w.stack.dashboard+"/me", nil, "X-Forwarded-For", alice, "X-Real-Ip", alice, "Forwarded", "for="+alice,
		)
		if err := json.Unmarshal([]byte(got.Body), &me); err != nil || me.User.Name != bob {
			t.Errorf("%s: who says that they are another is %q: %s", w.name, me.User.Name, got.Body)
		}
	}
}

func asSent(t *testing.T, ways []*way) {
	inputs := slices.Concat(targets(), methods(), headers(), bodies(), multiplexed())
	seed := newSeed(t)
	inputs = append(inputs, randomInputs(seed, 100)...)
	t.Logf("random inputs of seed %d", seed)
	arriveEqually(t, ways, inputs)
}

func arriveEqually(t *testing.T, ways []*way, inputs []input) {
	told, err := os.ReadFile(filepath.Join(root, "docs", "challenges.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if in.told != "" && !strings.Contains(string(told), "| "+in.told+" |") {
			t.Errorf("docs/challenges.md does not tell of %q", in.told)
		}
	}
	cells := make([][]string, len(inputs))
	for n := range cells {
		cells[n] = make([]string, len(ways))
	}
	var all sync.WaitGroup
	for n, w := range ways {
		all.Go(func() { w.each(len(inputs), func(i int, at seat) { cells[i][n] = inputs[i].on(w, at) }) })
	}
	all.Wait()
	var table strings.Builder
	wrong := 0
	for i, in := range inputs {
		fmt.Fprintf(&table, "%-60.60q", in.name)
		for n, w := range ways {
			fmt.Fprintf(&table, " | %-12.12s", cells[i][n])
			if cells[i][n] != in.wanted() {
				wrong++
				t.Errorf("%.100q, %s: %s, want %s", in.name, w.name, cells[i][n], in.wanted())
			}
		}
		table.WriteString("\n")
	}
	t.Logf("%-60s | embedded     | asleep       | owner        | link\n%s%d inputs on %d ways, %d cells other than wanted",
		"input", table.String(), len(inputs), len(ways), wrong)
}

// wanted is what a cell of the table should say.
func (in input) wanted() string {
	switch {
	case in.refused == -1:
		return "not served"
	case in.refused == http.StatusOK:
		return "answered"
	case in.refused != 0:
		return fmt.Sprint("refused ", in.refused)
	case in.h2 && in.line == "":
		return "reset"
	case in.told != "":
		return "as told"
	}
	return "as sent"
}

// on says what became of an input on a way.
func (in input) on(w *way, at seat) string {
	got, err := w.send(at, in.request, in.h2)
	switch {
	case err != nil:
		return "failed: " + err.Error()
	case got.status == 0:
		return "reset"
	case in.refused == -1 && got.Head == nil && got.status != http.StatusOK:
		return "not served"
	case got.status == http.StatusOK && got.Head == nil:
		return "answered"
	case got.Head == nil:
		return fmt.Sprint("refused ", got.status)
	}
	if problem := in.differs(got); problem != "" {
		return problem
	}
	if in.told != "" {
		return "as told"
	}
	return "as sent"
}

// added are the fields that every request is given on its way.
var added = []string{"X-Forwarded-For: ADDRESS", "X-Forwarded-Proto: http"}

// differs says in what that which arrived is not what should have.
func (in input) differs(got arrived) string {
	head, ended := bytes.CutSuffix(got.Head, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	if !ended {
		return fmt.Sprintf("the header ends as %q", got.Head)
	}
	line, fields, host := in.line, in.fields, "HOST"
	sent, _, _ := strings.Cut(strings.ReplaceAll(in.request, "\r\n", "\n"), "\n\n")
	for n, text := range strings.Split(sent, "\n") {
		name, value, _ := strings.Cut(text, ":")
		switch {
		case n == 0 && line == "":
			line = text
		case n == 0 || in.h2:
		case name == "Host":
			host = strings.TrimSpace(value)
		case in.fields == nil && (name != "Connection" || strings.TrimSpace(value) == "Upgrade"):
			fields = append(fields, arrivingName(name)+": "+strings.TrimSpace(value))
		}
	}
	fields = append(slices.Clone(fields), "Host: "+host)
	if in.forward != nil {
		fields = append(fields, in.forward...)
	} else {
		fields = append(append(fields, "X-Forwarded-Host: "+host), added...)
	}
	if lines[0] != line {
		return fmt.Sprintf("got %.80q", lines[0])
	}
	inOrder := func(a, b string) int {
		nameOfA, _, _ := strings.Cut(a, ":")
		nameOfB, _, _ := strings.Cut(b, ":")
		return strings.Compare(nameOfA, nameOfB)
	}
	have := lines[1:]
	slices.SortStableFunc(fields, inOrder)
	slices.SortStableFunc(have, inOrder)
	if !slices.Equal(have, fields) {
		return fmt.Sprintf("got the header %.600q instead of %.600q", have, fields)
	}
	if string(got.Body) != in.body {
		return fmt.Sprintf("got a body of %d bytes: %.80q", len(got.Body), got.Body)
	}
	if !slices.Equal(got.Trailer, in.trailer) {
		return fmt.Sprintf("got the trailer %q", got.Trailer)
	}
	return ""
}

// arrivingName is how a name of a header is written when it arrives.
func arrivingName(name string) string {
	name = http.CanonicalHeaderKey(name)
	if after, is := strings.CutPrefix(name, "Sec-Websocket-"); is {
		return "Sec-WebSocket-" + after
	}
	return name
}
