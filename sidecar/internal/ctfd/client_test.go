package ctfd_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func client(t *testing.T, url, key string) *ctfd.Client {
	t.Helper()
	c, err := ctfd.New(url, ctfd.Fixed(key), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAccountsAreReadAsTheAdminSeesThem(t *testing.T) {
	s := ctfdtest.New(t)
	s.SetMode("teams")
	ctx := context.Background()
	red := s.AddTeam(ctfdtest.Team{Name: "red", Banned: true})
	alice := s.AddUser(ctfdtest.User{Name: "alice", Team: red, Banned: true, Hidden: true})
	c := client(t, s.URL, s.Admin)
	if id, err := c.Me(ctx, s.Token(alice)); err != nil || id != alice {
		t.Errorf("a banned player's token is let through by CTFd: %d %v", id, err)
	}
	user, err := c.User(ctx, alice)
	if diff := cmp.Diff(whaley.Account{ID: alice, Name: "alice", Team: red, Banned: true}, user); diff != "" || err != nil {
		t.Error(diff, err)
	}
	team, err := c.Team(ctx, red)
	if diff := cmp.Diff(whaley.Team{ID: red, Name: "red", Members: []int{alice}, Banned: true}, team); diff != "" ||
		err != nil {
		t.Error(diff, err)
	}
	if admin, err := c.User(ctx, 1); err != nil || !admin.Admin {
		t.Errorf("%+v %v", admin, err)
	}
	if _, err := c.User(ctx, 99); whaley.CodeOf(err) != ctfd.CodeNotFound {
		t.Error(err)
	}
}

func TestTheModeIsReadOrFoundOut(t *testing.T) {
	s := ctfdtest.New(t)
	c := client(t, s.URL, s.Admin)
	for range 2 {
		for mode, teams := range map[string]bool{"teams": true, "users": false} {
			s.SetMode(mode)
			if got, err := c.TeamMode(context.Background()); err != nil || got != teams {
				t.Errorf("%s: %v %v", mode, got, err)
			}
		}
		s.PresetMode() // and now without a row
	}
}

func TestATokenThatIsNoneIsRefusedWithAReason(t *testing.T) {
	s := ctfdtest.New(t)
	c := client(t, s.URL, s.Admin)
	id := s.AddUser(ctfdtest.User{Name: "alice"})
	for token, word := range map[string]string{
		"ctfd_x": "does not know", s.TokenUntil(id, time.Now().Add(-time.Second)): "expired",
	} {
		_, err := c.Me(context.Background(), token)
		var e *whaley.Error
		if !errors.As(err, &e) || e.Code != whaley.CodeTokenRefused || e.Kind != whaley.Unauthorized ||
			!strings.Contains(e.Detail, word) {
			t.Errorf("%v", err)
		}
	}
}

func TestTheKeyMustBeAnAdmins(t *testing.T) {
	s := ctfdtest.New(t)
	if _, err := client(t, s.URL, s.Admin).TeamMode(context.Background()); err != nil {
		t.Error(err)
	}
	id := s.AddUser(ctfdtest.User{Name: "alice"})
	if _, err := client(t, s.URL, s.Token(id)).TeamMode(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "CTFD_API_KEY") {
		t.Error(err)
	}
	if _, err := client(t, s.URL, s.Token(id)).User(context.Background(), id); err == nil {
		t.Error("a view without bans was taken")
	}
}

func TestWhatIsNotTheAPIIsNamedAsSuch(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"a redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/setup", http.StatusFound) },
		"a page":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<!doctype html>") },
		"no success":  func(w http.ResponseWriter, _ *http.Request) { json(w, `{"success": false}`) },
		"other types": func(w http.ResponseWriter, _ *http.Request) { json(w, `{"success": true, "data": {"id": "x"}}`) },
		"half":        func(w http.ResponseWriter, _ *http.Request) { json(w, `{"success": true, "da`) },
	} {
		s := httptest.NewServer(answer)
		if _, err := client(t, s.URL, "k").Me(context.Background(), "t"); whaley.CodeOf(err) != ctfd.CodeMisconfigured {
			t.Errorf("%s: %v", what, err)
		}
		s.Close()
	}
}

func json(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, text)
}

func TestTheFourShapesOfErrorsAreRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"message": "no"}`: "no",
		`{"success": false, "errors": {"challenge_id": ["Not a valid integer.", "really"]}}`: "challenge_id: Not a valid integer., really",
		`{"success": false, "errors": {"challenge_id": "value is not a valid integer"}}`:     "challenge_id: value is not a valid integer",
		`{"success": false, "errors": {"": "both"}, "message": "with a text"}`:               "with a text : both",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, body)
		}))
		_, err := client(t, s.URL, "k").Me(context.Background(), "t")
		var said *ctfd.Refusal
		if !errors.As(err, &said) || said.Status != 400 || whaley.CodeOf(err) != ctfd.CodeInvalid ||
			!strings.Contains(said.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
		s.Close()
	}
}

func TestACTFdThatDoesNotAnswerIsNotWaitedForAgainAndAgain(t *testing.T) {
	s := ctfdtest.New(t)
	c := client(t, s.URL, s.Admin)
	s.Down()
	for range 5 {
		if _, err := c.User(context.Background(), 1); whaley.CodeOf(err) != whaley.CodeCTFdUnavailable {
			t.Error(err)
		}
	}
	asked := s.Calls("GET /api/v1/users/1")
	if _, err := c.User(context.Background(), 1); whaley.CodeOf(err) != whaley.CodeCTFdUnavailable ||
		s.Calls("GET /api/v1/users/1") != asked {
		t.Errorf("it was asked although it had not answered five times: %v", err)
	}
	s.Recover()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := c.User(context.Background(), 1); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("not asked again: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestASlowCTFdEndsWithTheCallersDeadline(t *testing.T) {
	s := ctfdtest.New(t)
	s.Slow()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := client(t, s.URL, s.Admin).User(ctx, 1); whaley.CodeOf(err) != whaley.CodeCTFdUnavailable ||
		time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	s.Recover()
}

func TestTheStubHasTheTrapsOfCTFd(t *testing.T) {
	s := ctfdtest.New(t)
	alice := s.Token(s.AddUser(ctfdtest.User{Name: "alice"}))
	for what, c := range map[string]struct {
		method, path, token, kind string
		status                    int
		body                      string
	}{
		"no content type":       {"GET", "/users/me", "Token " + alice, "", 302, "html"},
		"another content type":  {"GET", "/users/me", "Token " + alice, "text/plain", 302, "html"},
		"with a charset":        {"GET", "/users/me", "Zork " + alice, "application/json; charset=utf-8", 200, "alice"},
		"nobody":                {"GET", "/users/me", "", "application/json", 403, "permission"},
		"no space":              {"GET", "/users/me", alice, "application/json", 401, "Invalid authorization header"},
		"a wrong token":         {"GET", "/users/me", "Token wrong", "application/json", 401, "invalid"},
		"a player as an admin":  {"GET", "/configs/user_mode", "Token " + alice, "application/json", 403, "permission"},
		"another method":        {"PUT", "/users/me", "Token " + alice, "application/json", 404, "message"},
		"a path that is not":    {"GET", "/nothing", "Token " + alice, "application/json", 404, "html"},
		"no teams":              {"GET", "/teams/me", "Token " + alice, "application/json", 404, "message"},
		"a hidden admin's page": {"GET", "/users/1", "Token " + alice, "application/json", 404, "message"},
	} {
		r, _ := http.NewRequest(c.method, s.URL+"/api/v1"+c.path, nil)
		r.Header.Set("Authorization", c.token)
		if c.token == "" {
			r.Header.Del("Authorization")
		}
		r.Header.Set("Content-Type", c.kind)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(text), c.body) {
			t.Errorf("%s: %d %s", what, resp.StatusCode, text)
		}
	}
}

// TestASessionThatEndedIsBegunAnew answers calls that show a cookie as CTFd answers a page, once its session has ended.
func TestASessionThatEndedIsBegunAnew(t *testing.T) {
	for what, refuse := range map[string]func(http.ResponseWriter){
		"sent to sign in": func(w http.ResponseWriter) { w.Header().Set("Location", "/login"); w.WriteHeader(http.StatusFound) },
		"a page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
		},
	} {
		ended, with, without := false, 0, 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie("session"); err == nil {
				if with++; ended {
					refuse(w)
					return
				}
			} else {
				without++
			}
			w.Header().Set("Set-Cookie", "session=1; Path=/")
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"success": true, "data": {"id": 2, "type": "user"}}`)
		}))
		c := client(t, s.URL, "key")
		for n := range 3 {
			if ended = n == 2; ended && (with != 1 || without != 1) {
				t.Errorf("%s: %d calls with the cookie, %d without", what, with, without)
			}
			if _, err := c.User(context.Background(), 2); err != nil {
				t.Errorf("%s, call %d: %v", what, n, err)
			}
		}
		if with != 2 || without != 2 {
			t.Errorf("%s: %d calls with the cookie, %d without", what, with, without)
		}
		s.Close()
	}
}
