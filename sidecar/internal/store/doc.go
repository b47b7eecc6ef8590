// Package store keeps what must outlive the process: instances, events, reservations of subnets and ports, and the few
// values that are made once. It runs on SQLite (default) and PostgreSQL; storetest holds what both must do.
//
// It promises that every method is one transaction, safe to be called at once from several sidecars, and that what is
// unique is so by an index. It would break if a query relied on what only one of the two databases does.
package store
