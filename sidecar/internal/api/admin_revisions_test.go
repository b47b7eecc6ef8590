package api_test

import "testing"

type revisions struct {
	Revisions []struct {
		Revision        string
		Current         bool
		Live, Instances int
	}
	Next string
}

func TestTheRevisionsOfAChallengeAreListedWithWhatRunsOfThem(t *testing.T) {
	s := newSurface(t)
	var all revisions
	if s.into(s.manage("GET", "/quick/revisions", ""), &all); len(all.Revisions) != 1 || !all.Revisions[0].Current ||
		all.Revisions[0].Instances != 0 {
		t.Errorf("%+v", all)
	}
	first := all.Revisions[0].Revision
	s.spawned("one")
	// what waits for its images would be of the next one
	s.settled(func(l adminList) bool { return len(l.Instances) == 1 && l.Instances[0].State == "running" })
	s.into(s.manage("POST", "/quick/files/note.txt", `{"content":"another revision"}`), &changed{})
	if s.into(s.manage("GET", "/quick/revisions", ""), &all); len(all.Revisions) != 2 || all.Next != "" {
		t.Fatalf("%+v", all)
	}
	if now := all.Revisions[0]; !now.Current || now.Revision == first || now.Live != 0 {
		t.Errorf("the latest is %+v", now)
	}
	if was := all.Revisions[1]; was.Current || was.Revision != first || was.Live != 1 || was.Instances != 1 {
		t.Errorf("the first is %+v", was)
	}
	var page revisions
	s.into(s.manage("GET", "/quick/revisions?limit=1", ""), &page)
	if len(page.Revisions) != 1 || !page.Revisions[0].Current {
		t.Errorf("%+v", page)
	}
	s.into(s.manage("GET", "/quick/revisions?limit=1&after="+page.Next, ""), &page)
	if len(page.Revisions) != 1 || page.Revisions[0].Revision != first || page.Revisions[0].Current || page.Next != "" {
		t.Errorf("%+v", page)
	}
	s.stopAll()
	if s.into(s.manage("GET", "/quick/revisions", ""), &all); all.Revisions[1].Live != 0 || all.Revisions[1].Instances != 1 {
		t.Errorf("after the end: %+v", all)
	}
	s.refused(s.manage("GET", "/none/revisions", ""), 404, "challenge_not_found")
	s.refused(s.manage("GET", "/quick/revisions?after=x", ""), 422, "cursor_invalid")
}
