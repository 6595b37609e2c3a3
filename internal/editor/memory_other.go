//go:build !linux

package editor

// memory is a folder in memory; there is none that every such machine has.
func memory() string { return "" }
