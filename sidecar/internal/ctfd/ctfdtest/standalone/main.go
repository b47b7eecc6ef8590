// Command standalone is a CTFd for the tests of the web pages, which are no Go tests: two teams and a challenge. It
// prints its address and its tokens as one line of JSON and ends with its input.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
)

// process stands in for the test that a server belongs to.
type process struct {
	testing.TB
	ends []func()
}

func (p *process) Helper()           {}
func (p *process) Cleanup(f func())  { p.ends = append(p.ends, f) }
func (p *process) Error(args ...any) { log.Print(args...) }

func main() {
	p := &process{}
	defer func() {
		for _, end := range p.ends {
			end()
		}
	}()
	server := ctfdtest.New(p)
	server.SetMode("teams")
	pandas, foxes := server.AddTeam(ctfdtest.Team{Name: "Red Pandas"}), server.AddTeam(ctfdtest.Team{Name: "Blue Foxes"})
	accounts := map[string]int{}
	token := func(name string, team int) string {
		accounts[name] = server.AddUser(ctfdtest.User{Name: name, Team: team})
		return server.Token(accounts[name])
	}
	challenge := server.AddChallenge(ctfdtest.Challenge{Name: "Shared", Category: "web", Value: 100})
	tokens := map[string]string{
		"Ada": token("Ada", pandas), "Grace": token("Grace", pandas), "Mallory": token("Mallory", foxes),
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{ // whoever does not listen is gone
		"url": server.URL, "admin": server.Admin, "challenge": challenge, "pandas": pandas, "tokens": tokens, "accounts": accounts,
	})
	_, _ = io.Copy(io.Discard, os.Stdin)
}
