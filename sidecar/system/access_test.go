package system

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func strangers(t *testing.T, s *stack) {
	s.t = t
	sleeping := s.address(bob, "guarded")
	unknown := "http://echo-aaaaaaaaaaaaa." + strings.SplitN(hostOf(t, sleeping)+":"+portOf(t, sleeping), ".", 2)[1]
	s.running(bob, "manual") // so that one of bob's runs which mallory does not know of
	for _, accept := range []string{"*/*", "text/html"} {
		want := s.do(mallory, "GET", unknown+"/", nil, "Accept", accept, "X-Request-Id", "the-same-request-id")
		if want.Status != http.StatusNotFound {
			t.Errorf("an unknown host: %d", want.Status)
		}
		for what, address := range map[string]string{
			"another's sleeping host":     sleeping,
			"a challenge that is not":     strings.Replace(unknown, "echo-", "nothing-", 1),
			"a slug of another challenge": strings.Replace(sleeping, "guarded-", "echo-", 1),
			"a route that is not":         strings.Replace(sleeping, "guarded-", "admin--guarded-", 1),
		} {
			got := s.do(mallory, "GET", address+"/", nil, "Accept", accept, "X-Request-Id", "the-same-request-id")
			if got.Status != want.Status || shape(got.Body) != shape(want.Body) {
				t.Errorf(
					"%s is told from an unknown host: %d %.200q, want %d %.200q", what, got.Status, shape(got.Body), want.Status,
					shape(want.Body),
				)
			}
		}
	}
	if in := s.live(bob, "guarded"); in != nil {
		t.Errorf("a stranger's request woke %s", in.ID)
	}
	s.running(bob, "guarded")
	if got := s.do(mallory, "GET", sleeping+"/", nil); got.Status != http.StatusNotFound {
		t.Errorf("a stranger at a running host of access owner: %d", got.Status)
	}
	if got := s.do(bob, "GET", sleeping+"/", nil); got.Status != http.StatusOK {
		t.Errorf("its owner: %d", got.Status)
	}
	if got := s.do(mallory, "GET", s.address(bob, "manual")+"/", nil); got.Status != http.StatusOK {
		t.Errorf("whoever has the address of a running host of access link: %d", got.Status)
	}
	// A header cannot make anybody somebody else.
	if got := s.do(mallory, "GET", sleeping+"/", nil, "X-Forwarded-For", bob, "X-Real-Ip", bob, "Forwarded", "for="+bob); got.Status != http.StatusNotFound {
		t.Errorf("with bob's address in a header: %d", got.Status)
	}
	var me struct{ User struct{ Name string } }
	got := s.do(mallory, "GET", s.dashboard+"/me", nil, "X-Forwarded-For", bob)
	if err := json.Unmarshal([]byte(got.Body), &me); err != nil || me.User.Name != mallory {
		t.Errorf("the API takes mallory for %q (%s)", me.User.Name, got.Body)
	}
	var theirs = s.live(bob, "guarded")
	for _, method := range []string{"GET", "DELETE"} {
		if got := s.do(mallory, method, s.dashboard+"/instances/"+theirs.ID, nil); got.Status != http.StatusNotFound {
			t.Errorf("%s of another's instance: %d", method, got.Status)
		}
	}
}

var nonces = regexp.MustCompile(`nonce[-="]+[^"'; ]+`)

// shape is a body without what differs between two requests: ids and one-time values.
func shape(body string) string {
	var p map[string]any
	if json.Unmarshal([]byte(body), &p) == nil {
		delete(p, "request_id")
		text, _ := json.Marshal(p)
		return string(text)
	}
	return nonces.ReplaceAllString(body, "nonce")
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// ticketFor walks the way of a browser: dashboard, one-time code, cookie.
func ticketFor(t *testing.T, s *stack, player, address string) string {
	t.Helper()
	const nonce = "bm9uY2Utb2YtdGhlLXRlc3Q"
	first := s.do(player, "GET", s.dashboard+"/auth/instance?"+url.Values{
		"host": {hostOf(t, address)}, "nonce": {nonce}, "path": {"/page?x=1"}}.Encode(), nil)
	if first.Status != http.StatusSeeOther {
		t.Fatalf("the dashboard gave no code: %d %s", first.Status, first.Body)
	}
	exchange := first.Header.Get("Location")
	for _, cookie := range []string{"", "whaley_nonce=b3RoZXI"} {
		if got := s.do(player, "GET", exchange, nil, "Cookie", cookie); got.Status < 400 {
			t.Errorf("a code was taken with the cookie %q: %d", cookie, got.Status)
		}
	}
	second := s.do(player, "GET", exchange, nil, "Cookie", "whaley_nonce="+nonce)
	if second.Status != http.StatusSeeOther || second.Header.Get("Location") != "/page?x=1" {
		t.Fatalf("the code was not taken: %d %v %s", second.Status, second.Header, second.Body)
	}
	if got := s.do(player, "GET", exchange, nil, "Cookie", "whaley_nonce="+nonce); got.Status < 400 {
		t.Errorf("a code was taken twice: %d", got.Status)
	}
	for _, c := range (&http.Response{Header: second.Header}).Cookies() {
		if c.Name == "whaley" {
			if !c.HttpOnly || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
				t.Errorf("the ticket's cookie: %+v", c)
			}
			return c.Value
		}
	}
	t.Fatalf("no ticket in %v", second.Header)
	return ""
}

func tickets(t *testing.T, s *stack) {
	s.t = t
	guarded, echo := s.address(bob, "guarded"), s.address(bob, "echo")
	ticket := ticketFor(t, s, bob, guarded)
	if got := s.do(
		mallory, "GET", s.dashboard+"/auth/instance?host="+hostOf(t, guarded)+"&nonce=bm9uY2Utb2YtdGhlLXRlc3Q&path=/", nil,
	); got.Status != http.StatusNotFound {
		t.Errorf("a code for another's host: %d", got.Status)
	}
	middle := len(ticket) / 2
	for what, c := range map[string]struct {
		address, ticket string
		want            int
	}{
		"the right one":   {guarded, ticket, http.StatusOK},
		"none":            {guarded, "", http.StatusNotFound},
		"another host's":  {guarded, ticketFor(t, s, bob, echo), http.StatusNotFound},
		"one letter less": {guarded, ticket[:len(ticket)-1], http.StatusNotFound},
		"one letter else": {guarded, ticket[:middle] + flip(ticket[middle]) + ticket[middle+1:], http.StatusNotFound},
		"garbage":         {guarded, strings.Repeat("A", 5000), http.StatusNotFound},
	} {
		if got := s.do(mallory, "GET", c.address+"/", nil, "X-Whaley-Ticket", c.ticket); got.Status != c.want {
			t.Errorf("with %s as header: %d, want %d", what, got.Status, c.want)
		}
		if got := s.do(mallory, "GET", c.address+"/", nil, "Cookie", "whaley="+c.ticket); got.Status != c.want {
			t.Errorf("with %s as cookie: %d, want %d", what, got.Status, c.want)
		}
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func credentials(t *testing.T, s *stack) {
	s.t = t
	address := s.address(bob, "guarded")
	ticket := ticketFor(t, s, bob, address)
	got := s.do(mallory, "GET", address+"/headers", nil, "X-Whaley-Ticket", ticket, "X-Whaley-Owner", "root",
		"Cookie", "mine=1; whaley="+ticket+"; __Host-whaley="+ticket+"; whaley_nonce=n; other=2")
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if strings.Contains(got.Body, ticket) || strings.Contains(strings.ToLower(got.Body), "whaley_nonce") ||
		strings.Contains(got.Body, "X-Whaley") {
		t.Errorf("the container saw %s", got.Body)
	}
	if !strings.Contains(got.Body, "mine=1") || !strings.Contains(got.Body, "other=2") {
		t.Errorf("the container did not see its own cookies: %s", got.Body)
	}
}
