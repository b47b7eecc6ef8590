package api_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type adminInstance struct {
	ID, State string
	OwnerID   string `json:"-"`
	Owner     struct{ ID, Name string }
	Player    string
	StopCause string `json:"stop_cause"`
}

type adminList struct {
	Instances []adminInstance
	Counts    map[string]int
	Next      string
}

func (s *surface) spawned(owner string) adminInstance {
	s.t.Helper()
	var in adminInstance
	s.admin(
		"POST", "/admin/api/instances/spawn",
		`{"challenge_id":"quick","owner_id":"`+owner+`","owner_name":"=Team `+owner+`"}`,
	).is(202).into(&in)
	return in
}

func TestOrganisersSeeStartAndStopEverybodysInstances(t *testing.T) {
	s := newSurface(t)
	one, two := s.spawned("one"), s.spawned("two")
	if one.Owner.ID != "one" || one.Player == "" {
		t.Errorf("%+v", one)
	}
	s.refused(
		s.admin("POST", "/admin/api/instances/spawn", `{"challenge_id":"quick","owner_id":"one"}`).ResponseRecorder, 409,
		"instance_exists",
	)
	s.refused(
		s.admin("POST", "/admin/api/instances/spawn", `{"challenge_id":"none","owner_id":"one"}`).ResponseRecorder, 404,
		"challenge_not_found",
	)
	s.refused(
		s.admin("POST", "/admin/api/instances/spawn", `{"challenge_id":"quick","owner_id":"a b"}`).ResponseRecorder, 422,
		"owner_invalid",
	)
	var first, second adminList
	s.admin("GET", "/admin/api/instances?limit=1&sort=owner", "").is(200).into(&first)
	s.admin("GET", "/admin/api/instances?limit=1&sort=owner&after="+first.Next, "").is(200).into(&second)
	if len(first.Instances) != 1 || first.Instances[0].ID != one.ID || len(second.Instances) != 1 ||
		second.Instances[0].ID != two.ID || second.Next != "" {
		t.Errorf("%+v %+v", first, second)
	}
	for _, empty := range []string{"state=stopped", "challenge=none", "owner=none", "q=none"} {
		var none adminList
		if s.admin("GET", "/admin/api/instances?"+empty, "").is(200).into(&none); len(none.Instances) != 0 {
			t.Errorf("%s: %+v", empty, none)
		}
	}
	for query, code := range map[string]string{
		"state=x": "state_invalid", "sort=x": "sort_invalid", "limit=x": "limit_invalid", "after=x": "cursor_invalid",
		"q=" + strings.Repeat("x", 201): "parameter_invalid",
	} {
		s.refused(s.admin("GET", "/admin/api/instances?"+query, "").ResponseRecorder, 422, code)
	}
	var detail struct {
		adminInstance
		Events []struct{ Type string }
	}
	if s.admin("GET", "/admin/api/instances/"+one.ID, "").is(200).into(&detail); detail.ID != one.ID ||
		len(detail.Events) < 2 {
		t.Errorf("%+v", detail)
	}
	s.refused(s.admin("GET", "/admin/api/instances/none", "").ResponseRecorder, 404, "instance_not_found")
	table, err := csv.NewReader(s.admin("GET", "/admin/api/export/instances.csv?state=all", "").is(200).Body).ReadAll()
	if err != nil || len(table) != 3 || table[1][0] != one.ID || table[1][3] != "'=Team one" {
		t.Errorf("%v %v", table, err)
	}
	var stopped adminInstance
	s.admin("DELETE", "/admin/api/instances/"+one.ID, "").is(202).into(&stopped)
	if stopped.StopCause != "admin" {
		t.Errorf("%+v", stopped)
	}
	s.stopAll()
}

// stopAll stops in two steps and waits until nothing lives.
func (s *surface) stopAll() {
	s.t.Helper()
	var bulk struct {
		Matching, Stopping int
		Token              string
	}
	s.admin("POST", "/admin/api/instances/stop", `{}`).is(200).into(&bulk)
	s.admin("POST", "/admin/api/instances/stop", `{"token":"`+bulk.Token+`"}`).is(202)
	s.settled(func(l adminList) bool { return len(l.Instances) == 0 })
}

// settled waits until the list of live instances is as wanted.
func (s *surface) settled(as func(adminList) bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var l adminList
		if s.admin("GET", "/admin/api/instances", "").is(200).into(&l); as(l) {
			return
		}
	}
	s.t.Fatal("the instances do not get there")
}

func TestManyAreExtendedAndRestartedAndAPlayerIsFoundByName(t *testing.T) {
	s := newSurface(t)
	one := s.spawned("one")
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].State == "running" })
	type life struct {
		Expires  time.Time `json:"expires_at"`
		Extended int
	}
	var before, after life
	s.admin("GET", "/admin/api/instances/"+one.ID, "").is(200).into(&before)
	var bulk struct {
		Matching, Stopping, Refused int
		Token                       string
	}
	for _, verb := range []string{"extend", "restart"} {
		path := "/admin/api/instances/" + verb
		s.admin("POST", path, `{}`).is(200).into(&bulk)
		s.refused( // a token confirms one thing
			s.admin("POST", "/admin/api/instances/stop", `{"token":"`+bulk.Token+`"}`).ResponseRecorder, 409, "token_refused",
		)
		if s.admin("POST", path, `{"token":"`+bulk.Token+`"}`).is(202).into(&bulk); bulk.Stopping != 1 || bulk.Refused != 0 {
			t.Errorf("%s: %+v", verb, bulk)
		}
		if verb == "extend" {
			s.admin("GET", "/admin/api/instances/"+one.ID, "").is(200).into(&after)
			if !after.Expires.After(before.Expires) || after.Extended != before.Extended {
				t.Errorf("before %+v, after %+v", before, after)
			}
			s.admin("POST", "/admin/api/instances/"+one.ID+"/extend", "").is(200)
		}
	}
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].ID != one.ID })
	var owners struct {
		Owners []struct {
			ID, Name    string
			Live, Total int
		}
	}
	s.admin("GET", "/admin/api/owners?q=ONE", "").is(200).into(&owners)
	if len(owners.Owners) != 1 || owners.Owners[0].Live != 1 || owners.Owners[0].Total != 2 {
		t.Fatalf("%+v", owners)
	}
	var detail struct {
		Name      string
		Addresses []struct {
			Routes []struct{ URL string }
		}
	}
	s.admin("GET", "/admin/api/owners/"+owners.Owners[0].ID, "").is(200).into(&detail)
	if detail.Name != owners.Owners[0].Name || len(detail.Addresses) == 0 || detail.Addresses[0].Routes[0].URL == "" {
		t.Errorf("%+v", detail)
	}
	s.refused(s.admin("GET", "/admin/api/owners/a%20b", "").ResponseRecorder, 422, "owner_invalid")
	if got := s.admin("GET", "/admin/api/export/ports.csv", "").is(200).Body.String(); !strings.HasPrefix(got, "owner_id,") {
		t.Error(got)
	}
	s.stopAll()
}

func TestManyAreStoppedOnlyAfterAConfirmation(t *testing.T) {
	s := newSurface(t)
	one := s.spawned("one")
	var bulk struct {
		Matching, Stopping int
		Token              string
	}
	s.admin("POST", "/admin/api/instances/stop?challenge=quick", `{"ids":["`+one.ID+`"]}`).is(200).into(&bulk)
	if bulk.Matching != 1 || bulk.Stopping != 0 || bulk.Token == "" {
		t.Fatalf("%+v", bulk)
	}
	late := s.spawned("late")
	for what, path := range map[string]string{"another selection": "?challenge=other", "a wider one": ""} {
		r := s.admin("POST", "/admin/api/instances/stop"+path, `{"token":"`+bulk.Token+`"}`)
		if s.refused(r.ResponseRecorder, 409, "token_refused"); r.Code != 409 {
			t.Errorf("%s: %s", what, r.Body)
		}
	}
	for _, token := range []string{"x", "AAAAAAAAAAAA", bulk.Token + "A", "é"} {
		s.refused(
			s.admin("POST", "/admin/api/instances/stop", `{"token":"`+token+`"}`).ResponseRecorder, 409, "token_refused",
		)
	}
	s.admin("POST", "/admin/api/instances/stop", `{}`).is(200).into(&bulk)
	later := s.spawned("later")
	if s.admin("POST", "/admin/api/instances/stop", `{"token":"`+bulk.Token+`"}`).is(202).into(&bulk); bulk.Stopping != 2 {
		t.Errorf("%+v", bulk)
	}
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].ID == later.ID })
	_ = late
	s.stopAll()
}

func TestTheOutputOfContainersIsStreamed(t *testing.T) {
	s := newSurface(t)
	one := s.spawned("one")
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].State == "running" })
	server := httptest.NewServer(s.public)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/admin/api/instances/"+one.ID+"/logs?tail=10", nil)
	r.Header.Set("X-Admin-Key", adminKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("%q never comes: %v", want, lines.Err())
	}
	until("still here")
	s.admin("DELETE", "/admin/api/instances/"+one.ID, "").is(202)
	until("event: end")
	s.refused(s.admin("GET", "/admin/api/instances/"+one.ID+"/logs?tail=-1", "").ResponseRecorder, 422, "tail_invalid")
	s.stopAll()
}

func TestPortsAreListedCountedAndForgotten(t *testing.T) {
	s := newSurface(t)
	one := s.spawned("one")
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].State == "running" })
	var list struct {
		Mappings []struct {
			OwnerID  string `json:"owner_id"`
			Instance string
			Port     int
		}
	}
	s.admin("GET", "/admin/api/user-ports?owner=one&challenge=quick", "").is(200).into(&list)
	if len(list.Mappings) != 1 || list.Mappings[0].Instance != one.ID || list.Mappings[0].Port < 24000 {
		t.Errorf("%+v", list)
	}
	var stats struct {
		Allocated int `json:"currently_allocated"`
		Mappings  int `json:"persistent_mappings"`
		Total     int `json:"total_range"`
	}
	if s.admin("GET", "/admin/api/port-stats", "").is(200).into(&stats); stats.Allocated != 1 || stats.Mappings != 1 ||
		stats.Total != 10001 {
		t.Errorf("%+v", stats)
	}
	s.refused(s.admin("DELETE", "/admin/api/user-ports/a%20b", "").ResponseRecorder, 422, "owner_invalid")
	var gone struct{ Forgotten int }
	if s.admin("DELETE", "/admin/api/user-ports/two", "").is(200).into(&gone); gone.Forgotten != 0 {
		t.Errorf("%+v", gone)
	}
	if s.admin("DELETE", "/admin/api/user-ports", "").is(200).into(&gone); gone.Forgotten != 1 {
		t.Errorf("%+v", gone)
	}
	s.stopAll()
}
