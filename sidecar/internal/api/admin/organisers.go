package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// organiserJSON is an organiser with a key.
type organiserJSON struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	RevokedAt *time.Time `json:"revoked_at"` // null: it counts
	RevokedBy string     `json:"revoked_by"`
}

func organiserOf(k whaley.OrganiserKey) organiserJSON {
	return organiserJSON{k.ID, k.Name, string(k.Role), k.CreatedAt, k.CreatedBy, kit.Moment(k.RevokedAt), k.RevokedBy}
}

// ListOrganisers answers GET /admin/api/organisers.
func (a Handlers) ListOrganisers(w http.ResponseWriter, r *http.Request) error {
	if a.Organisers == nil {
		return kit.ErrNotFound
	}
	keys, err := a.Organisers.OrganiserKeys(r.Context())
	if err != nil {
		return err
	}
	all := []organiserJSON{}
	for _, k := range keys {
		all = append(all, organiserOf(k))
	}
	return kit.Write(w, http.StatusOK, map[string]any{"organisers": all})
}

type organiserRequest struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

// longestName is of an organiser, in characters.
const longestName = 60

func (q organiserRequest) Valid() error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if q.Name == "" || strings.TrimSpace(q.Name) != q.Name || utf8.RuneCountInString(q.Name) > longestName ||
		!utf8.ValidString(q.Name) || strings.ContainsFunc(q.Name, odd) {
		return whaley.Errorf(
			whaley.Invalid, "name_invalid", "name must have 1 to %d printable characters, and no space around them.", longestName,
		)
	}
	if identity.NameTaken(q.Name) {
		return whaley.Errorf(
			whaley.Invalid, "name_invalid", "name must not be what the log of events calls others: the admin key and CTFd's admins.",
		)
	}
	if !slices.Contains(whaley.Roles, whaley.Role(q.Role)) {
		return whaley.Errorf(whaley.Invalid, "role_invalid", "role must be viewer, operator or admin.")
	}
	return nil
}

// AddOrganiser makes a key for an organiser, which is in this answer and nowhere else.
func (a Handlers) AddOrganiser(w http.ResponseWriter, r *http.Request) error {
	if a.Organisers == nil {
		return kit.ErrNotFound
	}
	q, err := kit.Decode[organiserRequest](w, r)
	if err != nil {
		return err
	}
	k, secret, err := identity.NewOrganiserKey(q.Name, whaley.Role(q.Role), adminOf(r))
	if err != nil {
		return err
	}
	tell(r, whaley.Event{Type: "admin_organiser_key", Message: "key for " + k.Name + " (" + q.Role + ") made"})
	if err := a.Organisers.AddOrganiserKey(r.Context(), k); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return kit.Write(w, http.StatusCreated, struct {
		Organiser organiserJSON `json:"organiser"`
		Key       string        `json:"key"`
	}{organiserOf(k), secret})
}

// RevokeOrganiser ends that a key counts, and with it the sessions and streams that it began.
func (a Handlers) RevokeOrganiser(w http.ResponseWriter, r *http.Request) error {
	if a.Organisers == nil {
		return kit.ErrNotFound
	}
	tell(r, whaley.Event{Type: "admin_organiser_key"})
	if err := a.Organisers.RevokeOrganiserKey(r.Context(), kit.IDOf(r), adminOf(r), time.Now()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
