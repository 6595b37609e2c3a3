package editor

import "syscall"

// undumpable asks the kernel for no dump of this process (prctl(2), PR_SET_DUMPABLE).
func undumpable() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0) }
