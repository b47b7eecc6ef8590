// Package importer makes challenges of Whaley of folders as their authors keep them: it finds them in a tree, reads
// what their metadata say, guesses what nothing says, and writes instance.toml, and a compose file where there is none.
//
// It never changes a file that is there: what is written is new, beside the originals. Whether a challenge can be taken
// is not decided here: the loader loads what was written, and the report tells what that said. What is read was written
// by anybody, so that each folder, file and list has a bound, links are not followed, and nothing in it stops the rest.
package importer
