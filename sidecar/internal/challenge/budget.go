package challenge

// What is read of a challenge's files at most, so that no file costs more than some tenths of a second or a few
// megabytes, whatever is in it. All of it is counted before a parser that cannot be stopped sees the file.
// docs/challenges.md has this table for authors.
const (
	maxFile     = 256 << 10 // bytes of an instance.toml, compose or environment file
	maxDepth    = 32        // tables and lists in each other
	maxNodes    = 20000     // keys and values of a compose file, with its aliases followed
	maxTOML     = 2000      // keys and values of instance.toml
	maxKey      = 200       // bytes of a key
	maxProblems = 100       // that are told of one challenge
)
