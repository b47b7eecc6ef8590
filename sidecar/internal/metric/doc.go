// Package metric is what Prometheus scrapes. A scrape reads memory only: events and operations are counted as they
// happen, and what stands in the database is counted in the background every few seconds.
//
// Labels are bounded: challenges that are loaded, states, outcomes, codes of errors. Owners and instances are there
// only when Options.Detail says so.
package metric
