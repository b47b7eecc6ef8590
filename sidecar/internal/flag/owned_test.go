package flag_test

import (
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestWithThePluginAFlagIsRightForItsOwnerOnly goes there and back: without the plugin every wrong submission would
// fail where a flag is of its type.
func TestWithThePluginAFlagIsRightForItsOwnerOnly(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", ""))
	w.CTFd.SetMode("teams")
	red, blue := w.CTFd.AddTeam(ctfdtest.Team{Name: "red"}), w.CTFd.AddTeam(ctfdtest.Team{Name: "blue"})
	ada, bob := w.CTFd.AddUser(ctfdtest.User{Name: "ada", Team: red}), w.CTFd.AddUser(ctfdtest.User{
		Name: "bob", Team: blue,
	})
	w.MapAll()
	kinds := func() []string {
		var all []string
		for _, f := range w.CTFd.Flags(w.IDs["web"]) {
			all = append(all, f.Type+" "+f.Data)
		}
		slices.Sort(all)
		return all
	}
	becomes := func(what string, want ...string) {
		t.Helper()
		stop := w.Run(w.Sidecar(w.Opts))
		w.Until(what, func() bool { return slices.Equal(kinds(), want) })
		w.Settled()
		stop()
	}
	value, other := w.Flag(w.Team(red), "web"), w.Flag(w.Team(blue), "web")
	becomes("flags of everybody", "static ", "static ")
	w.CTFd.SetPlugin(true)
	becomes("flags of their owners", "whaley "+whaley.TeamID(red), "whaley "+whaley.TeamID(blue))
	if foreign, own := w.CTFd.Attempt(bob, w.IDs["web"], value), w.CTFd.Attempt(ada, w.IDs["web"], value); foreign != "incorrect" ||
		own != "correct" {
		t.Errorf("a foreign one is %s, an own one %s", foreign, own)
	}
	w.CTFd.SetPlugin(false)
	becomes("flags of everybody again", "static ", "static ")
	if got := w.CTFd.Attempt(bob, w.IDs["web"], other); got != "correct" {
		t.Errorf("without the plugin an own one is %s", got)
	}
}
