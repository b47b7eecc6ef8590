package ctfdtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// SitePage is a page that organisers have made.
type SitePage struct {
	ID       int    `json:"id"`
	Title    string `json:"title"`
	Route    string `json:"route"`
	Content  string `json:"content"`
	Format   string `json:"format"`
	Draft    bool   `json:"draft"`
	Hidden   bool   `json:"hidden"`
	SignedIn bool   `json:"auth_required"`
}

// AddPage makes a page, as an organiser would.
func (s *Server) AddPage(p SitePage) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addPage(p).ID
}

func (s *Server) addPage(p SitePage) *SitePage {
	s.lastPage++
	p.ID = s.lastPage
	s.pages = append(s.pages, &p)
	return &p
}

// Pages are all pages as they are now.
func (s *Server) Pages() []SitePage {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []SitePage{}
	for _, p := range s.pages {
		all = append(all, *p)
	}
	return all
}

// ChangePage changes a page, as an organiser would.
func (s *Server) ChangePage(id int, change func(*SitePage)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.pageOf(id))
}

// RemovePage deletes a page.
func (s *Server) RemovePage(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages = slices.DeleteFunc(s.pages, func(p *SitePage) bool { return p.ID == id })
}

// pageOf is nil if there is none.
func (s *Server) pageOf(id int) *SitePage {
	for _, p := range s.pages {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (s *Server) pageRows() {
	one := func(h func(p *SitePage, c Call) Answer) func(Call) Answer {
		return AdminOnly(func(c Call) Answer {
			id, _ := strconv.Atoi(c.PathValue("id"))
			p := s.pageOf(id)
			if p == nil {
				return Abort(http.StatusNotFound)
			}
			return h(p, c)
		})
	}
	read := func(p *SitePage, c Call) Answer {
		if json.Unmarshal(c.Body, p) != nil {
			return Abort(http.StatusBadRequest)
		}
		p.Route = strings.Trim(p.Route, "/")
		return Answer{}
	}
	s.Handle("GET", "/pages", AdminOnly(func(Call) Answer {
		list := []map[string]any{}
		for _, p := range s.pages {
			list = append(
				list,
				map[string]any{"id": p.ID, "title": p.Title, "route": p.Route, "hidden": p.Hidden, "auth_required": p.SignedIn},
			)
		}
		return Success(list)
	}))
	s.Handle("POST", "/pages", AdminOnly(func(c Call) Answer {
		p := SitePage{}
		if a := read(&p, c); a.Status != 0 {
			return a
		}
		return Success(s.addPage(p))
	}))
	s.Handle("GET", "/pages/{id}", one(func(p *SitePage, _ Call) Answer { return Success(p) }))
	s.Handle("PATCH", "/pages/{id}", one(func(p *SitePage, c Call) Answer {
		id := p.ID
		if a := read(p, c); a.Status != 0 {
			return a
		}
		p.ID = id
		return Success(p)
	}))
	s.Handle("DELETE", "/pages/{id}", one(func(p *SitePage, _ Call) Answer {
		s.pages = slices.DeleteFunc(s.pages, func(other *SitePage) bool { return other == p })
		return Answer{http.StatusOK, map[string]any{"success": true}}
	}))
}
