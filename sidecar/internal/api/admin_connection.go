package api

import (
	"net/http"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

type connectionJSON struct {
	SignIn signInPageJSON       `json:"sign_in"`
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
func (a *API) connection() error {
	if a.Connection == nil {
		return flag.ErrNoCTFd
	}
	return nil
}

func (a *API) getConnection(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	if err := a.Connection.Look(r.Context()); err != nil {
		return err
	}
	return a.showConnection(w)
}

func (a *API) showConnection(w http.ResponseWriter) error {
	now := a.Connection.Standing()
	j := connectionJSON{SignIn: signInPageJSON{string(now.SignIn.State), now.SignIn.URL, now.SignIn.Detail}, Links: []connectionLinkJSON{}}
	for _, ch := range a.Challenges.All() {
		if link, ok := now.Links[ch.ID]; ok {
			j.Links = append(j.Links, connectionLinkJSON{ch.ID, string(link.State), link.Text, a.Connection.Of(ch.ID)})
		}
	}
	return write(w, http.StatusOK, j)
}

// makeConnection makes the page that signs in, and writes the links of all mapped challenges where nothing else is.
func (a *API) makeConnection(w http.ResponseWriter, r *http.Request) error {
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
	if err := a.audit(r, instancer.Event{Type: "admin_connection", Message: message}); err != nil {
		return err
	}
	return a.showConnection(w)
}

// removeConnection takes both out of CTFd again.
func (a *API) removeConnection(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	if err := a.Connection.RemoveSignIn(r.Context()); err != nil {
		return err
	}
	if err := a.Connection.RemoveLinks(r.Context()); err != nil {
		return err
	}
	if err := a.audit(r, instancer.Event{Type: "admin_connection", Message: "took the sign-in page and the links out of CTFd"}); err != nil {
		return err
	}
	return a.showConnection(w)
}
