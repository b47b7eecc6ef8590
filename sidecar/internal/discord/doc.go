// Package discord makes messages for a Discord channel of what happens to instances: rich embeds, several to a message,
// and a summary where there are too many to read. Nothing a player chose can mention anybody or format anything.
package discord
