// Package origin says where an object of an application comes from and how far it
// has got: rendered by the chart of the work tree, of HEAD, of the branch that Argo CD
// follows, and of the commit that it has synced; or why it is not rendered at all.
//
// Each content of the application's folder is rendered once, so in the ordinary
// case, with nothing under way, there is one rendering.
package origin
