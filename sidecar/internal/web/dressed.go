package web

import (
	"bytes"
	"encoding/json"
	"html"

	"github.com/whaley-ctf/whaley/sidecar/internal/face"
)

// What the build leaves open in its pages, for the event's face.
const (
	eventMark = `content="{}"` // of the meta element that tells the scripts of it
	titleMark = "Whaley</title>"
)

// Addresses of an event's own picture and colours.
const (
	logoPath  = "event/logo"
	stylePath = "event/style.css"
)

// faced is the build as an event looks.
type faced struct {
	of          face.Face
	page, admin *file
	logo, style *file
}

// dressed is the build with the face of this moment. It is made again when that has changed, which is seldom.
func (h *handler) dressed() *faced {
	now := h.now()
	if was := h.faced.Load(); was != nil && was.of == now {
		return was
	}
	next := &faced{of: now, page: withFace(h.page, "index.html", now), admin: withFace(h.admin, adminPage, now),
		style: must(prepare(stylePath, []byte(now.Style()))), logo: h.files["favicon.svg"]}
	if now.Logo != nil {
		next.logo = must(prepare(logoPath, now.Logo.Body))
		next.logo.contentType = now.Logo.Type
	}
	h.faced.Store(next)
	return next
}

// ofEvent is one of the files that the build does not have.
func (h *handler) ofEvent(name string) (*file, bool) {
	switch name {
	case logoPath:
		logo := h.dressed().logo
		return logo, logo != nil
	case stylePath:
		return h.dressed().style, true
	}
	return nil, false
}

func withFace(page *file, name string, of face.Face) *file {
	if page == nil {
		return nil
	}
	told, err := json.Marshal(map[string]string{"name": of.Name, "home": of.Home, "footer": of.Footer})
	if err != nil {
		panic(err) // texts can be written
	}
	body := bytes.Replace(page.body, []byte(eventMark), []byte(`content="`+html.EscapeString(string(told))+`"`), 1)
	body = bytes.Replace(body, []byte(titleMark), []byte(html.EscapeString(of.Name)+"</title>"), 1)
	return must(prepare(name, body))
}

func must(f *file, err error) *file {
	if err != nil {
		panic(err) // only memory is written to
	}
	return f
}
