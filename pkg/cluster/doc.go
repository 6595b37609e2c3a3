// Package cluster reads the live state of namespaces out of a Kubernetes cluster,
// for whoever wants to know why an application is not healthy (issue 4).
//
// [Read] asks for each kind once per namespace, or once for the whole cluster where
// there are many namespaces, in pages: the number of requests does not depend on how
// many Pods there are. It gets and lists, and does nothing else. A kind that the
// cluster does not have or that may not be listed is no error; it is recorded in
// [State.Unseen] or [Space.Unseen], so that "there is none" and "it could not be
// seen" stay two things.
//
// Values of Secrets are read, because text that a program has printed can only be
// masked by who knows them, and kept where no printing or encoding reaches them.
package cluster
