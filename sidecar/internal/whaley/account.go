package whaley

// Account is a player's account in CTFd.
type Account struct {
	ID     int
	Name   string
	Team   int // 0: none
	Admin  bool
	Banned bool
}

// Team is a team in CTFd.
type Team struct {
	ID      int
	Name    string
	Members []int // ids of accounts
	Banned  bool
}
