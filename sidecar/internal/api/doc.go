// Package api is the HTTP surface: routes.go is all of it. Handlers decode, ask the rules, and write; they return
// errors, which one writer turns into problems by one table. It is described by openapi.yaml, and the tests hold every
// answer against that.
package api
