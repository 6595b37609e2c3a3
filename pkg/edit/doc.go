// Package edit changes the plaintext Secrets of one application at a person's word:
// a value that was typed, a file that went through an editor, values that come from
// elsewhere. It takes and gives contents of files and writes none; what is computed
// from a changed value follows by generate.New, which writes the drafts as well.
package edit
