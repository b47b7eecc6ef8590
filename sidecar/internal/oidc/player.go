package oidc

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const longestName = 100 // runes

// player is who some claims are of. Accounts and teams are known by hashes: what a provider calls them may be anything.
func (p *Provider) player(issuer, subject string, claims map[string]any) (whaley.Player, error) {
	id := "user_" + short(issuer, subject)
	name, _ := one(claims[p.opts.NameClaim])
	fallback, _ := one(claims["name"])
	made := whaley.Player{ID: id, Name: shown(cmp.Or(name, fallback, subject))}
	made.Owner = whaley.Owner{ID: id, Name: made.Name}
	if p.opts.TeamClaim == "" {
		return made, nil
	}
	team, several := one(claims[p.opts.TeamClaim])
	switch {
	case several:
		return whaley.Player{}, whaley.Errorf(whaley.Forbidden, "teams_several",
			"Your account is in several teams, and instances belong to one. Tell an organiser.")
	case team == "":
		return whaley.Player{}, whaley.Errorf(
			whaley.Forbidden, "team_required",
			"This event is played in teams, and your account is in none. Join one, then sign in again.",
		)
	}
	made.Owner = whaley.Owner{ID: "team_" + short(issuer, team), Name: shown(team)}
	return made, nil
}

// one is the value of a claim that has one: a text, a number, or a list of one of these.
func one(claim any) (value string, several bool) {
	switch v := claim.(type) {
	case string:
		return strings.TrimSpace(v), false
	case float64:
		return fmt.Sprint(v), false
	case []any:
		if len(v) == 1 {
			return one(v[0])
		}
		return "", len(v) > 1
	}
	return "", false
}

// short stands for a name: hexadecimal, and never a number as CTFd's accounts are.
func short(issuer, name string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + name))
	return "o" + hex.EncodeToString(sum[:10])
}

func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	for utf8.RuneCountInString(name) > longestName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}
