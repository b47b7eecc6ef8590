// Package webhook sends events to a URL. It never keeps anybody waiting who makes events: they stand in an outbox, a
// few go in one message, and what cannot be sent is tried again for a while. A receiver that asks for less gets less.
//
// The URL is a secret: whoever has it can write there. It is in no log and no error.
package webhook
