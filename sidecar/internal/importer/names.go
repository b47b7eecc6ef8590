package importer

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

const (
	definitionFile = "instance.toml"
	composeName    = "compose.yaml" // of a compose file that import writes
)

var (
	// generic are names of folders that say what is in them, and nothing of which challenge it is.
	generic = words(
		`deploy deployment deployments deployed docker dockerfiles src source sources server srv service services challenge
		challenges-files challenge-files challenge-src chall chal app apps application env environment build builds remote container containers
		infra infrastructure setup private dist distrib public release handout player files attachments attachment kctf jail host hosted hosting task problem prob
		bot bots adminbot admin-bot xssbot xss-bot frontend backend front-end back-end client api www html web webapp db database mysql nginx php python flask node proxy
		docker-compose compose image images give given to-give deliver deliverable deliverables for-user for-users for-player for-players prod production dev internal instance bin code solution sol solve solver exploit
		writeup test tests healthcheck deploy-challenge to-deploy for-deploy resources resource main chall-src data ctf ynetd xinetd socat wrapper local`,
	)
	// worse are those whose compose file or Dockerfile is not the one that is deployed.
	worse = words(
		`dist distrib public handout hand-out player players attachments attachment files release released releases given provided download downloads downloadable
		solution solutions solve solver solvers solves sol writeup writeups write-up exploit exploits test tests testing example examples template templates
		healthcheck health-check distfiles dist-files player-files give given to-give for-user for-users for-players for-player users local old backup bak archive poc`,
	)
	// solving are those of what solves or tests a challenge.
	solving = words(
		`solution solutions solve solver solvers solves writeup writeups write-up exploit exploits test tests testing healthcheck health-check`,
	)
	// handed are those of what players get.
	handed = words(
		`dist distrib public handout hand-out player players attachments attachment files release released distfiles dist-files player-files
		give given to-give for-user for-users for-player for-players`,
	)
	// better are those of what is deployed.
	better = words(
		`deploy deployment docker server service challenge chall chal app src source prod production remote private container`,
	)
	categories = words(
		`web webex web-exploitation pwn pwnable binary binex binary-exploitation crypto cryptography rev re reverse reversing reverse-engineering
		misc miscellaneous forensics forensic osint blockchain ppc programming jail pyjail hardware network networking ai ml steg stego steganography
		sandbox cloud mobile android game gamepwn kernel web3 smart-contract smart-contracts beginner warmup welcome sanity intro boot2root pentest iot misc-web scripting`,
	)
)

// named are categories that folders of challenges begin with.
var named = words(
	"web pwn crypto rev reverse reversing misc forensics osint blockchain ppc hardware network mobile stego steg",
)

// platforms are folders beside challenges with what runs the event itself.
var platforms = words("infra infrastructure platform ctfd rctf scoreboard monitoring grafana ansible terraform")

func words(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// hyphened is a name in lower case with hyphens for what separates its words.
func hyphened(name string) string {
	return strings.NewReplacer("_", "-", " ", "-", ".", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
}

func isGeneric(name string) bool { return generic[hyphened(name)] }

var numbering = regexp.MustCompile(`^[0-9]+[-_. ]+`)

func isCategory(name string) bool {
	return categories[hyphened(numbering.ReplaceAllString(name, ""))]
}

// identifier is the id that a name makes, or nothing if it has no letter or digit that an id can have.
func identifier(name string) string {
	if !strings.ContainsFunc(
		strings.ToLower(name), func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' },
	) {
		return ""
	}
	return challenge.DeriveID(name)
}

const maxID = 40

// unique is an id that no other challenge has: with the category in front, or with a number behind.
func unique(id, category string, taken map[string]bool) string {
	if !taken[id] && host.ValidChallenge(id) {
		return id
	}
	if first := identifier(category); first != "" {
		if with := identifier(first + "-" + id); !taken[with] && strings.HasSuffix(with, id) && host.ValidChallenge(with) {
			return with
		}
	}
	for n := 2; ; n++ {
		behind := "-" + strconv.Itoa(n)
		with := strings.TrimRight(id[:min(len(id), maxID-len(behind))], "-") + behind
		if !taken[with] {
			return with
		}
	}
}

// labelOf is what a challenge's id is made of: the closest folder's name that says which challenge it is.
func labelOf(f *folder, m metadata) string {
	for at := f; at != nil; at = at.parent {
		switch {
		case !isGeneric(at.name) && (at == f || !isCategory(at.name)):
			if identifier(at.name) != "" {
				return at.name
			}
			return cmp.Or(usable(m.name), at.name)
		case usable(m.name) != "":
			return m.name
		case at.parent == nil: // above it nothing was asked for, but its name may be the one that is known
			if above := filepath.Base(filepath.Dir(at.path)); !isGeneric(above) && !isCategory(above) && identifier(above) != "" {
				return above
			}
		}
	}
	return f.name
}

// usable is a name of which an id can be made, or nothing.
func usable(name string) string {
	if identifier(name) == "" {
		return ""
	}
	return name
}

// categoryOf is what metadata say, or the closest folder around it that is called as a category, or its parent.
func categoryOf(f *folder, m metadata) string {
	if m.category != "" {
		return short(m.category, maxCategory-1)
	}
	var around []string
	for at := f.parent; at != nil; at = at.parent {
		around = append(around, at.name)
	}
	top := f
	for top.parent != nil {
		top = top.parent
	}
	above := strings.Split(filepath.Dir(top.path), string(filepath.Separator))
	slices.Reverse(above)
	if at := slices.IndexFunc(append(slices.Clone(around), above[:min(len(above), 2)]...), isCategory); at >= 0 {
		return numbering.ReplaceAllString(append(slices.Clone(around), above...)[at], "")
	}
	for at := f; at != nil && at.parent != nil; at = at.parent { // web_login, crypto-rsa
		if first, _, more := strings.Cut(hyphened(at.name), "-"); more && named[first] {
			return first
		}
	}
	if f.parent != nil && f.parent.parent != nil && !isGeneric(f.parent.name) && identifier(f.parent.name) != "" {
		return short(f.parent.name, maxCategory-1)
	}
	return "misc"
}
