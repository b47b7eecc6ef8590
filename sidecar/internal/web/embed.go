package web

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/face"
)

// The build of ../../../frontend. Only .gitkeep is committed, so that the package compiles without a build.
//
//go:embed all:dist
var dist embed.FS

// Handler serves the embedded build; see New.
func Handler(adminPath string, now func() face.Face) http.Handler {
	build, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that the compiler has found
	}
	h, err := New(build, adminPath, now)
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return h
}
