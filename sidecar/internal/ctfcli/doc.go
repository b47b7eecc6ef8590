// Package ctfcli writes the links to players' instances into the challenge.yml files that ctfcli brings into CTFd, and
// makes those that are missing. What authors have written stays byte for byte, and no flag is ever written: each owner
// has another, and CTFd gets them from Whaley.
package ctfcli
