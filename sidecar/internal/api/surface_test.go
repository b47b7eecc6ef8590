package api_test

import (
	"slices"
	"strings"
	"testing"
)

// adminSurface is what scripts of organisers may count on, from the first Whaley on.
const adminSurface = `
GET    /admin/api/stats
GET    /admin/api/stats/series
GET    /admin/api/logs
GET    /admin/api/instances
DELETE /admin/api/instances/{id}
GET    /admin/api/user-ports
GET    /admin/api/port-stats
DELETE /admin/api/user-ports
DELETE /admin/api/user-ports/{user_id}
GET    /admin/api/flags
POST   /admin/api/flags/check-submissions
GET    /admin/api/flags/suspicious
DELETE /admin/api/flags/suspicious
GET    /admin/api/flags/mappings
DELETE /admin/api/flags/user/{user_id}
DELETE /admin/api/flags/{flag_id}
POST   /admin/api/flags/sync-challenge
DELETE /admin/api/flags/mapping/{id}
GET    /admin/api/ctfd/challenges
GET    /admin/api/forensics/stats
POST   /admin/api/forensics/toggle
GET    /admin/api/forensics/logs
GET    /admin/api/forensics/logs/{id}
DELETE /admin/api/forensics/logs/{id}
DELETE /admin/api/forensics/logs
POST   /admin/api/forensics/live-capture/{id}
POST   /admin/api/forensics/cleanup
GET    /admin/api/monitoring/system
GET    /admin/api/monitoring/instances
GET    /admin/api/challenges/list
POST   /admin/api/challenges/upload
POST   /admin/api/challenges/import
DELETE /admin/api/challenges/{id}
GET    /admin/api/challenges/{id}/files
GET    /admin/api/challenges/{id}/files/{path}
PUT    /admin/api/challenges/{id}/files/{path}
POST   /admin/api/challenges/{id}/files/{path}
DELETE /admin/api/challenges/{id}/files/{path}
POST   /admin/api/challenges/{id}/reload
POST   /admin/api/challenges/{id}/toggle
GET    /admin/api/challenges/settings
PUT    /admin/api/challenges/{id}/resources
GET    /admin/api/settings
PUT    /admin/api/settings
DELETE /admin/api/settings/{key}
POST   /admin/api/settings/load
`

func TestEveryAddressOfTheAdminSurfaceIsThere(t *testing.T) {
	s := newSurface(t)
	shape := func(method, path string) string {
		parts := strings.Split(path, "/")
		for n, part := range parts {
			if strings.HasPrefix(part, "{") {
				parts[n] = "{}"
			}
		}
		return method + " " + strings.Join(parts, "/")
	}
	var served []string
	for _, r := range s.api.AdminRoutes() {
		served = append(served, shape(r.Method, r.Path))
	}
	wanted := 0
	for line := range strings.Lines(strings.TrimSpace(adminSurface)) {
		method, path, _ := strings.Cut(line, " ")
		wanted++
		if want := shape(method, strings.TrimSpace(path)); !slices.Contains(served, want) {
			t.Errorf("%s is missing", want)
		}
	}
	t.Logf("%d of %d", wanted, wanted)
}

func TestNumbersAndTables(t *testing.T) {
	s := newSurface(t)
	one := s.spawned("one")
	var stats struct {
		Instances map[string]int
		Live      int
		Loaded    int `json:"challenges_loaded"`
		Events    struct {
			Total int `json:"total_entries"`
		}
	}
	if s.admin("GET", "/admin/api/stats", "").is(200).into(&stats); stats.Live != 1 || stats.Loaded != 1 ||
		stats.Events.Total < 2 {
		t.Errorf("%+v", stats)
	}
	var series struct {
		Parts []struct{ Spawned int }
	}
	s.admin("GET", "/admin/api/stats/series?minutes=10", "").is(200).into(&series)
	if n := len(series.Parts); n != 60 || series.Parts[n-1].Spawned != 1 {
		t.Errorf("%+v", series)
	}
	s.refused(s.admin("GET", "/admin/api/stats/series?minutes=9", "").ResponseRecorder, 422, "minutes_invalid")
	var usage struct {
		ID      string
		Sampled bool
	}
	if s.admin("GET", "/admin/api/instances/"+one.ID+"/metrics", "").is(200).into(&usage); usage.ID != one.ID {
		t.Errorf("%+v", usage)
	}
	s.refused(s.admin("GET", "/admin/api/instances/none/metrics", "").ResponseRecorder, 404, "instance_not_found")
	for path, want := range map[string]string{
		"events.csv?type=admin_instance_spawn": "," + one.ID + ",quick,one,", "flags.csv": "id,challenge,owner_id",
		"suspicious.csv?review=open": "id,found_at,kind",
	} {
		r := s.admin("GET", "/admin/api/export/"+path, "").is(200)
		if !strings.Contains(r.Body.String(), want) || !strings.HasPrefix(r.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v\n%s", path, r.Header(), r.Body)
		}
	}
	s.refused(s.admin("GET", "/admin/api/export/events.csv?from=x", "").ResponseRecorder, 422, "time_invalid")
	s.stopAll()
}

func TestTheDescriptionIsAPageOfItsOwn(t *testing.T) {
	s := newSurface(t)
	w := s.call(alice, "GET", "/openapi", "")
	page := w.Body.String()
	for path, item := range s.document.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.Contains(page, `id="`+op.OperationID+`"`) || !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("%s %s is not on it", method, path)
			}
		}
	}
	for name := range s.document.Components.Schemas {
		if !strings.Contains(page, `id="schema-`+name+`"`) {
			t.Errorf("the schema %s is not on it", name)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(
		policy, "default-src 'none'; style-src 'sha256-",
	) {
		t.Error(policy)
	}
	for _, foreign := range []string{"<script", "http-equiv", "src=", "@import", "ZgotmplZ", "<link", "%!"} {
		if strings.Contains(page, foreign) {
			t.Errorf("%q is on it", foreign)
		}
	}
}
