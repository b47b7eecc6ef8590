// Package config turns the environment into one struct. Every problem is reported at once and names its variable;
// NAME_FILE reads a secret from a file; secrets print as *** wherever they end up.
package config
