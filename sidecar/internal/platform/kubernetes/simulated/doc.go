// Package simulated is a cluster in memory, for tests of thousands of instances and of deaths at every step: an API that
// keeps Pods and policies, nodes that have Pods run at once while there is room, and guests that are asked without a
// network. It knows nothing of time but what services say of themselves.
package simulated
