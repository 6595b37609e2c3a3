// Package argocd talks to Argo CD's API server: it logs in, refreshes, syncs and
// waits, shows applications and what a sync would change. It is for programs that
// want an application to be in a state, and the reason when it is not.
//
// Connect takes a Transport (how to reach the server and how to know it) and a list
// of credentials, each of which names the server that it belongs to and is sent to
// no other one. The client logs in when the first call needs it, and again when the
// server says that the session has ended.
//
//	client, err := argocd.Connect(ctx, transport, credentials, argocd.Options{})
//	...
//	defer client.Close()
//	outcome, err := client.Sync(ctx, "litellm", argocd.SyncOptions{}, observe)
//
// # Calls
//
//   - List and Get show applications as they stand; Refresh has Argo CD compare anew
//     first, with a deadline of its own, because the server has none.
//   - Sync brings one application to its revision and waits; SyncAll does several at
//     once under one deadline. What happens on the way is told to an Observer.
//   - Diff is what a sync would change; values of Secrets are never in it.
//   - Explain says of the resources that are not there yet why.
//   - Terminate ends the operation of an application.
//
// An application is named NAME or NAMESPACE/NAME.
//
// # How a sync is decided
//
// Watch streams lose events and are cut by load balancers (argo-cd#12214, #15739),
// so the stream is only what makes waiting quick: the state is also polled, and each
// decision is made on a whole state. An operation is recognised by a tag of its own;
// another operation that syncs the same revision is as good and is adopted. After
// the operation the application is compared anew before its health counts, and has
// to stay Synced and Healthy for a moment (Options.Stable). What cannot heal ends
// the wait at once: a failed operation, manifests that do not render, a SealedSecret
// that cannot be decrypted.
//
// # Errors
//
// Each error is a type of its own with a Hint, and some with a mark that gives
// commands their exit status: Timeout() for a wait that was long enough, and
// Unavailable() for a server that was not reached or did not allow it.
//
// gRPC writes some errors of connections to stderr by itself; a program that does
// not want that calls grpclog.SetLoggerV2.
package argocd
