package admin

import (
	"cmp"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/importer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type importJSON struct {
	Challenges []importedJSON `json:"challenges"`
	Notes      []string       `json:"notes"`   // what was left out
	Resting    int            `json:"resting"` // folders with metadata and nothing that runs
}

// importedJSON is what import makes of a folder of the archive.
type importedJSON struct {
	Folder   string                `json:"folder"`
	ID       string                `json:"id"`
	Verdict  string                `json:"verdict"`
	Metadata string                `json:"metadata"`
	Made     bool                  `json:"compose_made"`
	Flag     string                `json:"flag"`
	Routes   []importedRouteJSON   `json:"routes"`
	Notes    []string              `json:"notes"`
	Problems []kit.FileProblemJSON `json:"problems"`
	Exists   bool                  `json:"exists"` // it would replace the challenge of its id
	Changes  changesJSON           `json:"changes"`
	Taken    bool                  `json:"taken"`
	Refusal  string                `json:"refusal"` // why it was not taken although it was to be
}

type importedRouteJSON struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	Port    int    `json:"port"`
	Type    string `json:"type"`
}

// Import imports a zip of whatever folders: without ?take= it only says what would become of each, with it these
// folders become challenges. The archive is sent each time, so that nothing has to be remembered in between.
func (a Handlers) Import(w http.ResponseWriter, r *http.Request) error {
	archive, err := receive(r)
	if err != nil {
		return err
	}
	defer func() { _ = archive.close() }() // it was read only
	unpacked, err := a.Library.Unpack(archive.Archive)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	top := unpacked.Top()
	report, err := importer.Run(r.Context(), []string{top}, importer.Options{Defaults: a.Library.Defaults()})
	if err != nil {
		return err
	}
	out := importJSON{Challenges: []importedJSON{}, Notes: []string{}, Resting: report.Resting}
	for _, note := range report.Notes {
		out.Notes = append(out.Notes, strings.ReplaceAll(note, top+string(filepath.Separator), ""))
	}
	for _, result := range report.Results {
		j := imported(result, top)
		if result.Loaded {
			changes, there, err := unpacked.Changes(r.Context(), result.Folder, result.ID)
			if err != nil {
				return err
			}
			j.Exists, j.Changes = there, changesOf(changes)
		}
		out.Challenges = append(out.Challenges, j)
	}
	if err := a.takeFolders(r, unpacked, top, out.Challenges); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, out)
}

func imported(r importer.Result, top string) importedJSON {
	folder, err := filepath.Rel(top, r.Folder)
	if err != nil {
		folder = filepath.Base(r.Folder)
	}
	j := importedJSON{
		Folder: filepath.ToSlash(folder), ID: r.ID, Verdict: r.Verdict(), Metadata: r.Format, Made: r.Made,
		Flag:   cmp.Or(r.Flag, "none"),
		Routes: []importedRouteJSON{}, Notes: append([]string{}, r.Notes...), Problems: kit.FileProblems(r.Refusals),
		Changes: changesOf(challenge.Changes{}),
	}
	for _, route := range r.Routes {
		j.Routes = append(j.Routes, importedRouteJSON{route.Name, route.Service, route.Port, route.Type})
	}
	return j
}

// takeFolders makes challenges of the folders that are named, those that lie deepest first: one may lie in another's.
// What keeps one from being taken keeps none of the others.
func (a Handlers) takeFolders(r *http.Request, from *challenge.Unpacked, top string, all []importedJSON) error {
	wanted := r.URL.Query()["take"]
	order := make([]int, 0, len(wanted))
	for n, j := range all {
		if slices.Contains(wanted, j.Folder) {
			order = append(order, n)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Compare(depth(all[y].Folder), depth(all[x].Folder))
	})
	for _, n := range order {
		j := &all[n]
		line := lineOf(r, whaley.Event{Type: "admin_challenge_upload", Challenge: j.ID, Message: "imported as " + j.ID})
		ctx := whaley.WithAudit(r.Context(), line) // each folder is taken by itself
		e, err := from.Take(ctx, filepath.Join(top, filepath.FromSlash(j.Folder)), adminOf(r))
		var problems challenge.Problems
		var known *whaley.Error
		switch {
		case errors.As(err, &problems):
			refused, _ := challenge.Split(problems)
			j.Refusal = refused[0].String()
			continue
		case errors.As(err, &known) && (known.Kind == whaley.Conflict || known.Kind == whaley.Invalid):
			j.Refusal = known.Detail
			continue
		case err != nil:
			return err
		}
		j.Taken, j.ID = true, e.ID
	}
	if len(order) > 0 {
		whaley.AuditOf(r.Context()).Keep()
		a.Instancer.PrepareImages()
	}
	return nil
}

// depth is how many folders lead to one from the top, which is called ".".
func depth(folder string) int {
	if folder == "." {
		return 0
	}
	return strings.Count(folder, "/") + 1
}
