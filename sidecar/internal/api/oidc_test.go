package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
)

// accounts are a provider's, each with a team claim as the test wants it.
type accounts struct {
	*storage.Storage
	mu    sync.Mutex
	claim any
}

func (a *accounts) setTeam(claim any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claim = claim
}

func (a *accounts) SetUserinfoFromToken(
	ctx context.Context, info *zitadel.UserInfo, token, subject, origin string,
) error {
	if err := a.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.claim != nil {
		info.AppendClaims("team", a.claim)
	}
	return nil
}

// signedIn is a surface whose players come from a real OpenID Connect provider.
type signedIn struct {
	*surface
	accounts  *accounts
	provider  *httptest.Server
	dashboard *httptest.Server
	codes     atomic.Int64 // that the provider was asked about
}

const oidcSecret = "secret of whaley at the provider"

func newSignedIn(t *testing.T, with ...func(*api.Needs, *api.Options)) *signedIn {
	t.Helper()
	s := &signedIn{}
	var provider, dashboard http.Handler
	later := func(h *http.Handler) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h).ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		return server
	}
	s.provider, s.dashboard = later(&provider), later(&dashboard)
	callback := s.dashboard.URL + "/auth/oidc/callback"
	s.accounts = &accounts{Storage: storage.NewStorageWithClients(
		storage.NewUserStore(s.provider.URL), map[string]*storage.Client{
			"whaley": storage.WebClient("whaley", oidcSecret, callback),
		},
	)}
	asked := exampleop.SetupServer(
		s.provider.URL, s.accounts, slog.New(slog.DiscardHandler), false, op.WithAllowInsecure(),
	)
	provider = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			s.codes.Add(1)
		}
		asked.ServeHTTP(w, r)
	})
	s.surface = newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, o *api.Options) {
		o.AuthMode = wire.AuthOIDC
		o.Dashboard, _ = url.Parse(s.dashboard.URL)
		n.Members = identity.NewMembers(n.Sessions, func() time.Duration { return time.Hour })
		n.Provider = oidc.New(oidc.Options{
			Issuer: s.provider.URL, ClientID: "whaley", ClientSecret: oidcSecret, Redirect: callback,
			Scopes:    []string{"openid", "profile"},
			NameClaim: "preferred_username", TeamClaim: "team",
		})
		n.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(
				w, "page "+r.URL.RequestURI(),
			)
		})
		for _, set := range with {
			set(n, o)
		}
	})
	dashboard = s.public
	return s
}

// person is a browser.
type person struct {
	t      *testing.T
	client *http.Client
}

func newPerson(t *testing.T) *person {
	jar, _ := cookiejar.New(nil)
	return &person{t, &http.Client{Jar: jar}}
}

func (p *person) open(method, address string, form url.Values) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer w.Body.Close()
	text, _ := io.ReadAll(w.Body)
	return w, string(text)
}

// signIn goes to the provider from a page of the dashboard, and signs in there; the answer is where that ends.
func (s *signedIn) signIn(p *person, from string) string {
	s.t.Helper()
	w, _ := p.open("GET", s.dashboard.URL+from, nil)
	if !strings.HasPrefix(w.Request.URL.String(), s.provider.URL+"/login/") {
		s.t.Fatalf("%s leads to %s", from, w.Request.URL)
	}
	w, text := p.open("POST", s.provider.URL+"/login/username", url.Values{
		"id": {w.Request.URL.Query().Get("authRequestID")}, "username": {"test-user@" + hostOf(s.provider.URL)},
		"password": {"verysecure"},
	})
	if strings.HasPrefix(w.Request.URL.String(), s.provider.URL) {
		s.t.Fatalf("the provider does not let them in: %s", text)
	}
	return strings.TrimPrefix(w.Request.URL.String(), s.dashboard.URL)
}

func hostOf(address string) string {
	u, _ := url.Parse(address)
	return u.Hostname()
}

func (s *signedIn) me(p *person) (me struct {
	User, Owner struct{ ID, Name string }
	TeamMode    bool `json:"team_mode"`
}) {
	s.t.Helper()
	_, text := p.open("GET", s.dashboard.URL+"/me", nil)
	w := httptest.NewRecorder()
	w.WriteString(text)
	s.into(w, &me)
	return me
}

func TestPlayersSignInAtAnOpenIDProviderAndPlayInTheirTeams(t *testing.T) {
	s := newSignedIn(t)
	s.accounts.setTeam("Red Pandas")
	ada := newPerson(t)
	if w, _ := ada.open("GET", s.dashboard.URL+"/me", nil); w.StatusCode != http.StatusUnauthorized {
		t.Errorf("before: %d", w.StatusCode)
	}
	if at := s.signIn(ada, "/auth/oidc?next=%2F%3Fchallenge%3Dquick"); at != "/?challenge=quick" {
		t.Errorf("it ends at %s", at)
	}
	me := s.me(ada)
	if me.User.Name != "test-user@"+hostOf(s.provider.URL) || me.Owner.Name != "Red Pandas" || !me.TeamMode ||
		me.User.ID == me.Owner.ID {
		t.Errorf("%+v", me)
	}
	// The same account in another browser is the same player, in a list of one team too; in another team it is not.
	bob := newPerson(t)
	s.accounts.setTeam([]string{"Red Pandas"})
	s.signIn(bob, "/auth/oidc")
	if again := s.me(bob); again != me {
		t.Errorf("%+v and %+v", again, me)
	}
	s.accounts.setTeam("Blue Foxes")
	s.signIn(bob, "/auth/oidc?next=//evil.example")
	if moved := s.me(bob); moved.Owner.ID == me.Owner.ID || moved.User.ID != me.User.ID {
		t.Errorf("%+v", moved)
	}
	for what, claim := range map[string]any{"team_required": "", "teams_several": []string{"a", "b"}} {
		s.accounts.setTeam(claim)
		if at := s.signIn(newPerson(t), "/auth/oidc"); at != "/login?failed="+what+"&stay=yes" {
			t.Errorf("%s: it ends at %s", what, at)
		}
	}
	// Signing out ends the session.
	if w, _ := ada.open("POST", s.dashboard.URL+"/auth/logout", url.Values{}); w.StatusCode != http.StatusNoContent {
		t.Errorf("%d", w.StatusCode)
	}
	if w, _ := ada.open("GET", s.dashboard.URL+"/me", nil); w.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", w.StatusCode)
	}
}

// TestASignInThatAnotherBrowserBeganCountsNowhere: nobody is signed in as somebody else by a link.
func TestASignInThatAnotherBrowserBeganCountsNowhere(t *testing.T) {
	s := newSignedIn(t)
	s.accounts.setTeam("Red Pandas")
	mallory, victim := newPerson(t), newPerson(t)
	var back string
	mallory.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.dashboard.URL+"/auth/oidc/callback") {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	s.signInHeld(mallory)
	if back == "" {
		t.Fatal("the provider did not send the browser back")
	}
	foreign := func(what, address string) {
		t.Helper()
		if w, _ := victim.open("GET", address, nil); !strings.Contains(w.Request.URL.RawQuery, "failed=sign_in_foreign") {
			t.Errorf("%s: it ends at %s", what, w.Request.URL)
		}
	}
	foreign("another browser's", back)
	victim.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == hostAndPort(s.provider.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	victim.open("GET", s.dashboard.URL+"/auth/oidc", nil) // has begun one of its own
	foreign("another attempt's", back)
	foreign("without a state", s.dashboard.URL+"/auth/oidc/callback?code=x")
	mallory.client.CheckRedirect = nil
	if w, _ := mallory.open("GET", back, nil); w.Request.URL.Path != "/" {
		t.Errorf("its own: %s", w.Request.URL)
	}
	if w, _ := mallory.open("GET", back, nil); !strings.Contains(w.Request.URL.RawQuery, "failed=sign_in_foreign") {
		t.Errorf("a second time: %s", w.Request.URL)
	}
}

// signInHeld is signIn of who does not follow the last redirect.
func (s *signedIn) signInHeld(p *person) {
	s.t.Helper()
	w, _ := p.open("GET", s.dashboard.URL+"/auth/oidc", nil)
	p.open("POST", s.provider.URL+"/login/username", url.Values{
		"id": {w.Request.URL.Query().Get("authRequestID")}, "username": {"test-user@" + hostOf(s.provider.URL)},
		"password": {"verysecure"},
	})
}

func hostAndPort(address string) string {
	u, _ := url.Parse(address)
	return u.Host
}

// TestACheckSaysWhatIsWrongWithTheProvider asks a real one, as a doctor would before players come.
func TestACheckSaysWhatIsWrongWithTheProvider(t *testing.T) {
	s := newSignedIn(t)
	right := oidc.Options{
		Issuer: s.provider.URL, ClientID: "whaley", ClientSecret: oidcSecret,
		Redirect: s.dashboard.URL + "/auth/oidc/callback",
		Scopes:   []string{"openid", "profile"}, NameClaim: "preferred_username",
	}
	for what, c := range map[string]struct {
		change func(*oidc.Options)
		says   string
	}{
		"all right":        {func(*oidc.Options) {}, ""},
		"a slash more":     {func(o *oidc.Options) { o.Issuer += "/" }, "calls itself otherwise"},
		"no address":       {func(o *oidc.Options) { o.Issuer = "id.example.org" }, "is not an address"},
		"no provider":      {func(o *oidc.Options) { o.Issuer = s.dashboard.URL }, "/.well-known/openid-configuration"},
		"nothing there":    {func(o *oidc.Options) { o.Issuer = "http://127.0.0.1:1" }, "refused"},
		"another client":   {func(o *oidc.Options) { o.ClientID = "other" }, "other"},
		"another way":      {func(o *oidc.Options) { o.Redirect = "https://whaley.example/auth/oidc/callback" }, "whaley"},
		"a scope too much": {func(o *oidc.Options) { o.Scopes = append(o.Scopes, "teams-of-ctf") }, "teams-of-ctf"},
	} {
		opts := right
		opts.Scopes = []string{"openid", "profile"}
		c.change(&opts)
		problem, mend := oidc.New(opts).Check(t.Context())
		if (c.says == "") != (problem == "") || !strings.Contains(problem, c.says) || problem != "" && mend == "" {
			t.Errorf("%s: %q, %q", what, problem, mend)
		}
	}
}

func TestAProviderThatIsAwaySignsNobodyInAndIsAskedAgain(t *testing.T) {
	s := newSignedIn(t)
	s.provider.Close()
	if w, _ := newPerson(t).open("GET", s.dashboard.URL+"/auth/oidc", nil); w.Request.URL.RequestURI() != "/login?failed=oidc_unavailable&stay=yes" {
		t.Errorf("it ends at %s", w.Request.URL)
	}
}

// TestGuessedCodesAreCountedBeforeTheProviderIsAsked comes back with codes of nobody's, each time in the attempt that
// was begun.
func TestGuessedCodesAreCountedBeforeTheProviderIsAsked(t *testing.T) {
	s := newSignedIn(t, func(n *api.Needs, o *api.Options) {
		n.Limiter = limit.NewLocal()
		o.Limits = func() api.Limits { return api.Limits{Attempts: 5} }
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	begun, err := client.Get(s.dashboard.URL + "/auth/oidc")
	if err != nil {
		t.Fatal(err)
	}
	begun.Body.Close()
	to, err := begun.Location()
	if err != nil || len(begun.Cookies()) != 1 {
		t.Fatal(err, begun.Cookies())
	}
	statuses := map[int]int{}
	for range 20 {
		r, err := http.NewRequest(
			"GET", s.dashboard.URL+"/auth/oidc/callback?code=guess&state="+url.QueryEscape(to.Query().Get("state")), nil,
		)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(begun.Cookies()[0])
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		statuses[w.StatusCode]++
	}
	// some clients try two ways
	if statuses[http.StatusTooManyRequests] != 15 || s.codes.Load() == 0 || s.codes.Load() > 10 {
		t.Errorf("%v, and the provider is asked %d times", statuses, s.codes.Load())
	}
}

// TestAProviderWithoutEndIsNotReadToTheEnd has it answer for ever.
func TestAProviderWithoutEndIsNotReadToTheEnd(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for part := make([]byte, 64<<10); r.Context().Err() == nil; {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	began := time.Now()
	if err := oidc.New(oidc.Options{Issuer: endless.URL}).Find(t.Context()); err == nil || time.Since(began) > 9*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
