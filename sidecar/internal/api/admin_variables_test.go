package api_test

import (
	"strings"
	"testing"
)

// Who may set a variable is never told a value: not by the list, the history, events, settings or refusals.
func TestAVariablesValueIsNeverTold(t *testing.T) {
	s := newSurface(t)
	const secret = "sk-0123456789"
	set := func(body string, code int) {
		t.Helper()
		w := s.call(alice, "PUT", "/admin/api/variables", body, "X-Admin-Key", adminKey)
		if w.Code != code || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	set(`{"name":"API_KEY","value":"`+secret+`"}`, 200)
	set(`{"name":"API_KEY","challenge_id":"quick","value":"`+secret+`"}`, 200)
	set(`{"name":"FLAG","value":"`+secret+`"}`, 422)
	set(`{"name":"A B","value":"`+secret+`"}`, 422)
	set(`{"name":"API_KEY","challenge_id":"unknown","value":"`+secret+`"}`, 404)
	if w := s.call(alice, "PUT", "/admin/api/variables", `{"name":"X","value":"x"}`); w.Code != 401 && w.Code != 403 {
		t.Errorf("a player may set one: %d", w.Code)
	}
	for _, path := range []string{
		"/admin/api/variables", "/admin/api/settings", "/admin/api/settings/history?limit=50", "/admin/api/logs?limit=50",
		"/admin/api/challenges/list",
	} {
		w := s.call(alice, "GET", path, "", "X-Admin-Key", adminKey)
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s tells it: %s", path, w.Body)
		}
	}
	var list struct {
		Variables []struct {
			Name      string
			Challenge string `json:"challenge_id"`
		}
	}
	s.admin("DELETE", "/admin/api/variables/API_KEY", "").is(200)
	s.admin("GET", "/admin/api/variables", "").into(&list)
	if len(list.Variables) != 1 || list.Variables[0].Challenge != "quick" {
		t.Errorf("%+v", list)
	}
	s.admin("DELETE", "/admin/api/variables/API_KEY?challenge=quick", "").is(200)
	s.refused(
		s.call(alice, "DELETE", "/admin/api/variables/API_KEY", "", "X-Admin-Key", adminKey), 404, "variable_not_found",
	)
}
