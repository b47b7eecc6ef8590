package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type adminChallengeJSON struct {
	ID          string                `json:"id"`
	Folder      string                `json:"folder"`
	Name        string                `json:"name"`
	Category    string                `json:"category"`
	Loaded      bool                  `json:"loaded"`  // players can be given it
	Current     bool                  `json:"current"` // what they are given is what the folder holds
	Active      bool                  `json:"active"`
	Revision    string                `json:"revision"`
	Services    []string              `json:"services"`
	Instances   int                   `json:"instances"`
	Waiting     int                   `json:"waiting"` // made ahead of their owners, at their gates
	Warm        int                   `json:"warm"`    // made ahead and started
	Resources   resourcesJSON         `json:"resources"`
	Overrides   resourcesJSON         `json:"overrides"`
	OpensAt     *time.Time            `json:"opens_at"`  // for players; nil: it waits for no time
	OpensSet    *time.Time            `json:"opens_set"` // what organisers have set; nil: as the files say
	Most        resourcesJSON         `json:"most"`      // that any instance may have
	Problems    []kit.FileProblemJSON `json:"problems"`
	Notes       []kit.FileProblemJSON `json:"notes"` // taken otherwise than it is written
	StaticFlags bool                  `json:"disable_dynamic_flags"`
	Images      string                `json:"images"`  // state of the building of those that players are given
	Unbuilt     string                `json:"unbuilt"` // the folder's revision, if its images could not be made; empty: none such
}

// resourcesJSON are limits of a whole instance; 0 in an override means as the files say.
type resourcesJSON struct {
	Memory int64   `json:"memory"` // bytes
	CPUs   float64 `json:"cpus"`
	Pids   int64   `json:"pids"`
}

type challengeSettingJSON struct {
	ID        string        `json:"id"`
	Active    bool          `json:"active"`
	Overrides resourcesJSON `json:"overrides"`
	UpdatedAt *time.Time    `json:"updated_at"`
	UpdatedBy string        `json:"updated_by"`
}

func resources(l whaley.Limits) resourcesJSON {
	return resourcesJSON{Memory: l.MemoryBytes, CPUs: float64(l.NanoCPUs) / 1e9, Pids: l.Pids}
}

// Challenge is a challenge as organisers see it.
func (a Handlers) Challenge(e challenge.Entry, live int) adminChallengeJSON {
	j := adminChallengeJSON{
		ID: e.ID, Folder: e.Folder, Name: e.ID, Loaded: e.Loaded != nil, Current: e.Loaded != nil && len(e.Problems) == 0,
		Active: e.Setting.Challenge == "" || e.Setting.Active, Services: []string{}, Instances: live,
		Overrides: resources(e.Setting.Limits), Most: resources(a.Library.Most()), Problems: kit.FileProblems(e.Problems),
		Notes: kit.FileProblems(e.Notes), Unbuilt: e.Unbuilt,
	}
	j.OpensSet = kit.Moment(e.Setting.OpensAt)
	if ch := e.Loaded; ch != nil {
		j.Name, j.Category, j.Revision, j.Resources = ch.Name, ch.Category, ch.Revision, resources(challenge.LimitsOf(ch))
		j.OpensAt = kit.Moment(ch.OpensAt)
		j.Waiting, j.Warm = a.Instancer.Waiting()[ch.ID], a.Instancer.Warm()[ch.ID]
		j.StaticFlags, j.Images = ch.StaticFlags, string(a.Instancer.BuildState(ch.ID))
		for _, s := range ch.Services {
			j.Services = append(j.Services, s.Name)
		}
	}
	return j
}

// ListChallenges answers GET /admin/api/challenges/list.
func (a Handlers) ListChallenges(w http.ResponseWriter, r *http.Request) error {
	live, err := a.Instancer.LiveCounts(r.Context())
	if err != nil {
		return err
	}
	all := []adminChallengeJSON{}
	for _, e := range a.Library.Entries() {
		all = append(all, a.Challenge(e, live[e.ID]))
	}
	return kit.Write(w, http.StatusOK, map[string]any{"challenges": all})
}

// ChallengeSettings answers GET /admin/api/challenges/settings.
func (a Handlers) ChallengeSettings(w http.ResponseWriter, _ *http.Request) error {
	all := []challengeSettingJSON{}
	for _, e := range a.Library.Entries() {
		all = append(all, challengeSettingJSON{ID: e.ID, Active: e.Setting.Challenge == "" || e.Setting.Active,
			Overrides: resources(e.Setting.Limits), UpdatedAt: kit.Moment(e.Setting.UpdatedAt), UpdatedBy: e.Setting.UpdatedBy})
	}
	return kit.Write(w, http.StatusOK, map[string]any{"settings": all})
}

// answerEntry answers what became of a challenge, and has the images of a new revision built.
func (a Handlers) answerEntry(w http.ResponseWriter, r *http.Request, status int, e challenge.Entry) error {
	a.Instancer.PrepareImages()
	live, err := a.Instancer.LiveCounts(r.Context())
	if err != nil {
		return err
	}
	return kit.Write(w, status, a.Challenge(e, live[e.ID]))
}

// UploadChallenge takes a zip as the part "file" of a form, or as the whole body.
func (a Handlers) UploadChallenge(w http.ResponseWriter, r *http.Request) error {
	archive, err := receive(r)
	if err != nil {
		return err
	}
	defer func() { _ = archive.close() }() // it was read only
	tell(r, whaley.Event{Type: "admin_challenge_upload"})
	e, err := a.Library.Upload(r.Context(), archive.Archive, adminOf(r))
	if err != nil {
		return withProblems(err)
	}
	return a.answerEntry(w, r, http.StatusCreated, e)
}

// received is an archive that has come whole.
type received struct {
	challenge.Archive
	close func() error
}

// receive reads an archive. It goes to disk as it comes, into a file that has no name from the start: not even a crash
// leaves it.
func receive(r *http.Request) (received, error) {
	file, err := os.CreateTemp("", "whaley-upload-")
	if err != nil {
		return received{}, err
	}
	size, name, err := int64(0), "", os.Remove(file.Name())
	if err == nil {
		size, name, err = store(r, file)
	}
	if err != nil {
		return received{}, errors.Join(err, file.Close())
	}
	replace, open := r.URL.Query().Get("replace") == "true", r.URL.Query().Get("open") == "true"
	return received{challenge.Archive{ReaderAt: file, Size: size, Name: name, Replace: replace, Open: open}, file.Close},
		nil
}

func store(r *http.Request, file io.Writer) (size int64, name string, err error) {
	body, name, err := upload(r)
	if err != nil {
		return 0, "", err
	}
	size, err = io.Copy(file, io.LimitReader(body, files.MaxArchive+1))
	switch {
	case err != nil:
		return 0, "", whaley.Errorf(whaley.Invalid, "archive_incomplete", "The archive did not arrive whole. Send it again.").Because(
			err,
		)
	case size > files.MaxArchive:
		return 0, "", files.ArchiveTooLarge()
	}
	return size, name, nil
}

func upload(r *http.Request) (body io.Reader, name string, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/zip" {
		return r.Body, "challenge", nil
	}
	wanted := whaley.Errorf(
		whaley.Invalid, "archive_missing",
		"Send a zip archive: as the part named file of a form, or as a body of type application/zip.",
	)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, "", wanted.Because(err)
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, "", wanted.Because(err)
		}
		if part.FormName() == "file" {
			return part, filepath.Base(part.FileName()), nil
		}
	}
}

func withProblems(err error) error {
	var problems challenge.Problems
	if !errors.As(err, &problems) {
		return err
	}
	refused, notes := challenge.Split(problems)
	return &kit.InvalidChallenge{
		Reason: whaley.Errorf(whaley.Invalid, "challenge_invalid",
			"The challenge has %d problems, the first: %s", len(refused), refused[0]),
		Problems: refused, Notes: notes,
	}
}

// DeleteChallenge answers DELETE /admin/api/challenges/{id}.
func (a Handlers) DeleteChallenge(w http.ResponseWriter, r *http.Request) error {
	id := kit.IDOf(r)
	tell(r, whaley.Event{Type: "admin_challenge_delete", Challenge: id, Message: "deleted"})
	err := a.Library.Delete(r.Context(), id, adminOf(r), func(ctx context.Context) (int, error) {
		live, err := a.Instancer.LiveCounts(ctx)
		return live[id], err
	})
	if err != nil {
		return err
	}
	a.Instancer.PrepareImages() // gives up what is built of it; another folder may have its id now
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ReloadChallenge answers POST /admin/api/challenges/{id}/reload.
func (a Handlers) ReloadChallenge(w http.ResponseWriter, r *http.Request) error {
	e, err := a.Library.ReloadOne(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_challenge_reload", Challenge: e.ID, Message: "reloaded"})
	return a.answerEntry(w, r, http.StatusOK, e)
}

// ReloadChallenges answers POST /admin/api/challenges/reload.
func (a Handlers) ReloadChallenges(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Library.ReloadBy(r.Context(), adminOf(r)); err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_challenge_reload", Message: "reloaded all"})
	a.Instancer.PrepareImages()
	return a.ListChallenges(w, r)
}

type toggleRequest struct {
	Active *bool `json:"active"`
	Force  bool  `json:"force"` // also if its solver does not solve it
}

func (t toggleRequest) Valid() error {
	if t.Active == nil {
		return whaley.Errorf(whaley.Invalid, "active_missing", "active must be true or false.")
	}
	return nil
}

// ToggleChallenge answers POST /admin/api/challenges/{id}/toggle.
func (a Handlers) ToggleChallenge(w http.ResponseWriter, r *http.Request) error {
	request, err := kit.Decode[toggleRequest](w, r)
	if err != nil {
		return err
	}
	message := "opened"
	switch {
	case !*request.Active:
		message = "closed; running instances keep going"
	case request.Force:
		message = "opened, whatever its solver says"
	default:
		if err := a.solvable(r, kit.IDOf(r)); err != nil {
			return err
		}
	}
	return a.setChallenge(
		w, r, "admin_challenge_toggle", message, func(s *whaley.ChallengeSetting) { s.Active = *request.Active },
	)
}

type releaseRequest struct {
	OpensAt *time.Time `json:"opens_at"` // nil: as the files say
}

func (q releaseRequest) Valid() error {
	if q.OpensAt != nil && (q.OpensAt.Year() < 2000 || q.OpensAt.Year() > 9000) {
		return whaley.Errorf(whaley.Invalid, "opens_invalid", "opens_at must be a moment between the years 2000 and 9000.")
	}
	return nil
}

// SetRelease answers PUT /admin/api/challenges/{id}/release.
func (a Handlers) SetRelease(w http.ResponseWriter, r *http.Request) error {
	q, err := kit.Decode[releaseRequest](w, r)
	if err != nil {
		return err
	}
	at, message := time.Time{}, "opens when its files say"
	if q.OpensAt != nil {
		at = q.OpensAt.UTC()
		message = "opens at " + at.Format(time.RFC3339)
	}
	return a.setChallenge(
		w, r, "admin_challenge_release", message, func(s *whaley.ChallengeSetting) { s.OpensAt = at },
	)
}

type resourcesRequest struct{ resourcesJSON }

// The most that an override can be: an engine of one machine has no more.
const (
	leastMemory = 16 << 20 // bytes
	mostMemory  = 1 << 44  // bytes
	mostCPUs    = 1024
	mostPids    = 1 << 22
)

func (q resourcesRequest) Valid() error {
	switch {
	case q.Memory != 0 && (q.Memory < leastMemory || q.Memory > mostMemory):
		return whaley.Errorf(
			whaley.Invalid, "memory_invalid", "memory must be bytes, at least %d; 0 for what the files say.", leastMemory,
		)
	case q.CPUs != 0 && (q.CPUs < 0.01 || q.CPUs > mostCPUs):
		return whaley.Errorf(
			whaley.Invalid, "cpus_invalid", "cpus must be from 0.01 to %d; 0 for what the files say.", mostCPUs,
		)
	case q.Pids != 0 && (q.Pids < 16 || q.Pids > mostPids):
		return whaley.Errorf(
			whaley.Invalid, "pids_invalid", "pids must be from 16 to %d; 0 for what the files say.", mostPids,
		)
	}
	return nil
}

// within refuses what is more than the settings allow any instance.
func (q resourcesRequest) within(most whaley.Limits) error {
	const text = "%s may be at most %s, as %s says. Raise that setting first, or ask for less."
	switch {
	case most.MemoryBytes > 0 && q.Memory > most.MemoryBytes:
		return whaley.Errorf(
			whaley.Invalid, "memory_invalid", text, "Memory", units.BytesSize(float64(most.MemoryBytes)), "CONTAINER_MAX_MEMORY",
		)
	case most.NanoCPUs > 0 && int64(q.CPUs*1e9) > most.NanoCPUs:
		return whaley.Errorf(
			whaley.Invalid, "cpus_invalid", text, "CPUs", fmt.Sprintf("%g", float64(most.NanoCPUs)/1e9), "CONTAINER_MAX_CPU",
		)
	case most.Pids > 0 && q.Pids > most.Pids:
		return whaley.Errorf(
			whaley.Invalid, "pids_invalid", text, "Processes", strconv.FormatInt(most.Pids, 10), "CONTAINER_PIDS_LIMIT",
		)
	}
	return nil
}

// SetResources answers PUT /admin/api/challenges/{id}/resources.
func (a Handlers) SetResources(w http.ResponseWriter, r *http.Request) error {
	q, err := kit.Decode[resourcesRequest](w, r)
	if err != nil {
		return err
	}
	if err := q.within(a.Library.Most()); err != nil {
		return err
	}
	return a.setChallenge(
		w, r, "admin_challenge_resources", "resources set; instances started from now on have them",
		func(s *whaley.ChallengeSetting) {
			s.Limits = whaley.Limits{MemoryBytes: q.Memory, NanoCPUs: int64(q.CPUs * 1e9), Pids: q.Pids}
		},
	)
}

func (a Handlers) setChallenge(
	w http.ResponseWriter, r *http.Request, kind, message string, change func(*whaley.ChallengeSetting),
) error {
	tell(r, whaley.Event{Type: kind, Challenge: kit.IDOf(r), Message: message})
	e, err := a.Library.Set(r.Context(), kit.IDOf(r), adminOf(r), change)
	if err != nil {
		return err
	}
	return a.answerEntry(w, r, http.StatusOK, e)
}
