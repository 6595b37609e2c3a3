// Package guard finds plaintext secrets in what Git has or is about to get: the
// index, the tracked files, a range of commits, the whole history.
//
// It reads blobs, never the work tree, and judges them by what they are and not by
// patterns over their text: each YAML or JSON document is parsed, tolerantly and
// with positions, whatever its spelling; Helm's actions are neutralised first; a
// document that no parser takes is read line by line, never passed over. On top of
// that it looks for tokens with an unmistakable form, and for the very values that
// this machine has in plaintext.
//
// A finding names file, line and key, and never holds a value or says its length.
package guard
