package cheating_test

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestItIsSaidTrulyHowAFlagWasEntered(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	random := strings.TrimSuffix(value[strings.LastIndex(value, "_")+1:], "}")
	for n, one := range []struct{ provided, says string }{
		{value, ""},
		{" " + value + "\n", ""},
		{strings.ToUpper(value), "It was entered in another case."},
		{"the flag is " + value + "!", "It was entered with other text around it."},
		{"> " + strings.ToUpper(value), "It was entered in another case, with other text around it."},
		{random, "Only its random part was entered."},
		{strings.ToUpper(random), "Only its random part was entered."},
		{"CTF{" + random + "}", "Its random part was entered in other text than the flag's."},
		{strings.Replace(value, "{", "{\u200b", 1), "Its random part was entered in other text than the flag's."},
	} {
		w.submit(100+n, "web", one.provided)
		found := w.check(false).Found
		if len(found) != 1 {
			t.Errorf("%q: found %d", one.provided, len(found))
			continue
		}
		says := ""
		for _, r := range found[0].Reasons {
			if r.Code == "not_exact" {
				says = r.Text
			}
		}
		if says != one.says {
			t.Errorf("%q: says %q, not %q", one.provided, says, one.says)
		}
	}
	if all := w.list(whaley.SuspicionFilter{}); len(all) != 9 {
		t.Errorf("%d entries", len(all))
	}
}

func TestFiftyNewSubmissionsCostFewRows(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	for range 1030 {
		w.submit(10, "web", "guess")
	}
	w.check(false)
	for range 50 {
		w.submit(10, "web", "later")
	}
	// At most four pages of 50: the new ones, and those before in which some may have appeared late.
	if got := w.check(false); got.Full || got.Examined < 50 || got.Examined > 200 || got.Requests > 5 {
		t.Errorf("%+v", got)
	}
}
