// Package sidecar holds the description of the HTTP API, so that the binary can serve it.
package sidecar

import _ "embed"

// OpenAPI is openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
