// Package supervise runs the servers of one sandbox: it starts, restarts and
// ends them as it is told through a Unix socket, notices when one exits, and
// carries the API server's connections to Pods to the real processes.
//
// It depends on the standard library alone, because its sources are compiled
// on the user's machine as a program of their own, which outlives the command
// that started it. It has no idea of Kubernetes: which server to start when is
// for its client to say.
//
// No server outlives the supervisor: each asks the kernel to be killed when
// the supervisor dies, however that happens.
package supervise
