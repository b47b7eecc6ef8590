package config

import (
	"slices"
	"strings"
)

const (
	minLetters = 8 // different ones
	minOwn     = 6 // different ones that are no part of a word that everybody tries first
)

// triedFirst is what keys out of examples, and keys that somebody thought of in a hurry, are made of; long ones first.
var triedFirst = []string{
	"abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "123456789", "administrator", "supersecret", "instancer",
	"password", "passw0rd", "changeit", "whatever", "replace", "letmein", "default", "example", "abcdef", "qwerty",
	"change",
	"please", "secret", "whaley", "sample", "123456", "admin", "token", "s3cret", "insert", "demo", "ctfd", "12345",
	"your", "here", "test", "this", "with", "root", "1234", "key", "ctf", "abc", "123", "the", "pass", "min", "me", "my",
}

// guessable says whether a key is one that somebody guesses: an example's, a word, one that repeats itself.
func guessable(key string) bool {
	letters := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t-_.,:;!?/+=<>()[]{}'\"", c) {
			return -1
		}
		return c
	}, strings.ToLower(key))
	if different(letters) < minLetters || repeats(letters) {
		return true
	}
	for _, word := range triedFirst {
		letters = strings.ReplaceAll(letters, word, "")
	}
	return different(letters) < minOwn
}

func different(text string) int {
	all := []rune(text)
	slices.Sort(all)
	return len(slices.Compact(all))
}

// repeats says whether a text is a shorter one again and again.
func repeats(text string) bool {
	return len(text) > 0 && strings.Contains((text + text)[1:2*len(text)-1], text)
}
