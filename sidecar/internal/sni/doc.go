// Package sni starts instances for connections by TLS. Who connects by the name of a route of type tcp shows in the
// clear part of their first bytes a name that nobody can guess: that is the proof which a ticket is on the web. The
// owner is found by the name, must be somebody who is signed in now, and starts the instance as if they had opened its
// page.
//
// It promises: a name that is nobody's, one of a challenge that is not started by opening its address, and one that
// only its owner may reach are answered alike, by nothing; what a stranger tries costs the database one question a
// second.
package sni
