package host_test

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/host"
)

const base = "instances.localhost"

func TestJoinedNamesParseBack(t *testing.T) {
	for _, n := range []host.Name{
		{Challenge: "web", Slug: "abcdefghijklm"},
		{Challenge: "web-notes-2", Slug: "2234567abcdef"},
		{Route: "admin", Challenge: "web-notes", Slug: "abcdefghijklm"},
		{Route: "a-b", Challenge: strings.Repeat("x", 40), Slug: "abcdefghijklm"},
	} {
		joined := host.Join(n, base)
		for _, form := range []string{joined, joined + ":8080", strings.ToUpper(joined), joined + ".", joined + ".:80"} {
			got, ok := host.Parse(form, base)
			if !ok || got != n {
				t.Errorf("Parse(%q) = %+v %v, want %+v", form, got, ok, n)
			}
		}
	}
}

func TestWhatJoinCannotMakeIsRefused(t *testing.T) {
	const slug = "abcdefghijklm"
	for _, name := range []string{
		"", ".", base, "." + base, "web." + base, "-" + slug + "." + base, slug + "." + base,
		"web-" + slug, "web-" + slug + ".example.org", "web-" + slug + "x." + base, "web-abcdefghijkl1." + base,
		"a.web-" + slug + "." + base, "web--" + slug + "." + base, "--web-" + slug + "." + base,
		"a--b--web-" + slug + "." + base, "web_x-" + slug + "." + base, "web-" + slug + "." + base + ".evil.example",
		"wéb-" + slug + "." + base, strings.Repeat("x", 41) + "-" + slug + "." + base,
		"web-" + slug + "." + base + "@x", "[::1]:80", "127.0.0.1:8080", "web-" + slug + ". " + base,
	} {
		if n, ok := host.Parse(name, base); ok {
			t.Errorf("Parse(%q) took it as %+v", name, n)
		}
	}
	if _, ok := host.Parse("web-"+slug+".", ""); ok {
		t.Error("an empty base domain matches everything")
	}
}

func TestNamesThatBreakTheLabelAreInvalid(t *testing.T) {
	for _, id := range []string{"", "-a", "a-", "a--b", "A", "a_b", "a.b", strings.Repeat("a", 41), "ä"} {
		if host.ValidChallenge(id) {
			t.Errorf("ValidChallenge(%q)", id)
		}
		if host.ValidRoute(id) {
			t.Errorf("ValidRoute(%q)", id)
		}
	}
	if host.Fits(strings.Repeat("r", 20), strings.Repeat("c", 40)) {
		t.Error("a label of 76 bytes fits")
	}
	if !host.Fits("", strings.Repeat("c", 40)) {
		t.Error("the longest id does not fit alone")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("web-abcdefghijklm." + base)
	f.Add("a--web-abcdefghijklm." + base + ":80")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := host.Parse(s, base)
		if ok && host.Join(n, base) != host.Clean(s) {
			t.Errorf("Parse(%q) = %+v, which joins to %q", s, n, host.Join(n, base))
		}
	})
}

func TestNobodyIsSentToAnotherHost(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/a?b=c&d=%2F": "/a?b=c&d=%2F", "": "/", "a": "/", "//evil.example": "/", "https://evil.example": "/",
		"/\\evil.example": "/", "/a\r\nX: y": "/", "/\t/evil.example": "/", "/" + strings.Repeat("a", 2048): "/",
	} {
		if got := host.LocalPath(path); got != want {
			t.Errorf("%.40q: %q", path, got)
		}
	}
}

func TestNoSpellingOfAPathLeadsToAnotherHost(t *testing.T) {
	pieces := []string{"/", "\\", ".", "%2e", "\t", "\n", "\x00", " ", "@", ":", "?", "evil.example"}
	kept := 0
	var spell func(path string, more int)
	spell = func(path string, more int) {
		if more > 0 {
			for _, p := range pieces {
				spell(path+p, more-1)
			}
			return
		}
		got := host.LocalPath(path)
		// What browsers make of it: tabs and ends of lines are left out, and two slashes of either kind begin a host.
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(got)
		if !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") {
			t.Errorf("%q leads to %q", path, got)
		}
		if got != "/" {
			kept++
		}
	}
	spell("", 4)
	if kept < 500 {
		t.Errorf("only %d paths of this host are kept", kept)
	}
}
