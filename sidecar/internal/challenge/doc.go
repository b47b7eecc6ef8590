// Package challenge reads a folder with instance.toml and a compose file and makes an instancer.Challenge of it, or
// says for every problem which file and key it is about and what would be right.
//
// The compose file is an allow-list: every key is either supported as the compose specification says or refused by
// name; nothing is silently left out. It is read with an environment of our own, never the process's. One broken
// challenge stops no other, and a broken edit leaves the last good revision in place.
package challenge
