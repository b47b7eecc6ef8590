package challenge

// What is read of a challenge's files at most, so that no file costs more than some tenths of a second or a few
// megabytes, whatever is in it. All of it is counted before a parser that cannot be stopped sees the file.
// docs/challenges.md has this table for authors.
const (
	maxFile    = 256 << 10 // bytes of instance.toml
	maxCompose = 64 << 10  // bytes of a compose or environment file
	maxDepth   = 32        // tables and lists in each other
	maxTOML    = 2000      // keys and values of instance.toml
	maxNodes   = 20000     // keys and values of a compose file, with its aliases followed
	maxText    = 1 << 20   // bytes of all these, and of an instance's environment files with their variables filled in
	maxKey     = 200       // bytes of a key
	maxItems   = 1000      // in a table or list of a compose file
	maxFlow    = 2000      // [ and { in a compose file: YAML's own parser takes as long as they are many and deep
	maxFiles   = 100       // how often one compose file includes or extends another file
	maxChain   = 16        // files that include each other, or services that extend each other
	maxWork    = 4 << 20   // bytes of text with a variable in braces, times how many are in it
)

const (
	maxServices = 13 // what a /28 network holds beside its gateway
	maxNetworks = 8  // each is a subnet and costs time at every start
	maxVolumes  = 16
	maxMounts   = 64 // of a service, of each kind
)

// How much of CHALLENGES_DIR is looked at.
const (
	maxFolders = 5000   // challenges
	maxFound   = 100000 // names of anything
)

// How much is told of one challenge.
const (
	maxProblems = 100
	maxProblem  = 600 // bytes
)
