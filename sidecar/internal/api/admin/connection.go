package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type connectionJSON struct {
	SignIn signInPageJSON       `json:"sign_in"`
	Window bool                 `json:"window"`
	Links  []connectionLinkJSON `json:"links"`
}

type signInPageJSON struct {
	State  string `json:"state"`
	URL    string `json:"url"`
	Detail string `json:"detail"`
}

type connectionLinkJSON struct {
	Challenge string `json:"local_challenge_id"`
	State     string `json:"state"`
	Text      string `json:"text"`
	Link      string `json:"link"` // what Whaley writes
}

// connection refuses where there is no CTFd.
func (a Handlers) connection() error {
	if a.Connection == nil {
		return whaley.ErrNoCTFd
	}
	return nil
}

// GetConnection answers GET /admin/api/ctfd/connection.
func (a Handlers) GetConnection(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	if err := a.Connection.Look(r.Context()); err != nil {
		return err
	}
	return a.showConnection(w)
}

func (a Handlers) showConnection(w http.ResponseWriter) error {
	now := a.Connection.Standing()
	j := connectionJSON{
		SignIn: signInPageJSON{string(now.SignIn.State), now.SignIn.URL, now.SignIn.Detail}, Window: now.Window,
		Links: []connectionLinkJSON{},
	}
	for _, ch := range a.Challenges.All() {
		if link, ok := now.Links[ch.ID]; ok {
			j.Links = append(j.Links, connectionLinkJSON{ch.ID, string(link.State), link.Text, a.Connection.Of(ch.ID)})
		}
	}
	return kit.Write(w, http.StatusOK, j)
}

// MakeConnection makes the page that signs in, and writes the links of all mapped challenges where nothing else is.
func (a Handlers) MakeConnection(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	if err := a.Connection.MakeSignIn(r.Context()); err != nil {
		return err
	}
	others, err := a.Connection.WriteLinks(r.Context())
	if err != nil {
		return err
	}
	message := "made the sign-in page in CTFd and wrote the challenges' links"
	if len(others) > 0 {
		message += "; an author's own text stays for " + strings.Join(others, ", ")
	}
	a.audit(r, whaley.Event{Type: "admin_connection", Message: message})
	return a.showConnection(w)
}

type windowRequest struct {
	On bool `json:"on"`
}

func (windowRequest) Valid() error { return nil }

// SetWindow has CTFd show instances in its challenge window, or no more.
func (a Handlers) SetWindow(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	body, err := kit.Decode[windowRequest](w, r)
	if err != nil {
		return err
	}
	if err := a.Connection.ShowWindow(r.Context(), body.On); err != nil {
		return err
	}
	message := "took the instances out of CTFd's challenge window"
	if body.On {
		message = "put the instances into CTFd's challenge window"
	}
	a.audit(r, whaley.Event{Type: "admin_connection", Message: message})
	return a.showConnection(w)
}

// WindowScript is the script that CTFd's pages load.
func (a Handlers) WindowScript(w http.ResponseWriter, r *http.Request) error {
	if a.Connection == nil {
		return kit.ErrNotFound
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=300")
	script := a.Connection.WindowScript()
	if r.URL.Query().Get("from") == "plugin" {
		script = a.Connection.PluginScript()
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(script))
	return nil
}

// RemoveConnection takes all of it out of CTFd again.
func (a Handlers) RemoveConnection(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	if err := a.Connection.RemoveSignIn(r.Context()); err != nil {
		return err
	}
	if err := a.Connection.ShowWindow(r.Context(), false); err != nil {
		return err
	}
	if err := a.Connection.RemoveLinks(r.Context()); err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_connection", Message: "took the sign-in page and the links out of CTFd"})
	return a.showConnection(w)
}
