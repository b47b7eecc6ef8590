package api_test

import (
	"strings"
	"testing"
)

type setting struct {
	Name, Type         string
	Live, Set          bool
	Overridden         bool
	Value, Environment any
}

func (s *surface) admin(method, path, body string) *response {
	s.t.Helper()
	return &response{s, s.call(alice, method, path, body, "X-Admin-Key", adminKey)}
}

func (s *surface) settings() map[string]setting {
	s.t.Helper()
	var list struct{ Settings []setting }
	s.admin("GET", "/admin/api/settings", "").into(&list)
	all := map[string]setting{}
	for _, one := range list.Settings {
		all[one.Name] = one
	}
	return all
}

func TestASettingHoldsAtOnceAndIsResetAndRemembered(t *testing.T) {
	s := newSurface(t)
	var me struct {
		MaxInstances int `json:"max_instances"`
	}
	limit := func() int { s.into(s.call(alice, "GET", "/me", ""), &me); return me.MaxInstances }
	if limit() != 1 {
		t.Fatalf("%+v", me)
	}
	s.admin(
		"PUT", "/admin/api/settings", `{"settings":{"MAX_INSTANCES_PER_USER":7,"CONTAINER_MAX_MEMORY":"512m","DRAIN":true}}`,
	).is(200)
	if got := s.settings(); got["MAX_INSTANCES_PER_USER"].Value != 7.0 || !got["DRAIN"].Overridden ||
		got["DRAIN"].Environment != false || limit() != 7 {
		t.Errorf("%+v, a player is told %d", got["MAX_INSTANCES_PER_USER"], limit())
	}
	s.refused(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 503, "draining")
	var conf struct{ Notice string }
	if s.into(s.call(alice, "GET", "/config", ""), &conf); !strings.Contains(conf.Notice, "paused") {
		t.Errorf("players are told %q", conf.Notice)
	}
	s.admin("DELETE", "/admin/api/settings/MAX_INSTANCES_PER_USER", "").is(200)
	if limit() != 1 {
		t.Errorf("after the reset it is %d", limit())
	}
	var history struct {
		Changes []struct {
			Name, By      string
			Before, After *string
		}
		Next string
	}
	s.admin("GET", "/admin/api/settings/history?limit=2", "").into(&history)
	if c := history.Changes; len(c) != 2 || c[0].Name != "MAX_INSTANCES_PER_USER" || *c[0].Before != "7" ||
		c[0].After != nil || c[0].By == "" || history.Next == "" {
		t.Errorf("%+v", history)
	}
	s.admin("GET", "/admin/api/settings/history?limit=2&after="+history.Next, "").into(&history)
	if len(history.Changes) != 2 || history.Next != "" {
		t.Errorf("the second page is %+v", history)
	}
	s.admin("POST", "/admin/api/settings/load", "").is(200)
}

func TestWrongSettingsChangeNothing(t *testing.T) {
	s := newSurface(t)
	for body, named := range map[string]string{
		`{"settings":{"MAX_INSTANCES_PER_USER":-1}}`:                        "MAX_INSTANCES_PER_USER",
		`{"settings":{"SPAWN_CONCURRENCY":5,"START_TIMEOUT":"soon"}}`:       "START_TIMEOUT",
		`{"settings":{"PORT_RANGE_START":39000,"PORT_RANGE_END":38000}}`:    "PORT_RANGE_END",
		`{"settings":{"PORT_RANGE_START":70000}}`:                           "PORT_RANGE_START",
		`{"settings":{"INSTANCE_ACCESS":"anybody"}}`:                        "INSTANCE_ACCESS",
		`{"settings":{"CONTAINER_MAX_MEMORY":"lots"}}`:                      "CONTAINER_MAX_MEMORY",
		`{"settings":{"LISTEN":":9"}}`:                                      "LISTEN",
		`{"settings":{"NO_SUCH":1}}`:                                        "NO_SUCH",
		`{"settings":{"DRAIN_MESSAGE":{"a":1}}}`:                            "DRAIN_MESSAGE",
		`{"settings":{"DRAIN_MESSAGE":"\u0000"}}`:                           "DRAIN_MESSAGE",
		`{"settings":{"DRAIN_MESSAGE":"` + strings.Repeat("x", 301) + `"}}`: "DRAIN_MESSAGE",
		`{"settings":{"CONTAINER_MAX_CPU":"NaN"}}`:                          "CONTAINER_MAX_CPU",
		`{"settings":{"MAX_INSTANCES":1e400}}`:                              "MAX_INSTANCES",
	} {
		r := s.admin("PUT", "/admin/api/settings", body)
		if s.refused(r.ResponseRecorder, 422, "settings_refused"); !strings.Contains(r.Body.String(), named) {
			t.Errorf("%.60s: %s does not name %s", body, r.Body, named)
		}
	}
	s.refused(s.admin("PUT", "/admin/api/settings", `{"settings":{}}`).ResponseRecorder, 422, "settings_missing")
	s.refused(s.admin("DELETE", "/admin/api/settings/NO_SUCH", "").ResponseRecorder, 404, "setting_not_found")
	s.refused(s.admin("GET", "/admin/api/settings/history?limit=0", "").ResponseRecorder, 422, "limit_invalid")
	for name, one := range s.settings() {
		if one.Overridden {
			t.Errorf("%s is changed", name)
		}
		if one.Type == "secret" && (one.Value != nil || one.Environment != nil) {
			t.Errorf("%s is shown: %+v", name, one)
		}
	}
}
